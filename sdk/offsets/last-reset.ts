import type { CommitHistoryEntry } from './commit-history.ts'
import { type CommittedPosition, isSamePosition, parseResetMetadata, partitionsOfReset } from './reset-metadata.ts'

/** What happened to a group's position in one partition, oldest first. */
export interface Timeline {
  readonly topic: string
  readonly partition: number
  readonly entries: readonly CommitHistoryEntry[]
}

/** A partition of the last reset that has not been undone. */
export interface ResetToUndo {
  readonly topic: string
  readonly partition: number
  /** Where the group was before the reset; null: it had committed nothing. */
  readonly before: CommittedPosition | null
  /** Whether the group has committed since. */
  readonly hasMovedOn: boolean
}

interface FoundReset extends ResetToUndo {
  readonly timestampMs: number
  readonly writtenMs: number
  /** How many it moved. */
  readonly partitions: number
}

/**
 * The partitions of the last reset: all that was reset in one request carries one timestamp. Earlier resets are left for
 * another undo; so are those of which `isWanted` says no. A reset that was undone already does not count.
 */
export function lastReset(timelines: readonly Timeline[], isWanted: (place: Timeline) => boolean): ResetToUndo[] {
  const resets = timelines.filter(isWanted).flatMap((timeline) => resetOf(timeline) ?? [])
  const lastMs = resets.reduce((last, { timestampMs }) => Math.max(last, timestampMs), Number.NEGATIVE_INFINITY)
  return resets
    .filter(({ timestampMs }) => timestampMs === lastMs)
    .map(({ topic, partition, before, hasMovedOn }) => ({ topic, partition, before, hasMovedOn }))
}

/**
 * Of how many partitions of the last reset nothing is known any more: the group has committed there since, and compaction
 * has removed what the reset had written.
 */
export function partitionsLost(timelines: readonly Timeline[]): number {
  const resets = timelines.flatMap((timeline) => resetOf(timeline) ?? [])
  const last = resets.toSorted((one, other) => other.timestampMs - one.timestampMs)[0]
  if (last === undefined) return 0
  const isKnown = ({ entries }: Timeline) =>
    entries.some((entry) => isReset(entry) && entry.timestampMs === last.writtenMs)
  const mayBeLost = ({ entries }: Timeline) => !entries.some(isReset) && entries[0]!.timestampMs >= last.timestampMs
  const unknown = last.partitions - timelines.filter(isKnown).length
  return Math.max(0, Math.min(unknown, timelines.filter(mayBeLost).length))
}

function isReset(entry: CommitHistoryEntry): boolean {
  return entry.kind === 'commit' && parseResetMetadata(entry.metadata) !== undefined
}

/** The newest reset of a partition, unless it was undone. */
function resetOf({ topic, partition, entries }: Timeline): FoundReset | undefined {
  for (const [index, entry] of [...entries.entries()].reverse()) {
    if (entry.kind !== 'commit') continue
    const before = parseResetMetadata(entry.metadata)
    if (before === undefined) continue
    const next = entries[index + 1]
    if (next !== undefined && isSamePosition(positionOf(next), before)) return undefined
    // An undo of a later one has put this one's commit back, in its own time.
    const writtenMs = entries.find(({ metadata }) => metadata === entry.metadata)!.timestampMs
    const { timestampMs } = entry
    const partitions = partitionsOfReset(entry.metadata)
    return { topic, partition, before, hasMovedOn: next !== undefined, timestampMs, writtenMs, partitions }
  }
  return undefined
}

function positionOf(entry: CommitHistoryEntry): CommittedPosition | null {
  if (entry.kind === 'tombstone') return null
  const { offset, leaderEpoch, metadata } = entry
  return { offset, leaderEpoch, metadata }
}
