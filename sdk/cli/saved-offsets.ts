import type { GroupOffset } from '../client/group-offsets.ts'
import { digits } from './plain-words.ts'
import { renderTable } from './table.ts'
import { UsageError } from './usage-error.ts'

/** A commit as a line to be saved, and to be put back by `tidemark undo --from-file`. */
export function savedOffset({ topic, partition, offset, leaderEpoch, metadata }: GroupOffset): string {
  return JSON.stringify({ topic, partition, offset, leaderEpoch, metadata })
}

/** What such lines say. Other fields are passed over, so the lines of `delete --json` will do. @throws UsageError */
export function parseSavedOffsets(text: string): GroupOffset[] {
  const offsets = text
    .split(/\r?\n/)
    .map((line, index) => ({ line: line.trim(), number: index + 1 }))
    .filter(({ line }) => line !== '')
    .map(({ line, number }) => parseLine(line, number))
  if (offsets.length === 0) throw new UsageError('The file has no line that `tidemark delete` printed.')
  return offsets
}

export function savedOffsetsTable(offsets: readonly GroupOffset[], maxWidth: number | undefined): string {
  const columns = [
    { title: 'Topic' },
    { title: 'Partition', isNumber: true },
    { title: 'Committed', isNumber: true },
    { title: 'Metadata' },
  ]
  const rows = offsets.map(({ topic, partition, offset, metadata }) => [
    topic,
    String(partition),
    digits(offset),
    metadata.length <= 40 ? metadata : `${metadata.slice(0, 39)}…`,
  ])
  return renderTable(columns, rows, maxWidth)
}

function parseLine(line: string, number: number): GroupOffset {
  const { topic, partition, offset, leaderEpoch, metadata } = parseObject(line)
  const isSaved =
    typeof topic === 'string' &&
    isNumberFrom(partition, 0) &&
    isNumberFrom(offset, 0) &&
    isNumberFrom(leaderEpoch, -1) &&
    typeof metadata === 'string'
  if (isSaved) return { topic, partition, offset, leaderEpoch, metadata, committedAtMs: null, topicId: null }
  throw new UsageError(`Line ${number} is none that \`tidemark delete\` printed: ${line}`)
}

function parseObject(line: string): { readonly [Name in keyof GroupOffset]?: unknown } {
  try {
    return Object(JSON.parse(line)) as { readonly [Name in keyof GroupOffset]?: unknown }
  } catch {
    return {}
  }
}

function isNumberFrom(value: unknown, min: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= min
}
