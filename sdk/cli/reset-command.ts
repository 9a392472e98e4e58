import type { ResetPlan } from '../client/reset-plan.ts'
import type { ResetScope } from '../client/reset-planner.ts'
import type { ResetTarget } from '../client/reset-target.ts'
import { TidemarkError } from '../errors.ts'
import { formatOffsetsCsv } from '../offsets/offsets-csv.ts'
import type { Tidemark } from '../tidemark.ts'
import { type Command, type ExitCode, type Invocation, WRONG_USE } from './command.ts'
import { checkGroupExists, checkTopicExists, reading, WAIT_OPTION, writing } from './directory-access.ts'
import { GROUP_OPTION, requiredGroup } from './group-option.ts'
import { readTextFile } from './input-file.ts'
import { LineWriter } from './line-writer.ts'
import { instant, type OptionValues, wholeNumber } from './option-values.ts'
import { changeToJson, planText } from './plan-text.ts'
import { styleFor } from './style.ts'
import { UsageError } from './usage-error.ts'

export const resetCommand: Command = {
  name: 'reset',
  summary: 'Sets where a group goes on. Shows what it would do; does it with --execute.',
  positionals: ['DIR'],
  options: {
    ...GROUP_OPTION,
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
    'to-current': { type: 'boolean', description: 'to where it is, or to the end where it never committed' },
    'to-offset': { type: 'string', valueName: 'N', description: 'to this offset, or the nearest one that is there' },
    'to-datetime': {
      type: 'string',
      valueName: 'TIME',
      description: 'to the first record at or after this time, such as 2026-03-01T04:00 (UTC unless it says +01:00)',
    },
    'by-duration': {
      type: 'string',
      valueName: 'DURATION',
      description: 'to the first record of so long ago, as ISO 8601 writes it: PT30M, PT6H, P7D',
    },
    by: { type: 'string', valueName: 'N', description: 'N offsets on from where it is; back with -N' },
    'from-file': {
      type: 'string',
      valueName: 'FILE',
      description:
        'to the offsets in a CSV of `kafka-consumer-groups --reset-offsets --export`; - reads it from the input',
    },
    export: {
      type: 'boolean',
      description: "print where it would go as such a CSV, for Kafka's tools and --from-file",
    },
    running: {
      type: 'boolean',
      description: 'also while the group has members: they go on at the new place by themselves',
    },
    execute: { type: 'boolean', description: 'do it; without this nothing is changed' },
    ...WAIT_OPTION,
  },
  details: [
    'While the group has members it is refused, since they would go on where they are and overwrite it; with --running they stay, and go on at the new place within half a second. The record in hand there no longer counts; what was processed in other partitions does. What was committed before is kept in the metadata of the new commit, where `tidemark undo` finds it.',
    'JSON: group, topic, partition, before (offset, leaderEpoch, metadata; null without a commit), after, redelivered, skipped (records; null where they cannot be counted), executed.',
  ],
  examples: [
    { does: 'What would it mean to start over?', type: 'tidemark reset ./data --group fraud --to-earliest' },
    {
      does: 'Do it, the program that consumes having stopped',
      type: 'tidemark reset ./data -g fraud --to-earliest --execute',
    },
    {
      does: 'Pass over one bad record, on which a running group is stuck',
      type: 'tidemark reset ./data -g fraud -t payments:0 --by 1 --running --execute',
    },
    {
      does: 'Once more what came in the last 6 hours',
      type: 'tidemark reset ./data -g fraud --by-duration PT6H --execute',
    },
    { does: 'Put it back', type: 'tidemark undo ./data --group fraud --execute' },
  ],
  exitCodes: [
    { code: 0, means: 'shown or done' },
    { code: 1, means: 'the group has members (without --running), or the directory is in use or cannot be written' },
    WRONG_USE,
  ],
  run: async (invocation) => {
    const question = await parseQuestion(invocation)
    const access = question.isExecuted ? writing : reading
    return access(invocation, (tide) => reset(invocation, tide, question))
  },
}

interface Question {
  readonly group: string
  /** Empty: everything the group committed. */
  readonly topics: NonNullable<ResetScope['topics']>
  readonly target: ResetTarget
  readonly isExecuted: boolean
  readonly isRunning: boolean
}

