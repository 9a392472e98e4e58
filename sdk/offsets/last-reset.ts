import type { CommitHistoryEntry } from './commit-history.ts'
import { type CommittedPosition, isSamePosition, parseResetMetadata } from './reset-metadata.ts'

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

/** The newest reset of a partition, unless it was undone. */
function resetOf({ topic, partition, entries }: Timeline): (ResetToUndo & { timestampMs: number }) | undefined {
  for (const [index, entry] of [...entries.entries()].reverse()) {
    if (entry.kind !== 'commit') continue
    const before = parseResetMetadata(entry.metadata)
    if (before === undefined) continue
    const next = entries[index + 1]
    if (next !== undefined && isSamePosition(positionOf(next), before)) return undefined
    return { topic, partition, before, hasMovedOn: next !== undefined, timestampMs: entry.timestampMs }
  }
  return undefined
}

function positionOf(entry: CommitHistoryEntry): CommittedPosition | null {
  if (entry.kind === 'tombstone') return null
  const { offset, leaderEpoch, metadata } = entry
  return { offset, leaderEpoch, metadata }
}
