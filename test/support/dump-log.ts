/**
 * Kafka's `DumpLogSegments`, the judge of every file we write. `problems` is what it complained about: an index entry
 * that does not match the log, offsets out of order, bytes that are no batch. A batch also says itself whether it is valid.
 */
import { basename } from 'node:path'
import { runKafkaTool } from './java.ts'

export interface DumpedRecord {
  readonly offset: number
  readonly timestampMs: number
  /** −1: null. */
  readonly keySize: number
  readonly valueSize: number
  readonly sequence: number
  readonly headerKeys: readonly string[]
  /** With `print` the text; with `decode` the parsed JSON, null for `<DELETE>`. */
  readonly key?: unknown
  readonly payload?: unknown
  /** What a control record says, as text. */
  readonly control?: string
}

export interface DumpedBatch {
  readonly baseOffset: number
  readonly lastOffset: number
  readonly count: number
  readonly baseSequence: number
  readonly lastSequence: number
  readonly producerId: number
  readonly producerEpoch: number
  readonly partitionLeaderEpoch: number
  readonly isTransactional: boolean
  readonly isControl: boolean
  readonly deleteHorizonMs: number | null
  readonly position: number
  readonly timestampType: 'CreateTime' | 'LogAppendTime' | 'NoTimestampType'
  readonly maxTimestampMs: number
  readonly sizeBytes: number
  readonly magic: number
  readonly codec: string
  readonly crc: number
  readonly isValid: boolean
  readonly records: DumpedRecord[]
}

export interface DumpedFile {
  readonly path: string
  readonly batches: DumpedBatch[]
  /** Of an `.index` {offset, position}, of a `.timeindex` {timestamp, offset}. */
  readonly entries: Record<string, number>[]
  /** Lines that are none of the above: producer snapshots, checkpoint headers. */
  readonly lines: string[]
}

export interface LogDump {
  readonly files: DumpedFile[]
  readonly problems: string[]
  readonly text: string
}

export interface DumpOptions {
  /** Prints keys and values as text. */
  readonly print?: boolean
  /** Decodes the records of an internal topic; implies `print`. */
  readonly decode?: 'offsets' | 'cluster-metadata' | 'transaction-log'
  readonly cwd?: string
}

/** One argument of a command line ends at 128 KiB on Linux. */
const FILES_ARGUMENT_MAX_CHARACTERS = 100_000

const PROBLEM =
  /^(Found |Mismatches in|Non-consecutive offsets|Exception|Error|Could not|\s+(Index (offset|timestamp)|\S+ is followed by))/

/** Dumps log, index, time index, snapshot and checkpoint files. Index files are compared with the log beside them. */
export async function dumpLogSegments(files: readonly string[], options: DumpOptions = {}): Promise<LogDump> {
  const dumps: LogDump[] = []
  for (const part of partsOf(files)) {
    const flags = options.decode ? [`--${options.decode}-decoder`] : options.print ? ['--print-data-log'] : []
    const { stdout, stderr } = await runKafkaTool(
      'kafka-dump-log',
      ['--files', part.join(','), '--deep-iteration', ...flags],
      { mayFail: true, timeoutMs: 120_000, ...(options.cwd === undefined ? {} : { cwd: options.cwd }) },
    )
    const dump = parseDump(stdout, options.decode !== undefined)
    const complaints = stderr.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('\tat '))
    const missing = part.filter((path) => !dump.files.some((file) => file.path === path))
    dumps.push({
      files: dump.files,
      problems: [...dump.problems, ...complaints, ...missing.map((path) => `${path} was not dumped`)],
      text: stdout + stderr,
    })
  }
  return {
    files: dumps.flatMap((dump) => dump.files),
    problems: dumps.flatMap((dump) => dump.problems),
    text: dumps.map((dump) => dump.text).join(''),
  }
}

function partsOf(files: readonly string[]): string[][] {
  const parts: string[][] = []
  let characters = Number.POSITIVE_INFINITY
  for (const file of files) {
    if (characters + file.length + 1 > FILES_ARGUMENT_MAX_CHARACTERS) {
      parts.push([])
      characters = 0
    }
    parts.at(-1)?.push(file)
    characters += file.length + 1
  }
  return parts
}

