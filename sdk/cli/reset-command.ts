import { TidemarkError } from '../errors.ts'
import {
  planReset,
  type ResetChange,
  type ResetPartition,
  type ResetPlan,
  type ResetTarget,
  resetCommits,
} from '../inspect/reset-plan.ts'
import type { Tidemark } from '../tidemark.ts'
import { type Command, type ExitCode, type Invocation, WRONG_USE } from './command.ts'
import { checkGroupExists, checkTopicExists, reading, WAIT_OPTION, writing } from './directory-access.ts'
import { LineWriter } from './line-writer.ts'
import { type OptionValues, wholeNumber } from './option-values.ts'
import { counted, digits } from './plain-words.ts'
import { type Style, styleFor } from './style.ts'
import { renderTable } from './table.ts'
import { UsageError } from './usage-error.ts'

export const resetCommand: Command = {
  name: 'reset',
  summary: 'Sets where a group goes on. Shows what it would do; does it with --execute.',
  positionals: ['DIR'],
  options: {
    group: { type: 'string', short: 'g', valueName: 'NAME', description: 'the group (required)' },
    topic: {
      type: 'string',
      short: 't',
      multiple: true,
      valueName: 'TOPIC[:P,…]',
      description:
        'only this topic, or these partitions of it; may be given several times (default: all the group committed)',
    },
    'to-earliest': { type: 'boolean', description: 'to the first record that is there: everything again' },
    'to-latest': { type: 'boolean', description: 'to the end: skip what is there' },
    'to-offset': { type: 'string', valueName: 'N', description: 'to this offset, or the nearest one that is there' },
    execute: { type: 'boolean', description: 'do it; without this nothing is changed' },
    ...WAIT_OPTION,
  },
  details: [
    'While the group has members it is refused: they would go on where they are and overwrite it. What was committed before is kept in the metadata of the new commit.',
    'JSON: group, topic, partition, before (offset, leaderEpoch, metadata; null without a commit), after, redelivered, skipped, executed.',
  ],
  examples: [
    { does: 'What would it mean to start over?', type: 'tidemark reset ./data --group fraud --to-earliest' },
    { does: 'Do it', type: 'tidemark reset ./data --group fraud --to-earliest --execute' },
    {
      does: 'Pass over one bad record, offset 1850 of partition 0',
      type: 'tidemark reset ./data --group fraud --topic payments:0 --to-offset 1851 --execute',
    },
  ],
  exitCodes: [
    { code: 0, means: 'shown or done' },
    { code: 1, means: 'the group has members, or the directory is in use or cannot be written' },
    WRONG_USE,
  ],
  run: (invocation) => {
    const question = parseQuestion(invocation.options)
    const access = question.isExecuted ? writing : reading
    return access(invocation, (tide) => reset(invocation, tide, question))
  },
}

interface Question {
  readonly group: string
  /** By topic; null: all its partitions. Empty: everything the group committed. */
  readonly topics: ReadonlyMap<string, readonly number[] | null>
  readonly target: ResetTarget
  readonly isExecuted: boolean
}

async function reset(invocation: Invocation, tide: Tidemark, question: Question): Promise<ExitCode> {
  const { terminal, isJson } = invocation
  const { group, isExecuted } = question
  const plan = planReset(group, question.target, await partitionsToReset(tide, question))
  const members = await activeMembers(tide, group)
  if (isExecuted && members.length > 0) throw refusal(group, members)
  if (isExecuted) await tide.groups.commit(group, resetCommits(plan))
  if (isJson) {
    const lines = new LineWriter(terminal)
    for (const change of plan.changes) await lines.line(JSON.stringify(changeToJson(group, change, isExecuted)))
    await lines.flush()
    return 0
  }
  const style = styleFor(terminal)
  await terminal.output.write(planText(plan, { isExecuted, style }))
  await terminal.output.write(conclusion(plan, { members, isExecuted, style }))
  return 0
}

async function partitionsToReset(tide: Tidemark, { group, topics }: Question): Promise<ResetPartition[]> {
  for (const topic of topics.keys()) await checkTopicExists(tide, topic)
  if (topics.size === 0) await checkGroupExists(tide, group)
  const committed = new Map<string, ResetPartition['committed']>()
  const names = new Map(topics)
  for (const { topic, partition, offset, leaderEpoch, metadata } of await committedOffsets(tide, group)) {
    committed.set(`${topic}-${partition}`, { offset, leaderEpoch, metadata })
    if (topics.size === 0) names.set(topic, [...(names.get(topic) ?? []), partition])
  }
  const existing = new Set((await tide.topics.list()).map(({ name }) => name))
  const partitions: ResetPartition[] = []
  for (const [name, wanted] of [...names].sort(([one], [other]) => (one < other ? -1 : 1))) {
    // A topic that is gone has nowhere to go to.
    if (!existing.has(name)) continue
    const topic = tide.topic(name)
    const ends = new Map((await topic.offsets('latest')).map(({ partition, offset }) => [partition, offset]))
    for (const { partition, offset: logStartOffset } of await topic.offsets('earliest')) {
      if (wanted !== null && !wanted.includes(partition)) continue
      const logEndOffset = ends.get(partition) ?? logStartOffset
      partitions.push({
        topic: name,
        partition,
        committed: committed.get(`${name}-${partition}`) ?? null,
        logStartOffset,
        logEndOffset,
      })
    }
    checkPartitions(name, wanted, ends)
  }
  if (partitions.length > 0) return partitions
  throw new UsageError(
    `Group ${JSON.stringify(group)} has committed nothing that is still there; name the topic: --topic TOPIC.`,
  )
}

