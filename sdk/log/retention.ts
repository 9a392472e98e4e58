import type { FileSystem } from '../environment/environment.ts'
import type { LogConfig } from './log-config.ts'
import type { Segment } from './segment.ts'

export interface RetentionBounds {
  readonly logStartOffset: number
  readonly highWatermark: number
  readonly nowMs: number
}

/**
 * How many segments, from the oldest on, may go, by Kafka's rules: those wholly below the log start in any case; with the
 * policy 'delete' also as long as `retentionBytes` remain, and those whose youngest record is older than `retentionMs` (by
 * the file's time where records have none). Never one that reaches beyond the high watermark, nor an empty last one.
 */
export function findExpired(
  files: FileSystem,
  segments: readonly Segment[],
  config: LogConfig,
  bounds: RetentionBounds,
): number {
  const { retentionBytes, retentionMs, cleanupPolicy } = config
  const deletes = cleanupPolicy.has('delete')
  let spareBytes = deletes && retentionBytes >= 0 ? -retentionBytes : Number.NEGATIVE_INFINITY
  for (const segment of segments) spareBytes += segment.sizeBytes
  const isOld = (segment: Segment): boolean => {
    if (!deletes || retentionMs < 0) return false
    const { maxTimestampMs } = segment
    const youngestMs = maxTimestampMs >= 0 ? maxTimestampMs : files.stat(segment.path('.log'))?.modifiedMs
    return youngestMs !== undefined && bounds.nowMs - youngestMs > retentionMs
  }
  let count = 0
  let mayGoBySize = true
  let mayGoByTime = true
  for (const [at, segment] of segments.entries()) {
    const isLast = at === segments.length - 1
    if (segment.limitOffset > bounds.highWatermark || (isLast && segment.sizeBytes === 0)) break
    const isBelowStart = !isLast && segment.limitOffset <= bounds.logStartOffset
    mayGoBySize &&= isBelowStart || spareBytes >= segment.sizeBytes
    if (!isBelowStart && !mayGoBySize) mayGoByTime &&= isOld(segment)
    if (!isBelowStart && !mayGoBySize && !mayGoByTime) break
    spareBytes -= segment.sizeBytes
    count++
  }
  return count
}