/** Exported for its test. */
export function parseDump(text: string, decoded: boolean): LogDump {
  const files: DumpedFile[] = []
  const problems: string[] = []
  for (const line of text.split('\n')) {
    const file = files.at(-1)
    const batch = file?.batches.at(-1)
    if (line.startsWith('Dumping ')) {
      files.push({ path: line.slice('Dumping '.length), batches: [], entries: [], lines: [] })
    } else if (PROBLEM.test(line)) {
      problems.push(file ? `${basename(file.path)}: ${line.trim()}` : line)
    } else if (line.startsWith('baseOffset: ')) {
      file?.batches.push(parseBatch(line))
    } else if (line.startsWith('| offset: ')) {
      batch?.records.push(parseRecord(line, decoded))
    } else if (/^(offset|timestamp): -?\d+ (position|offset): \d+$/.test(line)) {
      file?.entries.push(numbersOf(line))
    } else if (line.trim() !== '') {
      file?.lines.push(line)
    }
  }
  return { files, problems, text }
}

function fieldsOf(line: string): Record<string, string> {
  const fields: Record<string, string> = {}
  for (const [, name = '', value = ''] of line.matchAll(/(\w+): (\S+)/g)) fields[name] = value
  return fields
}

function numbersOf(line: string): Record<string, number> {
  return Object.fromEntries(Object.entries(fieldsOf(line)).map(([name, value]) => [name, Number(value)]))
}

function parseBatch(line: string): DumpedBatch {
  // "deleteHorizonMs: OptionalLong[5]" or "OptionalLong.empty"
  const fields = fieldsOf(line)
  const number = (name: string) => Number(fields[name])
  const timestampType = (['CreateTime', 'LogAppendTime'] as const).find((name) => name in fields)
  const horizon = /OptionalLong\[(\d+)\]/.exec(line)?.[1]
  return {
    baseOffset: number('baseOffset'),
    lastOffset: number('lastOffset'),
    count: number('count'),
    baseSequence: number('baseSequence'),
    lastSequence: number('lastSequence'),
    producerId: number('producerId'),
    producerEpoch: number('producerEpoch'),
    partitionLeaderEpoch: number('partitionLeaderEpoch'),
    isTransactional: fields['isTransactional'] === 'true',
    isControl: fields['isControl'] === 'true',
    deleteHorizonMs: horizon === undefined ? null : Number(horizon),
    position: number('position'),
    timestampType: timestampType ?? 'NoTimestampType',
    maxTimestampMs: number(timestampType ?? 'NoTimestampType'),
    sizeBytes: number('size'),
    magic: number('magic'),
    codec: fields['compresscodec'] ?? '',
    crc: number('crc'),
    isValid: fields['isvalid'] === 'true',
    records: [],
  }
}

const RECORD =
  /^\| offset: (-?\d+) \w+: (-?\d+) keySize: (-?\d+) valueSize: (-?\d+) sequence: (-?\d+) headerKeys: \[(.*?)\](?: key: (.*?))?(?: payload: (.*))?$/

function parseRecord(line: string, decoded: boolean): DumpedRecord {
  const found = RECORD.exec(line)
  if (!found) return parseControlRecord(line)
  const [, offset, timestampMs, keySize, valueSize, sequence, headers, key, payload] = found
  const value = (text: string) => (decoded ? decodedValue(text) : text)
  return {
    offset: Number(offset),
    timestampMs: Number(timestampMs),
    keySize: Number(keySize),
    valueSize: Number(valueSize),
    sequence: Number(sequence),
    headerKeys: headers ? headers.split(',') : [],
    ...(key === undefined ? {} : { key: value(key) }),
    ...(payload === undefined ? {} : { payload: value(payload) }),
  }
}

function parseControlRecord(line: string): DumpedRecord {
  const fields = fieldsOf(line)
  return {
    offset: Number(fields['offset']),
    timestampMs: Number(fields['CreateTime'] ?? fields['LogAppendTime']),
    keySize: Number(fields['keySize']),
    valueSize: Number(fields['valueSize']),
    sequence: Number(fields['sequence']),
    headerKeys: [],
    control: line.slice(line.indexOf('headerKeys: []') + 'headerKeys: [] '.length),
  }
}

function decodedValue(text: string): unknown {
  if (text === '<DELETE>') return null
  try {
    return JSON.parse(text)
  } catch {
    // The tool prints what it cannot decode as a sentence; a test sees that sentence.
    return text
  }
}
