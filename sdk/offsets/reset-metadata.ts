import { TidemarkError } from '../errors.ts'
import { COMMIT_METADATA_MAX_LENGTH } from './group-id.ts'

/** A committed position, down to the last byte that was written beside it. */
export interface CommittedPosition {
  /** The next offset to read. */
  readonly offset: number
  /** Of the record before it; −1: not known. */
  readonly leaderEpoch: number
  /** The text that was committed with it. */
  readonly metadata: string
}

/**
 * What stands beside a reset offset, so that the reset can be undone later, by whoever reads the commit:
 * `{"tidemark":"reset","before":…}` with the position before it, or null where there was none.
 *
 * A position that was itself put there by a reset is nested as an object instead of as text: each level of text would
 * double the backslashes of all levels below it, and a seventh reset in a row would not fit.
 */
export function resetMetadata(before: CommittedPosition | null): string {
  return markWith(before && toJson(before))
}

/** The position before the reset that wrote `metadata`, null where there was none; undefined: no reset wrote it. */
export function parseResetMetadata(metadata: string): CommittedPosition | null | undefined {
  const before = parseMark(metadata)
  return before === undefined || before === null ? before : fromJson(before)
}

/** Throws OFFSET_METADATA_TOO_LARGE where what was before does not fit beside the new offset, so undo would lose it. */
export function checkResetMetadata(metadata: string, place: { topic: string; partition: number }): void {
  if (metadata.length <= COMMIT_METADATA_MAX_LENGTH) return
  const { topic, partition } = place
  const message = [
    `What the commit of ${topic}-${partition} carries now does not fit beside the new offset (${metadata.length} characters, ${COMMIT_METADATA_MAX_LENGTH} are allowed), so the reset could not be undone. Nothing was changed.`,
    'What works: undo earlier resets first; or delete that commit, keep what the deletion hands back, and reset then.',
  ].join('\n')
  throw new TidemarkError('OFFSET_METADATA_TOO_LARGE', message, { topic, partition })
}

/** Whether two positions are equal in every byte. */
export function isSamePosition(one: CommittedPosition | null, other: CommittedPosition | null): boolean {
  if (one === null || other === null) return one === other
  return one.offset === other.offset && one.leaderEpoch === other.leaderEpoch && one.metadata === other.metadata
}

/** A position as the metadata holds it: with `metadata`, or with `reset` in the place of what another reset wrote. */
type Json = Readonly<Record<string, unknown>>

function markWith(before: Json | null): string {
  return JSON.stringify({ tidemark: 'reset', before })
}

function parseMark(metadata: string): Json | null | undefined {
  if (!metadata.startsWith('{')) return undefined
  try {
    const value = JSON.parse(metadata) as Json
    if (value['tidemark'] !== 'reset') return undefined
    return typeof value['before'] === 'object' ? (value['before'] as Json | null) : undefined
  } catch {
    return undefined
  }
}

function toJson({ offset, leaderEpoch, metadata }: CommittedPosition): Json {
  const reset = parseMark(metadata)
  // Only what comes out again as the same text: anybody may have written something alike.
  const isOurs = reset !== undefined && markWith(reset) === metadata
  return isOurs ? { offset, leaderEpoch, reset } : { offset, leaderEpoch, metadata }
}

function fromJson(value: Json): CommittedPosition | undefined {
  const { offset, leaderEpoch, metadata, reset } = value as { [Key in keyof CommittedPosition | 'reset']?: unknown }
  if (!isNumberFrom(offset, 0) || !isNumberFrom(leaderEpoch, -1)) return undefined
  if (typeof metadata === 'string') return { offset, leaderEpoch, metadata }
  return typeof reset === 'object' ? { offset, leaderEpoch, metadata: markWith(reset as Json | null) } : undefined
}

function isNumberFrom(value: unknown, min: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= min
}