/** How often a plan is made anew, since the group has committed while it was made. */
const MAX_PLANS = 10

async function reset(invocation: Invocation, tide: Tidemark, question: Question): Promise<ExitCode> {
  const { terminal, isJson, options } = invocation
  const { group, topics, target, isExecuted, isRunning } = question
  for (const topic of topics) await checkTopicExists(tide, typeof topic === 'string' ? topic : topic.topic)
  const isNamed = topics.length > 0 || (typeof target === 'object' && 'csv' in target)
  if (!isNamed) await checkGroupExists(tide, group)
  const planned = () => tide.groups.planReset(group, target, topics.length === 0 ? {} : { topics })
  const plan = isExecuted ? await applied(planned, isRunning) : await planned()
  const lines = new LineWriter(terminal)
  if (options.isSet('export')) {
    const rows = plan.changes.map(({ topic, partition, after }) => ({ topic, partition, offset: after?.offset ?? 0 }))
    await terminal.output.write(formatOffsetsCsv(rows.map((row) => ({ group: null, ...row }))))
  } else if (isJson) {
    for (const change of plan.changes) await lines.line(JSON.stringify(changeToJson(group, change, isExecuted)))
  } else {
    await terminal.output.write(
      planText(plan, { isExecuted, isRunning, style: styleFor(terminal), maxWidth: terminal.output.columns }),
    )
  }
  await lines.flush()
  return 0
}

/** A running group may commit between the plan and its execution: nobody has seen that plan yet. */
async function applied(planned: () => Promise<ResetPlan>, isRunning: boolean): Promise<ResetPlan> {
  for (let made = 1; ; made++) {
    const plan = await planned()
    try {
      await plan.apply({ running: isRunning })
      return plan
    } catch (error) {
      const hasMoved = error instanceof TidemarkError && error.code === 'GROUP_MOVED'
      if (!hasMoved || !isRunning || made === MAX_PLANS) throw error
    }
  }
}

async function parseQuestion({ terminal, options }: Invocation): Promise<Question> {
  const group = requiredGroup(options)
  const file = options.text('from-file')
  const targets = targetsOf(options)
  if (targets.length + (file === undefined ? 0 : 1) !== 1) {
    throw new UsageError(
      'Say where to, with exactly one of --to-earliest, --to-latest, --to-current, --to-offset N, --to-datetime TIME, --by-duration DURATION, --by N and --from-file FILE.',
    )
  }
  const target = file === undefined ? targets[0]! : { csv: await readTextFile(terminal, file) }
  return {
    group,
    topics: parseTopics(options.list('topic')),
    target,
    isExecuted: options.isSet('execute'),
    isRunning: options.isSet('running'),
  }
}

function targetsOf(options: OptionValues): ResetTarget[] {
  const targets: ResetTarget[] = []
  if (options.isSet('to-earliest')) targets.push('earliest')
  if (options.isSet('to-latest')) targets.push('latest')
  if (options.isSet('to-current')) targets.push('current')
  const offset = options.count('to-offset', 0)
  if (offset !== undefined) targets.push({ offset })
  const time = options.text('to-datetime')
  if (time !== undefined) targets.push({ timestampMs: instant('--to-datetime', time) })
  const duration = options.text('by-duration')
  if (duration !== undefined) targets.push({ duration })
  const by = options.text('by')
  if (by !== undefined) targets.push({ by: signedNumber(by) })
  return targets
}

function signedNumber(text: string): number {
  if (!/^[+-]?\d+$/.test(text)) throw new UsageError(`--by takes a whole number, such as 1 or -100, not "${text}".`)
  const size = wholeNumber('--by', text.replace(/^[+-]/, ''), 0)
  return text.startsWith('-') ? -size : size
}

function parseTopics(given: readonly string[]): NonNullable<ResetScope['topics']> {
  const seen = new Set<string>()
  return given.map((text) => {
    const [topic = '', partitions] = text.split(':')
    if (seen.has(topic)) throw new UsageError(`--topic ${topic} is given twice; several partitions: ${topic}:0,1.`)
    seen.add(topic)
    if (partitions === undefined) return topic
    const numbers = partitions.split(',').map((each) => wholeNumber('--topic TOPIC:P,…', each.trim(), 0))
    return { topic, partitions: numbers }
  })
}
