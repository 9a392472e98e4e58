import { TidemarkError } from '../errors.ts'

/** One line of Kafka's CSV: where a group is, or is to be put. */
export interface OffsetsCsvRow {
  /** null: the line names no group, as Kafka writes it when it was asked about one. */
  readonly group: string | null
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

/**
 * Reads what `kafka-consumer-groups --reset-offsets --export` prints and `--from-file` takes: `topic,partition,offset`,
 * or `group,topic,partition,offset` where it was asked about several groups. Throws INVALID_ARGUMENT with the line.
 */
export function parseOffsetsCsv(text: string): OffsetsCsvRow[] {
  const rows: OffsetsCsvRow[] = []
  for (const [index, line] of text
    .replace(/^\u{FEFF}/u, '')
    .split(/\r?\n/)
    .entries()) {
    if (line.trim() !== '') rows.push(parseLine(line, index + 1))
  }
  return rows
}

/** The same lines, to be read back by Kafka's tools and by `parseOffsetsCsv`. */
export function formatOffsetsCsv(rows: readonly OffsetsCsvRow[]): string {
  return rows
    .map(({ group, topic, partition, offset }) => {
      const fields = [topic, String(partition), String(offset)]
      return `${(group === null ? fields : [quoted(group), ...fields]).join(',')}\n`
    })
    .join('')
}

function parseLine(line: string, number: number): OffsetsCsvRow {
  const fields = splitFields(line)
  const group = fields.length === 4 ? fields.shift()! : null
  const [topic = '', partitionText = '', offsetText = ''] = fields.map((field) => field.trim())
  const partition = wholeNumber(partitionText)
  const offset = wholeNumber(offsetText)
  if (fields.length !== 3 || topic === '' || partition === undefined || offset === undefined) {
    const message = `Line ${number} is not "topic,partition,offset" or "group,topic,partition,offset", as \`kafka-consumer-groups --reset-offsets --export\` prints them: ${line}`
    throw new TidemarkError('INVALID_ARGUMENT', message)
  }
  return { group, topic, partition, offset }
}

/** Fields in double quotes may hold commas; a quote in them is written twice. */
function splitFields(line: string): string[] {
  const fields: string[] = []
  const field = /(?:"((?:[^"]|"")*)"|([^,]*))(,|$)/y
  for (;;) {
    const match = field.exec(line)
    if (match === null) return []
    fields.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '')
    if (match[3] === '') return fields
  }
}

function quoted(text: string): string {
  return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

function wholeNumber(text: string): number | undefined {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
  return Number.isSafeInteger(value) ? value : undefined
}
