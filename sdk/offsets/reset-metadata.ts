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
 * `{"tidemark":"reset","before":…}` with the position before it, or null where there was none. A reset of several partitions
 * says of how many (`"of":3`): compaction may remove what it wrote beside some, and an undo must notice.
 *
 * A position that was itself put there by a reset is nested as an object instead of as text: each level of text would
 * double the backslashes of all levels below it, and a seventh reset in a row would not fit.
 */
export function resetMetadata(before: CommittedPosition | null, partitions = 1): string {
  return markWith({ before: before && toJson(before), of: partitions })
}

/** The position before the reset that wrote `metadata`, null where there was none; undefined: no reset wrote it. */
export function parseResetMetadata(metadata: string): CommittedPosition | null | undefined {
  const before = parseMark(metadata)?.before
  return before === undefined || before === null ? before : fromJson(before)
}

/** How many partitions the reset that wrote `metadata` moved. */
export function partitionsOfReset(metadata: string): number {
  return parseMark(metadata)?.of ?? 0
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

/** What a reset says of one partition. */
interface Mark {
  readonly before: Json | null
  /** How many partitions it moved. */
  readonly of: number
}

function markWith({ before, of }: Mark): string {
  return JSON.stringify({ tidemark: 'reset', ...severalOf(of), before })
}

function severalOf(of: number): { readonly of?: number } {
  return of > 1 ? { of } : {}
}

function parseMark(metadata: string): Mark | undefined {
  if (!metadata.startsWith('{')) return undefined
  try {
    const value = JSON.parse(metadata) as Json
    if (value['tidemark'] !== 'reset') return undefined
    if (typeof value['before'] !== 'object') return undefined
    return { before: value['before'] as Json | null, of: readOf(value['of']) }
  } catch {
    return undefined
  }
}

function toJson({ offset, leaderEpoch, metadata }: CommittedPosition): Json {
  const mark = parseMark(metadata)
  // Only what comes out again as the same text: anybody may have written something alike.
  if (mark === undefined || markWith(mark) !== metadata) return { offset, leaderEpoch, metadata }
  return { offset, leaderEpoch, reset: mark.before, ...severalOf(mark.of) }
}

function fromJson(value: Json): CommittedPosition | undefined {
  const { offset, leaderEpoch, metadata, reset, of } = value as {
    [Key in keyof CommittedPosition | 'reset' | 'of']?: unknown
  }
  if (!isNumberFrom(offset, 0) || !isNumberFrom(leaderEpoch, -1)) return undefined
  if (typeof metadata === 'string') return { offset, leaderEpoch, metadata }
  if (typeof reset !== 'object') return undefined
  return { offset, leaderEpoch, metadata: markWith({ before: reset as Json | null, of: readOf(of) }) }
}

function readOf(value: unknown): number {
  return isNumberFrom(value, 2) ? value : 1
}

function isNumberFrom(value: unknown, min: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= min
}
