import type { LogConfig } from './log-config.ts'

/** What is asked of a segment. */
export interface CleanableSegment {
  readonly baseOffset: number
  readonly limitOffset: number
  readonly sizeBytes: number
  readonly maxTimestampMs: number
  /** The greatest timestamp of its first batch; undefined where it has none. */
  readonly firstTimestampMs: number | undefined
}

export interface CleanableLog {
  /** In order; the last one is written to. */
  readonly segments: readonly CleanableSegment[]
  readonly logStartOffset: number
  readonly logEndOffset: number
  /** Nothing above is decided, or durable. */
  readonly stableOffset: number
  readonly config: LogConfig
}

/** What of a log can be compacted now. */
export interface Cleanable {
  /** Keys from here on were not compared yet with what is below. */
  readonly firstDirtyOffset: number
  /** The base of a segment: it and all behind it stay as they are. */
  readonly endOffset: number
  /** How much of what can be compacted was never compacted, 0 to 1. */
  readonly dirtyRatio: number
  /** Whether the topic's configs ask for it now. */
  readonly isDue: boolean
}

/**
 * Kafka's rules. The segment that is written to stays, so do those that hold undecided or unflushed records, those younger
 * than `min.compaction.lag.ms`, and everything behind one that stays. It is due when the dirty part exceeds
 * `min.cleanable.dirty.ratio`, or holds a record older than `max.compaction.lag.ms`.
 * `cleanedOffset`: how far the log was compacted, by its checkpoint; undefined when never.
 */
export function findCleanable(log: CleanableLog, cleanedOffset: number | undefined, nowMs: number): Cleanable {
  const { segments, logStartOffset, logEndOffset, config } = log
  const isKnown = cleanedOffset !== undefined && cleanedOffset >= logStartOffset && cleanedOffset <= logEndOffset
  const firstDirtyOffset = isKnown ? cleanedOffset : logStartOffset
  const candidates = segments.slice(0, -1)
  const stays = (segment: CleanableSegment): boolean =>
    segment.limitOffset > log.stableOffset ||
    (config.minCompactionLagMs > 0 &&
      segment.limitOffset > firstDirtyOffset &&
      segment.maxTimestampMs > nowMs - config.minCompactionLagMs)
  const end = candidates.findIndex(stays)
  const cleanable = end < 0 ? candidates : candidates.slice(0, end)
  const dirty = cleanable.filter((segment) => segment.limitOffset > firstDirtyOffset)
  const totalBytes = sizeOf(cleanable)
  const dirtyRatio = totalBytes === 0 ? 0 : sizeOf(dirty) / totalBytes
  const endOffset = cleanable.at(-1)?.limitOffset ?? segments[0]?.baseOffset ?? logStartOffset
  const isOverdue =
    config.maxCompactionLagMs !== Number.POSITIVE_INFINITY && isOlder(dirty, nowMs - config.maxCompactionLagMs)
  const isDue = dirtyRatio > 0 && (dirtyRatio > config.minCleanableDirtyRatio || isOverdue)
  return { firstDirtyOffset, endOffset, dirtyRatio, isDue }
}

function sizeOf(segments: readonly CleanableSegment[]): number {
  return segments.reduce((total, segment) => total + segment.sizeBytes, 0)
}

function isOlder(segments: readonly CleanableSegment[], timestampMs: number): boolean {
  return segments.some(({ firstTimestampMs: first }) => first !== undefined && first > 0 && first < timestampMs)
}
