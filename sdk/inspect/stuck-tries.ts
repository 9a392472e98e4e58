import type { PartitionId } from '../group/partition-id.ts'
import type { Departure } from './group-activity.ts'
import { hasMoved, repeatedCommits } from './group-progress.ts'
import type { GroupFacts, PartitionFacts } from './health-rules.ts'

/** A member that left, and what it left behind. */
export interface DepartureFacts extends Departure {
  /** Where the logs of its partitions ended when it left, as far as is known. */
  readonly endOffsets: ReadonlyMap<PartitionId, number>
}

/** How often the first unread record of a partition was tried, as far as can be told. */
export interface StuckTries {
  /** Members that held the partition and left. */
  readonly givenUp: number
  /** Those of them that must have tried: they moved nothing at all, or left nothing else unread. */
  readonly tried: number
  /** Those of these that left other partitions unmoved and unread: their record may have been the one in the way. */
  readonly triedAmongOthers: number
  /** Commits in front of the record that did not move. */
  readonly repeated: number
}

/**
 * A handler that throws leaves no trace of its own, so what its member did elsewhere has to tell. One that moved other
 * partitions and left them with records may just not have come to this one: members that come for a hundred records and go
 * starve a partition as long as others have more.
 */
export function countTries(facts: GroupFacts, partition: PartitionFacts, sinceMs: number): StuckTries {
  const { partitionId, nextRecord, commits } = partition
  const departures = facts.departures.filter(({ atMs, partitions }) => atMs >= sinceMs && partitions.has(partitionId))
  let tried = 0
  let triedAmongOthers = 0
  for (const departure of departures) {
    const others = facts.partitions.filter(
      (other) => other !== partition && departure.partitions.has(other.partitionId),
    )
    const isWaitingElsewhere = others.some((other) => wasWaiting(other, departure))
    if (isWaitingElsewhere && others.some((other) => hasMoved(other.commits, departure))) continue
    tried++
    if (isWaitingElsewhere) triedAmongOthers++
  }
  const repeated = nextRecord === null ? 0 : repeatedCommits(commits, nextRecord.timestampMs)
  return { givenUp: departures.length, tried, triedAmongOthers, repeated }
}

/** Whether records of it were unread when the member left; yes where that is not known. */
function wasWaiting(
  { partitionId, row, commits }: PartitionFacts,
  { endOffsets, toLogOffset }: DepartureFacts,
): boolean {
  const last = commits.findLast(({ logOffset }) => logOffset < toLogOffset)
  const readTo = last?.offset ?? row.logStartOffset ?? 0
  return readTo < (endOffsets.get(partitionId) ?? Number.POSITIVE_INFINITY)
}
