import type { TopicPartition } from '../broker/broker.ts'
import { TidemarkError } from '../errors.ts'
import { type OffsetsCsvRow, parseOffsetsCsv } from '../offsets/offsets-csv.ts'
import { durationMs } from './duration.ts'
import type { Position } from './position.ts'

/**
 * Where a reset puts a group, as `kafka-consumer-groups --reset-offsets` has it:
 *
 * - `'earliest'`, `'latest'`: the first record that is there; the end.
 * - `'current'`: where it is; the end where it never committed.
 * - `{ offset }`: that offset.
 * - `{ timestampMs }`: the first record at or after that time (milliseconds since 1970); the end if there is none.
 * - `{ duration }`: the same for so long ago: milliseconds, or ISO 8601 such as `PT30M`.
 * - `{ by }`: so many offsets on from where it is, back if negative.
 * - `{ csv }`: lines `topic,partition,offset` as Kafka's `--reset-offsets --export` prints them.
 */
export type ResetTarget =
  | 'earliest'
  | 'latest'
  | 'current'
  | { readonly offset: number }
  | { readonly timestampMs: number }
  | { readonly duration: string | number }
  | { readonly by: number }
  | { readonly csv: string }

/** A target with nothing left to parse. */
export type CheckedTarget =
  | { readonly kind: 'position'; readonly position: Position }
  | { readonly kind: 'current' }
  | { readonly kind: 'by'; readonly by: number }
  | { readonly kind: 'rows'; readonly rows: readonly (TopicPartition & { readonly offset: number })[] }

/** @throws {TidemarkError} INVALID_ARGUMENT */
export function checkTarget(group: string, target: ResetTarget, nowMs: number): CheckedTarget {
  if (target === 'current') return { kind: 'current' }
  if (target === 'earliest' || target === 'latest') return { kind: 'position', position: target }
  // Two answers to one question are a mistake, not a choice.
  if (typeof target === 'object' && target !== null && Object.keys(target).length === 1) {
    if ('offset' in target && isCount(target.offset)) return { kind: 'position', position: { offset: target.offset } }
    if ('timestampMs' in target && isCount(target.timestampMs)) return since(target.timestampMs)
    if ('duration' in target) return since(Math.max(0, nowMs - durationMs(target.duration)))
    if ('by' in target && Number.isSafeInteger(target.by)) return { kind: 'by', by: target.by }
    if ('csv' in target && typeof target.csv === 'string') return { kind: 'rows', rows: rowsOf(group, target.csv) }
  }
  const message = `The target is ${JSON.stringify(target)}; it must be 'earliest', 'latest', 'current', { offset }, { timestampMs }, { duration }, { by } or { csv }.`
  throw new TidemarkError('INVALID_ARGUMENT', message)
}

function since(timestampMs: number): CheckedTarget {
  return { kind: 'position', position: { timestampMs: Math.ceil(timestampMs) } }
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}

function rowsOf(group: string, csv: string): readonly OffsetsCsvRow[] {
  const all = parseOffsetsCsv(csv)
  const rows = all.filter((row) => row.group === null || row.group === group)
  if (rows.length === 0) {
    const message = all.length === 0 ? 'The CSV has no line.' : `The CSV has no line about group "${group}".`
    throw new TidemarkError('INVALID_ARGUMENT', message)
  }
  const seen = new Set<string>()
  for (const { topic, partition } of rows) {
    const place = `${topic}-${partition}`
    if (seen.has(place)) throw new TidemarkError('INVALID_ARGUMENT', `The CSV names ${place} twice.`)
    seen.add(place)
  }
  return rows
}
