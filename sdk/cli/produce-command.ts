import { bytes, nullable } from '../client/serde.ts'
import { TidemarkError } from '../errors.ts'
import type { Tidemark } from '../tidemark.ts'
import type { Command, ExitCode, Invocation } from './command.ts'
import { WAIT_OPTION, writing } from './directory-access.ts'
import { inputLines } from './input-lines.ts'
import { type InputRecord, recordFromJson, recordFromLine } from './input-record.ts'
import { counted, sizeWords } from './plain-words.ts'
import { ProgressLine } from './progress-line.ts'
import { UsageError } from './usage-error.ts'

export const produceCommand: Command = {
  name: 'produce',
  summary: 'Appends a record per line of standard input. Creates the topic where there is none.',
  positionals: ['DIR', 'TOPIC'],
  options: {
    'key-separator': {
      type: 'string',
      short: 'k',
      valueName: 'TEXT',
      description: 'what stands before it in a line is the key (default: lines have no key)',
    },
    ...WAIT_OPTION,
  },
  details: [
    'Records with the same key go to the same partition. The command ends when everything is flushed to the disk.',
    'With --json each line is {"key", "value", "headers", "partition", "timestampMs"}, of which only value is needed, and the outcome is printed as topic, records, sizeBytes, lastOffsets (partition, offset). Keys and values are text, null, or {"base64": "…"}; other JSON stands for its own text. Headers are a list of {"key", "value"}.',
  ],
  examples: [
    { does: 'A record per line of a file', type: 'tidemark produce ./data events < events.ndjson' },
    {
      does: 'With keys',
      type: "printf 'card-17=12\\ncard-4=7\\n' | tidemark produce ./data payments --key-separator =",
    },
    { does: 'A tombstone', type: 'echo \'{"key":"card-17","value":null}\' | tidemark produce ./data payments --json' },
  ],
  exitCodes: [
    { code: 0, means: 'every line was written' },
    { code: 1, means: 'the directory is in use, or a record could not be written' },
    { code: 2, means: 'wrong use, or a line that is not as it should be; the lines before it were written' },
  ],
  run: (invocation) => {
    const separator = invocation.options.text('key-separator')
    if (separator === '') throw new UsageError('--key-separator takes at least one character.')
    if (separator !== undefined && invocation.isJson) {
      throw new UsageError('--key-separator and --json exclude each other: JSON lines have a "key".')
    }
    return writing(invocation, (tide) => produce(invocation, tide, separator && Buffer.from(separator)))
  },
}

async function produce(invocation: Invocation, tide: Tidemark, separator: Buffer | '' | undefined): Promise<ExitCode> {
  const { terminal, isJson } = invocation
  const name = invocation.positionals[1]!
  const topic = tide.topic(name, { key: nullable(bytes), value: nullable(bytes) })
  const { created } = await topic.ensure()
  if (created) await terminal.errors.write(`Created ${name} with 1 partition.\n`)
  if (terminal.isInputTerminal) await terminal.errors.write('One record per line; Ctrl-D ends.\n')
  const input = new InputRecords(invocation, separator === '' ? undefined : separator)
  const { clock } = terminal.environment
  const startMs = clock.monotonicMs()
  try {
    const { lastOffsets } = await topic.sendAll(input.records()).catch((error: unknown) => {
      throw input.explained(error)
    })
    await input.line.clear()
    if (input.problem !== undefined) throw input.problem
    await terminal.output.write(
      isJson
        ? `${JSON.stringify({ topic: name, records: input.count, sizeBytes: input.sizeBytes, lastOffsets: lastOffsets.map(({ partition, offset }) => ({ partition, offset })) })}\n`
        : `Wrote ${counted(input.count, 'record')} (${sizeWords(input.sizeBytes)}) to ${name} in ${((clock.monotonicMs() - startMs) / 1000).toFixed(1)} s.\n`,
    )
    return 0
  } finally {
    await input.line.clear()
  }
}

/** Standard input as records, and how far it is. */
class InputRecords {
  count = 0
  sizeBytes = 0
  /** Why reading ended before the end of the input; what came before is sent all the same. */
  problem: UsageError | undefined
  readonly line: ProgressLine
  #largest = { lineNumber: 0, sizeBytes: 0 }
  readonly #invocation: Invocation
  readonly #separator: Buffer | undefined

  constructor(invocation: Invocation, separator: Buffer | undefined) {
    this.#invocation = invocation
    this.#separator = separator
    this.line = new ProgressLine(invocation.terminal)
  }

  async *records(): AsyncGenerator<InputRecord> {
    const { terminal, isJson } = this.#invocation
    let lineNumber = 0
    for await (const line of inputLines(terminal.input, terminal.signal)) {
      lineNumber += 1
      // A blank line is no JSON, and often the last one.
      if (isJson && line.every((byte) => byte === SPACE || byte === TAB)) continue
      const record = isJson ? this.#parse(line, lineNumber) : recordFromLine(line, this.#separator)
      if (record === undefined) return
      this.count += 1
      const sizeBytes = (record.key?.length ?? 0) + (record.value?.length ?? 0)
      this.sizeBytes += sizeBytes
      if (sizeBytes >= this.#largest.sizeBytes) this.#largest = { lineNumber, sizeBytes }
      this.line.show(() => `${counted(this.count, 'record')}, ${sizeWords(this.sizeBytes)}`)
      yield record
    }
  }

  /** A batch is refused, not a record: which line it was is clear all the same, for a batch that small has but one. */
  explained(error: unknown): unknown {
    if (!(error instanceof TidemarkError) || error.code !== 'MESSAGE_TOO_LARGE') return error
    const { lineNumber, sizeBytes } = this.#largest
    const message = `Line ${lineNumber} of the input, the largest of them (${sizeWords(sizeBytes)}), is too large. ${error.message}`
    return new TidemarkError('MESSAGE_TOO_LARGE', message, {
      topic: error.topic,
      partition: error.partition,
      cause: error,
    })
  }

  #parse(line: Buffer, lineNumber: number): InputRecord | undefined {
    try {
      return recordFromJson(line)
    } catch (error) {
      if (!(error instanceof UsageError)) throw error
      const before =
        this.count === 0
          ? 'Nothing was written.'
          : `The ${counted(this.count, 'record')} before it ${this.count === 1 ? 'was' : 'were'} written.`
      this.problem = new UsageError(`Line ${lineNumber} of the input: ${error.message}. ${before}`)
      return undefined
    }
  }
}

const SPACE = 0x20
const TAB = 0x09
