import { t } from '@vscode/l10n'
import type { TopicRecord } from 'tidemark'
import type { QuantityWords } from './quantity-words.ts'
import type { RecordPlace } from './record-place.ts'
import { shortText, valueLines } from './value-text.ts'

/** Where a record stands on the disk. */
export interface FilePlace {
  /** The name of the segment. */
  readonly file: string
  /** The byte at which its batch begins. */
  readonly position: number
}

/** What a record document needs of a record. */
export interface ShownRecord extends Pick<TopicRecord, 'offset' | 'timestampMs' | 'bytes' | 'headers'> {
  /** undefined where that is not known. */
  readonly filePlace?: FilePlace | undefined
}

/** Records of a partition as JSON with comments: facts as comments, values as values. */
export function recordText(place: RecordPlace, records: readonly ShownRecord[], words: QuantityWords): string {
  const name = `${place.topic}-${place.partition}`
  if (records.length === 0) return `// ${name}\n// ${emptyWords(place, words)}\n`
  const blocks = records.map((record) => block(record, markOf(place, record, records), words))
  const heading = [`// ${name}`, ...headingWords(place, records, words)].join('\n')
  return `${heading}\n\n${blocks.join('\n\n')}\n`
}

/** The line, zero-based, on which the record in question begins; 0 where it is not there. */
export function markedLine(text: string): number {
  const lines = text.split('\n')
  return Math.max(
    0,
    lines.findLastIndex((line) => line.startsWith('// ▶')),
  )
}

function headingWords(place: RecordPlace, records: readonly ShownRecord[], words: QuantityWords): readonly string[] {
  const { group, offset } = place
  if (offset === 'end') return [`// ${t('The newest records, newest first; new ones appear by themselves.')}`]
  const isThere = records.some((record) => record.offset === offset)
  const lines: string[] = []
  if (group !== undefined) {
    const next = records.find((record) => record.offset >= offset)
    if (next === undefined) lines.push(t('{0} has processed everything up to here: no record waits.', group))
    else lines.push(t('▶ is the next record that {0} will process.', group))
  }
  if (!isThere && records.some((record) => record.offset > offset)) {
    lines.push(t('There is no record at {0}: the next one after it is marked.', words.digits(offset)))
  }
  lines.push(t('Read from the files; looking commits nothing.'))
  return lines.map((line) => `// ${line}`)
}

function emptyWords({ offset, group }: RecordPlace, words: QuantityWords): string {
  if (offset === 'end') return t('There is no record yet.')
  if (group === undefined) return t('There is no record at {0} or behind it.', words.digits(offset))
  return t('No record waits for {0}: it stands at {1}, the end.', group, words.digits(offset))
}

/** The first record at or behind the offset in question is marked. */
function markOf({ offset }: RecordPlace, record: ShownRecord, records: readonly ShownRecord[]): string {
  if (offset === 'end') return '──'
  const marked = records.find((each) => each.offset >= offset)
  return record === marked ? '▶' : '──'
}

function block(record: ShownRecord, mark: string, words: QuantityWords): string {
  const facts = [
    `// ${mark} ${t('offset {0}', words.digits(record.offset))} · ${new Date(record.timestampMs).toISOString()}`,
    `//    ${t('key')} ${shortText(record.bytes.key)}`,
    ...record.headers.map(({ key, value }) => `//    ${t('header')} ${JSON.stringify(key)}: ${shortText(value)}`),
  ]
  if (record.filePlace !== undefined) {
    const { file, position } = record.filePlace
    facts.push(`//    ${t('in {0}, batch at byte {1}', file, words.digits(position))}`)
  }
  if (record.bytes.value === null) facts.push(`//    ${t('tombstone: the value is null')}`)
  return [...facts, ...valueLines(record.bytes.value)].join('\n')
}
