import type { GroupOffset } from '../client/group-offsets.ts'
import { shellWord } from '../inspect/shell-word.ts'
import type { Tidemark } from '../tidemark.ts'
import { type Command, type ExitCode, type Invocation, WRONG_USE } from './command.ts'
import { checkGroupExists, reading, WAIT_OPTION, writing } from './directory-access.ts'
import { GROUP_OPTION, requiredGroup } from './group-option.ts'
import { LineWriter } from './line-writer.ts'
import { counted } from './plain-words.ts'
import { savedOffset, savedOffsetsTable } from './saved-offsets.ts'
import { withoutControls } from './table.ts'
import { UsageError } from './usage-error.ts'

export const deleteCommand: Command = {
  name: 'delete',
  summary: 'Deletes a group, or what it committed for topics. Shows it; does it with --execute.',
  positionals: ['DIR'],
  options: {
    ...GROUP_OPTION,
    topic: {
      type: 'string',
      short: 't',
      multiple: true,
      valueName: 'TOPIC',
      description: 'only what it committed for this topic; may be given several times (default: the whole group)',
    },
    execute: { type: 'boolean', description: 'do it; without this nothing is changed' },
    ...WAIT_OPTION,
  },
  details: [
    'No record of any topic is touched: the group only forgets how far it was, and starts as if it had never read. Refused while the group has members. Prints what is needed to put everything back before it deletes anything.',
    'JSON: group, topic, partition, offset, leaderEpoch, metadata, executed: save it, `tidemark undo --from-file` takes it.',
  ],
  examples: [
    { does: 'What would be forgotten?', type: 'tidemark delete ./data --group fraud' },
    {
      does: 'Do it, and keep what it takes to undo it',
      type: 'tidemark delete ./data -g fraud --execute --json > fraud.jsonl',
    },
    { does: 'Undo it', type: 'tidemark undo ./data -g fraud --from-file fraud.jsonl --execute' },
    {
      does: 'Forget a topic that the group does not read any more',
      type: 'tidemark delete ./data -g fraud -t refunds --execute',
    },
  ],
  exitCodes: [
    { code: 0, means: 'shown or done' },
    { code: 1, means: 'the group has members, or the directory is in use or cannot be written' },
    WRONG_USE,
  ],
  run: (invocation) => {
    const { options } = invocation
    const group = requiredGroup(options)
    const access = options.isSet('execute') ? writing : reading
    return access(invocation, (tide) => deleteGroup(invocation, tide, group))
  },
}

async function deleteGroup(invocation: Invocation, tide: Tidemark, group: string): Promise<ExitCode> {
  const { terminal, options, isJson, positionals } = invocation
  const isExecuted = options.isSet('execute')
  await checkGroupExists(tide, group)
  const topics = options.list('topic')
  const committed = await tide.groups.offsets(group)
  const missing = topics.find((topic) => !committed.some((each) => each.topic === topic))
  if (missing !== undefined) throw new UsageError(`Group ${group} has committed nothing for topic ${missing}.`)
  const offsets = topics.length === 0 ? committed : committed.filter(({ topic }) => topics.includes(topic))
  const { members } = await tide.groups.describe(group)
  // Whoever reads this must have it in hand before anything is gone.
  if (isJson) await printJson(invocation, group, offsets)
  else {
    const title = `Group ${withoutControls(group)}${isExecuted ? '' : ', dry run'}\n\n`
    const table =
      offsets.length === 0 ? 'It has committed nothing.\n' : savedOffsetsTable(offsets, terminal.output.columns)
    await terminal.output.write(`${title}${table}\n${restoring(group, offsets, positionals[0])}`)
  }
  if (isExecuted) {
    if (topics.length === 0) await tide.groups.delete(group)
    else await tide.groups.deleteOffsets(group, topics)
  }
  if (!isJson)
    await terminal.output.write(conclusion({ isExecuted, isWhole: topics.length === 0, members: members.length }))
  return 0
}

async function printJson(
  { terminal, options }: Invocation,
  group: string,
  offsets: readonly GroupOffset[],
): Promise<void> {
  const lines = new LineWriter(terminal)
  const executed = options.isSet('execute')
  for (const { topic, partition, offset, leaderEpoch, metadata } of offsets) {
    await lines.line(JSON.stringify({ group, topic, partition, offset, leaderEpoch, metadata, executed }))
  }
  await lines.flush()
}

function restoring(group: string, offsets: readonly GroupOffset[], directory: string): string {
  if (offsets.length === 0) return ''
  return [
    'To put it back, save these lines in a file:',
    ...offsets.map(savedOffset),
    `tidemark undo ${shellWord(directory)} --group ${withoutControls(shellWord(group))} --from-file FILE --execute`,
    '',
    '',
  ].join('\n')
}

function conclusion(how: {
  readonly isExecuted: boolean
  readonly isWhole: boolean
  readonly members: number
}): string {
  if (how.isExecuted) return how.isWhole ? 'Done: the group is deleted.\n' : 'Done: the group has forgotten this.\n'
  const members =
    how.members === 0 ? '' : `The group has ${counted(how.members, 'member')}: while they run this is refused.\n`
  return `${members}Nothing was changed. Add --execute to do it.\n`
}