function checkPartitions(topic: string, wanted: readonly number[] | null, ends: ReadonlyMap<number, number>): void {
  const missing = wanted?.find((partition) => !ends.has(partition))
  if (missing === undefined) return
  throw new UsageError(`Topic ${topic} has no partition ${missing}: it has 0 to ${ends.size - 1}.`)
}

/** None where there is no such group: with --topic a new group may be given its place before it starts. */
async function committedOffsets(tide: Tidemark, group: string) {
  const isThere = (await tide.groups.list()).some((each) => each.group === group)
  return isThere ? tide.groups.offsets(group) : []
}

async function activeMembers(tide: Tidemark, group: string): Promise<readonly string[]> {
  const isThere = (await tide.groups.list()).some((each) => each.group === group)
  if (!isThere) return []
  const { members } = await tide.groups.describe(group)
  return members.map(({ clientId, memberId }) => (clientId === '' ? memberId : clientId))
}

function refusal(group: string, members: readonly string[]): TidemarkError {
  return new TidemarkError(
    'NON_EMPTY_GROUP',
    [
      `Group ${group} has ${counted(members.length, 'member')} (${[...new Set(members)].join(', ')}): they would go on where they are and overwrite it. Nothing was changed.`,
      'What works: stop the program that consumes in this group, then run this again.',
    ].join('\n'),
  )
}

function planText(plan: ResetPlan, { isExecuted, style }: { isExecuted: boolean; style: Style }): string {
  const columns = [
    { title: 'Topic' },
    { title: 'Partition', isNumber: true },
    { title: 'Before', isNumber: true },
    { title: 'After', isNumber: true },
    { title: 'What it means' },
  ]
  const rows = plan.changes.map((change) => [
    change.topic,
    String(change.partition),
    change.before === null ? '-' : digits(change.before.offset),
    digits(change.after),
    meaning(change, style),
  ])
  return `Group ${plan.group}${isExecuted ? '' : ', dry run'}\n\n${renderTable(columns, rows)}\n`
}

function meaning(change: ResetChange, style: Style): string {
  const { redelivered, skipped, outside, isUnchanged, before } = change
  const there = outside === null ? '' : style.dim(` (${digits(outside)} is not there; this is the nearest)`)
  if (isUnchanged) return `stays where it is${there}`
  if (redelivered > 0) return `${counted(redelivered, 'record')} delivered again${there}`
  if (skipped > 0) return style.yellow(`${counted(skipped, 'record')} skipped`) + there
  if (before === null) return `starts here, as it would have${there}`
  return `no record again, none skipped${there}`
}

function conclusion(plan: ResetPlan, how: { members: readonly string[]; isExecuted: boolean; style: Style }): string {
  const changed = plan.changes.filter(({ isUnchanged }) => !isUnchanged).length
  if (changed === 0) return 'There is nothing to change.\n'
  if (how.isExecuted) return `Done: ${counted(changed, 'partition')} changed.\n`
  const members =
    how.members.length === 0
      ? ''
      : `The group has ${counted(how.members.length, 'member')} (${[...new Set(how.members)].join(', ')}). While they run this is refused; those of a program that was killed do not count.\n`
  return `${members}Nothing was changed. Add --execute to do it.\n`
}

function changeToJson(group: string, change: ResetChange, executed: boolean): Record<string, unknown> {
  const { topic, partition, before, after, redelivered, skipped } = change
  return { group, topic, partition, before, after, redelivered, skipped, executed }
}

function parseQuestion(options: OptionValues): Question {
  const group = options.text('group')
  if (group === undefined) throw new UsageError('--group is missing: which group?')
  const targets: ResetTarget[] = []
  if (options.isSet('to-earliest')) targets.push('earliest')
  if (options.isSet('to-latest')) targets.push('latest')
  const offset = options.count('to-offset', 0)
  if (offset !== undefined) targets.push({ offset })
  const [target] = targets
  if (target === undefined || targets.length > 1) {
    throw new UsageError('Say where to, with exactly one of --to-earliest, --to-latest and --to-offset N.')
  }
  return { group, topics: parseTopics(options.list('topic')), target, isExecuted: options.isSet('execute') }
}

function parseTopics(given: readonly string[]): Map<string, readonly number[] | null> {
  const topics = new Map<string, readonly number[] | null>()
  for (const text of given) {
    const [name = '', partitions] = text.split(':')
    if (topics.has(name)) throw new UsageError(`--topic ${name} is given twice; several partitions: ${name}:0,1.`)
    topics.set(name, partitions?.split(',').map((each) => wholeNumber('--topic TOPIC:P,…', each.trim(), 0)) ?? null)
  }
  return topics
}
