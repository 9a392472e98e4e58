import { bytesToJson } from '../client/bytes-json.ts'
import type { BatchRow, EntryRow, FileHeadRow, FileRow, ProblemRow, RecordRow } from '../inspect/file-row.ts'
import { sizeWords } from './plain-words.ts'
import { recordLine, timeText } from './record-text.ts'
import type { Style } from './style.ts'
import { renderTable, withoutControls } from './table.ts'

/** Entries that are gathered for one table: its columns are as wide as they need. */
const TABLE_ROWS = 500
/** Wide enough for what is common; a wider value pushes its own line only. */
const BATCH_COLUMNS = [
  { title: 'OFFSETS', width: 15, isNumber: false },
  { title: 'RECORDS', width: 7, isNumber: true },
  { title: 'BYTE', width: 8, isNumber: true },
  { title: 'SIZE', width: 8, isNumber: true },
  { title: 'LATEST RECORD', width: 20, isNumber: false },
  { title: 'MORE', width: 0, isNumber: false },
] as const

/** The rows of files as lines for people. */
export class DumpText {
  readonly #style: Style
  readonly #columns: number | undefined
  #entries: EntryRow[] = []
  #hasTitles = false
  /** A file was begun of which no row has come yet. */
  #isEmpty = false

  /** `columns`: of the terminal. */
  constructor(style: Style, columns: number | undefined) {
    this.#style = style
    this.#columns = columns
  }

  /** The lines that are due with `row`. */
  lines(path: string, row: FileRow): string[] {
    if (row.row === 'file') return [...this.end(), ...this.#head(path, row)]
    this.#isEmpty = false
    if (row.row === 'entry') {
      this.#entries.push(row)
      return this.#entries.length >= TABLE_ROWS ? this.#table() : []
    }
    const before = this.#table()
    if (row.row === 'batch') return [...before, ...this.#batch(row)]
    return [...before, row.row === 'record' ? this.#record(row) : this.#problem(row)]
  }

  /** Those that are left at the end of a file. */
  end(): string[] {
    const left = this.#table()
    if (this.#isEmpty) left.push('nothing stands in it')
    this.#isEmpty = false
    this.#hasTitles = false
    return left
  }

  #head(path: string, { about, sizeBytes }: FileHeadRow): string[] {
    this.#isEmpty = true
    const { bold, dim } = this.#style
    return [bold(withoutControls(path)), dim(withoutControls(`${about}, ${sizeWords(sizeBytes)}`))]
  }

  #table(): string[] {
    const [first] = this.#entries
    if (first === undefined) return []
    const names = Object.keys(first.fields)
    const isNumber = (name: string): boolean => this.#entries.every(({ fields }) => typeof fields[name] === 'number')
    const columns = names.map((name) => ({ title: titleOf(name), isNumber: isNumber(name) }))
    const rows = this.#entries.map(({ fields }) => names.map((name) => fieldText(name, fields[name] ?? null)))
    this.#entries = []
    return renderTable(columns, rows, this.#columns).trimEnd().split('\n')
  }

  #batch(batch: BatchRow): string[] {
    const { baseOffset, lastOffset, recordCount, position, sizeBytes, maxTimestampMs } = batch
    const offsets = baseOffset === lastOffset ? `${baseOffset}` : `${baseOffset}-${lastOffset}`
    const cells = [offsets, `${recordCount}`, `${position}`, `${sizeBytes}`, secondText(maxTimestampMs), more(batch)]
    const titles = this.#hasTitles ? [] : [aligned(BATCH_COLUMNS.map(({ title }) => title))]
    this.#hasTitles = true
    return [...titles, aligned(cells)]
  }

  #record(record: RecordRow): string {
    const { offset, meaning } = record
    if (meaning === null) return `  ${recordLine(String(offset), record, this.#style)}`
    return `  ${this.#style.dim(String(offset))}  ${withoutControls(meaning.words)}`
  }

  #problem({ position, what }: ProblemRow): string {
    const where = position === null ? '' : ` at ${position}`
    return `${this.#style.red(`problem${where}`)}  ${withoutControls(what)}`
  }
}

/** A row for programs. */
export function rowToJson(file: string, row: FileRow): Record<string, unknown> {
  if (row.row !== 'record') return { file, ...row }
  const { key, value, headers, ...rest } = row
  const shown = headers.map((header) => ({ key: header.key, value: bytesToJson(header.value) }))
  return { file, ...rest, key: bytesToJson(key), value: bytesToJson(value), headers: shown }
}

function aligned(cells: readonly string[]): string {
  return cells
    .map((cell, at) => {
      const { width, isNumber } = BATCH_COLUMNS[at]!
      return isNumber ? cell.padStart(width) : cell.padEnd(width)
    })
    .join('  ')
    .trimEnd()
}

/** What is not the same in nearly every batch. Id, epoch and sequence of a producer are in all, and short. */
function more(batch: BatchRow): string {
  const { codec, leaderEpoch, producerId, producerEpoch, baseSequence, deleteHorizonMs } = batch
  const parts = [
    leaderEpoch > 0 ? `epoch ${leaderEpoch}` : '',
    codec === 'none' ? '' : codec,
    batch.isControl ? 'control' : '',
    batch.isTransactional ? 'transaction' : '',
    producerId < 0 ? '' : `pid ${producerId}/${producerEpoch}${baseSequence < 0 ? '' : `#${baseSequence}`}`,
    batch.timestampType === 'LogAppendTime' ? 'LogAppendTime' : '',
    deleteHorizonMs === null ? '' : `delete horizon ${secondText(deleteHorizonMs)}`,
  ]
  return parts.filter((part) => part !== '').join(', ')
}

/** Eight columns of a producer snapshot are to fit a terminal. */
const SHORT_TITLES: Readonly<Record<string, string>> = {
  producerId: 'PRODUCER',
  producerEpoch: 'EPOCH',
  lastSequence: 'SEQUENCE',
  offsetDelta: 'DELTA',
  coordinatorEpoch: 'COORD',
  currentTxnFirstOffset: 'TXN',
}

function titleOf(name: string): string {
  return (
    SHORT_TITLES[name] ??
    name
      .replace(/Ms$/, '')
      .replace(/(?<=[a-z])(?=[A-Z])/g, ' ')
      .toUpperCase()
  )
}

function fieldText(name: string, value: unknown): string {
  if (name.endsWith('Ms') && typeof value === 'number') return timeText(value)
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** Seconds are enough where a column is short. */
function secondText(timestampMs: number): string {
  return timeText(timestampMs).replace(/\.\d+(?=Z$)/, '')
}
