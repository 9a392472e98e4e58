/** How bad it is: records are gone or nothing moves; it will go wrong; worth knowing. */
export type HealthSeverity = 'error' | 'warning' | 'notice'

/** The rules by which groups are judged. Each is one line of the README's table. */
export type HealthRule =
  | 'lost-records'
  | 'past-the-end'
  | 'topic-deleted'
  | 'unavailable'
  | 'stuck'
  | 'stalled'
  | 'no-members'
  | 'unassigned'
  | 'falling-behind'
  | 'retention-risk'
  | 'rebalancing'
  | 'never-committed'

/** What a rule found. */
export interface HealthVerdict {
  /** Which rule says so; stable. */
  readonly rule: HealthRule
  /** How bad it is. */
  readonly severity: HealthSeverity
  /** The group in trouble. */
  readonly group: string
  /** The topic it is about; null: it is about the whole group. */
  readonly topic: string | null
  /** The partition of the topic; null with it. */
  readonly partition: number | null
  /** One sentence without a full stop: what is wrong. */
  readonly words: string
  /** What it was concluded from: offsets, counts, times in milliseconds (`…Ms` a span, `…AtMs` since 1970). */
  readonly evidence: Readonly<Record<string, number | string | null>>
  /** A sentence: what to do about it. */
  readonly advice: string
}

/** How a group, or everything, is: its worst verdict. */
export type HealthStatus = 'ok' | HealthSeverity

/** When rules speak up. Times in milliseconds. */
export interface HealthLimits {
  /** No progress for so long although a member holds the partition, and for three times its own longest pause. Default 300,000. */
  readonly stalledAfterMs: number
  /** Records wait for so long and nobody is there to read them. Default 300,000. */
  readonly noMembersAfterMs: number
  /** The oldest unprocessed record is so old while lag grows. Default 60,000. */
  readonly behindAfterMs: number
  /** Members have been dividing partitions for so long. Default 300,000. */
  readonly rebalancingAfterMs: number
  /** So many members left in front of the same record, or so many commits did not move. Default 3. */
  readonly stuckAfterTries: number
  /** The part of `retention.ms` (or of the log) that may be used up by what is unread. Default 0.8. */
  readonly retentionPart: number
}

/** From where on something counts as trouble, unless told otherwise. */
export const DEFAULT_HEALTH_LIMITS: HealthLimits = {
  stalledAfterMs: 300_000,
  noMembersAfterMs: 300_000,
  behindAfterMs: 60_000,
  rebalancingAfterMs: 300_000,
  stuckAfterTries: 3,
  retentionPart: 0.8,
}

const ORDER: readonly HealthStatus[] = ['ok', 'notice', 'warning', 'error']

/** The worst of some: 'ok' where there are none. */
export function worstOf(statuses: Iterable<HealthStatus>): HealthStatus {
  let worst = 0
  for (const status of statuses) worst = Math.max(worst, ORDER.indexOf(status))
  return ORDER[worst]!
}
