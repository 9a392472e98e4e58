import type { DeletedOffsets } from '../client/groups.ts'
import type { Tidemark } from '../tidemark.ts'
import { type Command, type ExitCode, type Invocation, WRONG_USE } from './command.ts'
import { checkGroupExists, checkTopicExists, reading, WAIT_OPTION, writing } from './directory-access.ts'
import { GROUP_OPTION, requiredGroup } from './group-option.ts'
import { readTextFile } from './input-file.ts'
import { LineWriter } from './line-writer.ts'
import { counted } from './plain-words.ts'
import { changeToJson, planText } from './plan-text.ts'
import { parseSavedOffsets, savedOffsetsTable } from './saved-offsets.ts'
import { styleFor } from './style.ts'
import { withoutControls } from './table.ts'
import { UsageError } from './usage-error.ts'

export const undoCommand: Command = {
  name: 'undo',
  summary: "Undoes a group's last reset, or a deletion. Shows what it would do; does it with --execute.",
  positionals: ['DIR'],
  options: {
    ...GROUP_OPTION,
    topic: {
      type: 'string',
      short: 't',
      multiple: true,
      valueName: 'TOPIC',
      description: 'only this topic; may be given several times',
    },
    'from-file': {
      type: 'string',
      valueName: 'FILE',
      description: 'puts back what `tidemark delete` printed, saved in this file; - reads it from the input',
    },
    force: { type: 'boolean', description: 'also where the group has committed since; that is overwritten' },
    running: {
      type: 'boolean',
      description: 'also while the group has members: they go on at the old place by themselves',
    },
    execute: { type: 'boolean', description: 'do it; without this nothing is changed' },
    ...WAIT_OPTION,
  },
  details: [
    'Offsets, leader epochs and metadata become what they were, byte for byte; a partition that had no commit has none again. Refused while the group has members, unless --running, and where it has committed since, unless --force: a running group mostly has. Undo again to undo the reset before.',
    'JSON: group, topic, partition, before (what is committed now: offset, leaderEpoch, metadata), after (the offset; null: none), redelivered, skipped, executed. With --from-file: group, topic, partition, offset, leaderEpoch, metadata, executed.',
  ],
  examples: [
    { does: 'What would come back?', type: 'tidemark undo ./data --group fraud' },
    {
      does: 'Do it while it runs, whatever it has read since',
      type: 'tidemark undo ./data -g fraud --running --force --execute',
    },
    { does: 'Do it, the program that consumes having stopped', type: 'tidemark undo ./data --group fraud --execute' },
  ],
  exitCodes: [
    { code: 0, means: 'shown or done' },
    { code: 1, means: 'nothing to undo, the group has members or went on, or the directory is in use' },
    WRONG_USE,
  ],
  run: async (invocation) => {
    const { options } = invocation
    const group = requiredGroup(options)
    const file = options.text('from-file')
    const access = options.isSet('execute') ? writing : reading
    if (file === undefined) return access(invocation, (tide) => undoReset(invocation, tide, group))
    if (options.isSet('topic')) throw new UsageError('--topic does not go with --from-file: shorten the file instead.')
    if (options.isSet('running'))
      throw new UsageError('--running does not go with --from-file: what was deleted had no members.')
    const deleted = { group, offsets: parseSavedOffsets(await readTextFile(invocation.terminal, file)) }
    return access(invocation, (tide) => undoDeletion(invocation, tide, deleted))
  },
}

async function undoReset(invocation: Invocation, tide: Tidemark, group: string): Promise<ExitCode> {
  const { terminal, options, isJson } = invocation
  await checkGroupExists(tide, group)
  const topics = options.list('topic')
  for (const topic of topics) await checkTopicExists(tide, topic)
  const plan = await tide.groups.planUndo(group, topics.length === 0 ? {} : { topics })
  const isExecuted = options.isSet('execute')
  const isRunning = options.isSet('running')
  if (isExecuted) await plan.apply({ force: options.isSet('force'), running: isRunning })
  if (isJson) {
    const lines = new LineWriter(terminal)
    for (const change of plan.changes) await lines.line(JSON.stringify(changeToJson(group, change, isExecuted)))
    await lines.flush()
  } else if (plan.changes.length > 0) {
    await terminal.output.write(
      planText(plan, {
        isExecuted,
        isRunning,
        isUndo: true,
        style: styleFor(terminal),
        maxWidth: terminal.output.columns,
      }),
    )
  }
  if (plan.changes.length > 0) return 0
  await terminal.errors.write(
    `tidemark: There is nothing to undo: group ${group} was not reset, it was undone already, or the commits no longer tell.\n`,
  )
  return 1
}

async function undoDeletion(invocation: Invocation, tide: Tidemark, deleted: DeletedOffsets): Promise<ExitCode> {
  const { terminal, options, isJson } = invocation
  const isExecuted = options.isSet('execute')
  const { group, offsets } = deleted
  if (isExecuted) await tide.groups.restore(deleted, { force: options.isSet('force') })
  if (isJson) {
    const lines = new LineWriter(terminal)
    for (const { topic, partition, offset, leaderEpoch, metadata } of offsets) {
      await lines.line(JSON.stringify({ group, topic, partition, offset, leaderEpoch, metadata, executed: isExecuted }))
    }
    await lines.flush()
    return 0
  }
  const title = `Group ${withoutControls(group)}${isExecuted ? '' : ', dry run'}\n\n`
  const end = isExecuted
    ? `Done: ${counted(offsets.length, 'partition')} committed again.\n`
    : 'Nothing was changed. Add --execute to commit this.\n'
  await terminal.output.write(`${title}${savedOffsetsTable(offsets, terminal.output.columns)}\n${end}`)
  return 0
}
