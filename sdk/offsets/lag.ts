/**
 * How far a group is behind on a partition.
 *
 * - `behind`: records are waiting.
 * - `up-to-date`: none are, though control records and gaps may still lie ahead.
 * - `never-committed`: the group has no commit there.
 * - `lost`: the log begins behind the commit; what lay between is gone.
 * - `past-the-end`: the commit is beyond the end of the log.
 * - `topic-deleted`: the topic is gone, or another one has its name now.
 * - `unavailable`: it cannot be told, `reason` says why.
 */
export type LagState =
  | 'behind'
  | 'up-to-date'
  | 'never-committed'
  | 'lost'
  | 'past-the-end'
  | 'topic-deleted'
  | 'unavailable'

export interface Lag {
  readonly lagState: LagState
  /** Kafka's distance, log end − committed offset, as Kafka's tools print it: it may be negative. null where they print "-". */
  readonly lag: number | null
  /** The records that are really there to be read from the commit (or the log's start) on; null: not known. */
  readonly lagRecords: number | null
  /** Offsets between the commit and the log's start: what was deleted unread. 0 unless `lost`. */
  readonly lostOffsets: number
  /** Offsets between the log's end and the commit. 0 unless `past-the-end`. */
  readonly offsetsPastEnd: number
  /** Only for `unavailable`. */
  readonly reason: string | null
}

export interface LagQuestion {
  /** null: the group never committed. */
  readonly committedOffset: number | null
  readonly logStartOffset: number
  /** What a consumer may read up to: the high watermark. Read it after the commit, else the lag may look negative. */
  readonly logEndOffset: number
  /** Records in `[from, to)` that are really there, null where that cannot be told. */
  countRecords(from: number, to: number): number | null
}

export function lagOf(question: LagQuestion): Lag {
  const { committedOffset, logStartOffset, logEndOffset } = question
  const waitingFrom = Math.max(committedOffset ?? logStartOffset, logStartOffset)
  const waiting = waitingFrom < logEndOffset ? question.countRecords(waitingFrom, logEndOffset) : 0
  const base = { lagRecords: waiting, lostOffsets: 0, offsetsPastEnd: 0, reason: null }
  if (committedOffset === null) return { ...base, lagState: 'never-committed', lag: null }
  const lag = logEndOffset - committedOffset
  // A log that lost its start and its end, so that the commit is outside on both sides, has lost records.
  if (committedOffset < logStartOffset) {
    return { ...base, lagState: 'lost', lag, lostOffsets: logStartOffset - committedOffset }
  }
  if (lag < 0) return { ...base, lagState: 'past-the-end', lag, offsetsPastEnd: -lag }
  const isBehind = waiting === null ? lag > 0 : waiting > 0
  return { ...base, lagState: isBehind ? 'behind' : 'up-to-date', lag }
}

/** The lag on a topic that is no more. */
export function lagOfDeletedTopic(): Lag {
  return { lagState: 'topic-deleted', lag: null, lagRecords: null, lostOffsets: 0, offsetsPastEnd: 0, reason: null }
}

/** The lag where the log cannot be asked. `reason`: for people, without a full stop. */
export function lagUnavailable(reason: string): Lag {
  return { lagState: 'unavailable', lag: null, lagRecords: null, lostOffsets: 0, offsetsPastEnd: 0, reason }
}
