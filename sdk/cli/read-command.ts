import { DEFAULT_CONSUME } from '../client/consume-options.ts'
import { bytes, nullable } from '../client/serde.ts'
import { TidemarkError } from '../errors.ts'
import type { Tidemark } from '../tidemark.ts'
import { type Command, type ExitCode, type Invocation, WRONG_USE } from './command.ts'
import { checkTopicExists, reading } from './directory-access.ts'
import { LineWriter } from './line-writer.ts'
import { instant, wholeNumber } from './option-values.ts'
import { recordToJson } from './record-json.ts'
import { recordLine } from './record-text.ts'
import { styleFor } from './style.ts'
import { UsageError } from './usage-error.ts'

type From = 'earliest' | 'latest' | { readonly offset: number } | { readonly timestampMs: number }

export const readCommand: Command = {
  name: 'read',
  summary: 'The records of a topic, from the earliest to the end.',
  positionals: ['DIR', 'TOPIC'],
  options: {
    partition: { type: 'string', short: 'p', valueName: 'N', description: 'only this partition' },
    from: {
      type: 'string',
      valueName: 'WHERE',
      description:
        'earliest (default), latest, an offset, or a time such as 2026-11-22 or 2026-11-22T10:00 (UTC unless it says +01:00)',
    },
    max: { type: 'string', short: 'n', valueName: 'N', description: 'stop after this many records' },
    isolation: {
      type: 'string',
      valueName: 'LEVEL',
      description: 'read_committed (default), or read_uncommitted: records of open and aborted transactions, too',
    },
    'skip-damage': { type: 'boolean', description: 'go on behind records that are damaged, instead of stopping there' },
    follow: { type: 'boolean', short: 'f', description: 'go on with what is written from now on, until interrupted' },
  },
  details: [
    'Belongs to no group and commits nothing. Reads the same files as the program that owns the directory, which notices nothing.',
    'Prints partition@offset, time, key, value and headers; null is what deletes a key.',
    'JSON: partition, offset, timestampMs, key, value, headers (key, value). Keys and values are text, null, or {"base64": "…"} where they are not UTF-8; `tidemark produce --json` takes such lines.',
  ],
  examples: [
    { does: 'The first ten', type: 'tidemark read ./data payments --max 10' },
    { does: 'What happens from now on', type: 'tidemark read ./data payments --from latest --follow' },
    { does: 'One record, by its offset', type: 'tidemark read ./data payments --partition 0 --from 1851 --max 1' },
    {
      does: 'Copy into another directory, where the topic has as many partitions',
      type: 'tidemark read ./a payments --json | tidemark produce ./b payments --json',
    },
  ],
  exitCodes: [{ code: 0, means: 'fine' }, { code: 1, means: 'the log is damaged or cannot be read' }, WRONG_USE],
  run: (invocation) => {
    const question = parseQuestion(invocation)
    return reading(invocation, (tide) => readRecords(invocation, tide, question)).catch((error: unknown) => {
      throw advised(error, question)
    })
  },
}

interface Question {
  readonly from: From
  readonly max: number
  readonly partition: number | undefined
  readonly isolation: 'read_uncommitted' | 'read_committed'
}

async function readRecords(invocation: Invocation, tide: Tidemark, question: Question): Promise<ExitCode> {
  const { terminal, isJson, options } = invocation
  const name = invocation.positionals[1]!
  await checkTopicExists(tide, name)
  const { from, max, partition, isolation } = question
  if (partition !== undefined) await checkPartitionExists(tide, name, partition)
  if (max === 0) return 0
  const topic = tide.topic(name, { key: nullable(bytes), value: nullable(bytes) })
  const records = topic.read({
    from,
    isolation,
    follow: options.isSet('follow'),
    onDamage: options.isSet('skip-damage') ? 'skip' : 'throw',
    signal: terminal.signal,
    ...(partition === undefined ? {} : { partitions: [partition] }),
  })
  const lines = new LineWriter(terminal)
  const style = styleFor(terminal)
  let count = 0
  for await (const record of records) {
    const read = { ...placeOf(record), ...record.bytes, headers: record.headers }
    await lines.line(
      isJson ? JSON.stringify(recordToJson(read)) : recordLine(`${read.partition}@${read.offset}`, read, style),
    )
    count += 1
    if (count >= max || lines.isClosed) break
  }
  await lines.flush()
  return 0
}

/** The same offset is there in one partition and not in the next. */
function advised(error: unknown, { from, partition }: Question): unknown {
  const isOutside = error instanceof TidemarkError && error.code === 'OFFSET_OUT_OF_RANGE'
  if (!isOutside || partition !== undefined || typeof from === 'string' || !('offset' in from)) return error
  const advice = 'Every partition has offsets of its own: say which one is meant with --partition N.'
  return new TidemarkError(error.code, `${error.message} ${advice}`, { cause: error })
}

function placeOf(record: { readonly partition: number; readonly offset: number; readonly timestampMs: number }) {
  const { partition, offset, timestampMs } = record
  return { partition, offset, timestampMs }
}

function parseQuestion({ options }: Invocation): Question {
  const isolation = options.text('isolation') ?? DEFAULT_CONSUME.isolation
  if (isolation !== 'read_uncommitted' && isolation !== 'read_committed') {
    throw new UsageError(`--isolation takes read_uncommitted or read_committed, not "${isolation}".`)
  }
  return {
    from: parseFrom(options.text('from') ?? 'earliest'),
    max: options.count('max', 0) ?? Number.POSITIVE_INFINITY,
    partition: options.count('partition', 0),
    isolation,
  }
}

function parseFrom(text: string): From {
  if (text === 'earliest' || text === 'latest') return text
  if (/^\d+$/.test(text)) return { offset: wholeNumber('--from', text, 0) }
  return { timestampMs: instant('--from', text, 'earliest, latest, an offset, or ') }
}

async function checkPartitionExists(tide: Tidemark, topic: string, partition: number): Promise<void> {
  const { partitions } = await tide.topics.describe(topic)
  if (partitions.some((each) => each.partition === partition)) return
  throw new UsageError(`Topic ${topic} has no partition ${partition}: it has 0 to ${partitions.length - 1}.`)
}
