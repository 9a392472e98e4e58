import { COMMIT_METADATA_MAX_LENGTH } from '../offsets/group-id.ts'

/** Where a reset puts a group. */
export type ResetTarget = 'earliest' | 'latest' | { readonly offset: number }

/** A committed position, as `groups.offsets` tells it. */
export interface ResetBefore {
  readonly offset: number
  readonly leaderEpoch: number
  readonly metadata: string
}

/** One partition to reset, as it is now. */
export interface ResetPartition {
  readonly topic: string
  readonly partition: number
  /** null: the group never committed there. */
  readonly committed: ResetBefore | null
  readonly logStartOffset: number
  readonly logEndOffset: number
}

/** What a reset does to one partition. Numbers are counts of offsets. */
export interface ResetChange {
  readonly topic: string
  readonly partition: number
  readonly before: ResetBefore | null
  /** The offset the group will go on with. */
  readonly after: number
  /** Offsets that will be delivered again. */
  readonly redelivered: number
  /** Offsets that are there, were not read, and will not be. */
  readonly skipped: number
  /** What was asked for, where the log does not have it: `after` is the nearest that it has. */
  readonly outside: number | null
  /** The commit stands there already. */
  readonly isUnchanged: boolean
}

/** What resetting a group does, partition by partition. */
export interface ResetPlan {
  readonly group: string
  readonly changes: readonly ResetChange[]
}

/** A commit as `groups.commit` takes it. */
export interface ResetCommit {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly leaderEpoch: number
  readonly metadata: string
}

/** What a reset would do. Pure: nothing is changed, and the group may have moved before the plan is applied. */
export function planReset(group: string, target: ResetTarget, partitions: readonly ResetPartition[]): ResetPlan {
  return { group, changes: partitions.map((partition) => planChange(target, partition)) }
}

/** The commits that carry out a plan. Each remembers what was before, so that it can be undone. */
export function resetCommits(plan: ResetPlan): ResetCommit[] {
  return plan.changes
    .filter(({ isUnchanged }) => !isUnchanged)
    .map(({ topic, partition, before, after }) => ({
      topic,
      partition,
      offset: after,
      // "Not known": a wrong epoch would make other clients hang or rewind.
      leaderEpoch: -1,
      metadata: resetMetadata(before),
    }))
}

/** What is written beside a reset offset; the metadata of before is left out where it would get too long. */
export function resetMetadata(before: ResetBefore | null): string {
  const whole = JSON.stringify({ tidemark: 'reset', before })
  if (whole.length <= COMMIT_METADATA_MAX_LENGTH || before === null) return whole
  const { offset, leaderEpoch } = before
  return JSON.stringify({ tidemark: 'reset', before: { offset, leaderEpoch } })
}

function planChange(target: ResetTarget, place: ResetPartition): ResetChange {
  const { topic, partition, committed: before, logStartOffset, logEndOffset } = place
  const wanted = wantedOffset(target, place)
  const after = Math.min(Math.max(wanted, logStartOffset), logEndOffset)
  // A group without a commit would start at the earliest record.
  const readTo = Math.min(Math.max(before?.offset ?? logStartOffset, logStartOffset), logEndOffset)
  return {
    topic,
    partition,
    before: before && { offset: before.offset, leaderEpoch: before.leaderEpoch, metadata: before.metadata },
    after,
    redelivered: Math.max(0, readTo - after),
    skipped: Math.max(0, after - readTo),
    outside: wanted === after ? null : wanted,
    isUnchanged: before?.offset === after,
  }
}

function wantedOffset(target: ResetTarget, place: ResetPartition): number {
  if (target === 'earliest') return place.logStartOffset
  return target === 'latest' ? place.logEndOffset : target.offset
}
