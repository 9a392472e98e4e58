import { assert } from '../assert.ts'
import type { Clock } from '../environment/environment.ts'
import { TidemarkError } from '../errors.ts'
import { BATCH_HEADER_BYTES } from '../record/batch-header.ts'
import { type BatchStamp, stampBatch } from '../record/batch-stamp.ts'
import { RecordBatch } from '../record/record-batch.ts'
import type { ActiveSegment } from './active-segment.ts'
import type { LogConfig } from './log-config.ts'

/** What decides whether batches fit, and where. */
export interface AppendShape {
  readonly sizeBytes: number
  /** Behind the last batch. */
  readonly nextOffset: number
  readonly maxTimestampMs: number
}

export interface AppendPlace {
  readonly topic: string
  readonly partition: number
  readonly baseOffset: number
  readonly logAppendTimeMs: number | undefined
}

/**
 * Looks at batches that are to be appended. Their content has been checked by whoever appends; this is about the limits of
 * the log: throws MESSAGE_TOO_LARGE, RECORD_LIST_TOO_LARGE.
 */
export function measureAppend(batches: Buffer, config: LogConfig, place: AppendPlace): AppendShape {
  const { topic, partition, logAppendTimeMs } = place
  let nextOffset = place.baseOffset
  let maxTimestampMs = logAppendTimeMs ?? -1
  let at = 0
  while (at < batches.length) {
    assert(at + BATCH_HEADER_BYTES <= batches.length, 'an append that ends inside a batch')
    const batch = new RecordBatch(batches, at)
    const { sizeBytes } = batch
    assert(batch.findProblem('header') === null && at + sizeBytes <= batches.length, 'an append of a bad batch')
    if (sizeBytes > config.maxMessageBytes) {
      const message = `A batch of ${sizeBytes} bytes exceeds max.message.bytes of ${topic}, ${config.maxMessageBytes}.`
      throw new TidemarkError('MESSAGE_TOO_LARGE', message, { topic, partition })
    }
    if (logAppendTimeMs === undefined) maxTimestampMs = Math.max(maxTimestampMs, batch.maxTimestampMs)
    nextOffset += batch.lastOffsetDelta + 1
    at += sizeBytes
  }
  assert(at > 0, 'an append of nothing')
  if (batches.length <= config.segmentBytes) return { sizeBytes: batches.length, nextOffset, maxTimestampMs }
  const message = `${batches.length} bytes at once exceed segment.bytes of ${topic}, ${config.segmentBytes}.`
  throw new TidemarkError('RECORD_LIST_TOO_LARGE', message, { topic, partition })
}

/** Gives each batch its offset, and all of them the epoch, in place. */
export function stampBatches(batches: Buffer, stamp: BatchStamp): void {
  let { baseOffset } = stamp
  for (let at = 0; at < batches.length; ) {
    const { sizeBytes, lastOffsetDelta } = new RecordBatch(batches, at)
    const batch = sizeBytes === batches.length ? batches : batches.subarray(at, at + sizeBytes)
    stampBatch(batch, { ...stamp, baseOffset })
    baseOffset += lastOffsetDelta + 1
    at += sizeBytes
  }
}

/** Whether the batches need a new segment, by Kafka's rules: size, time, a full index, an offset that fits no index. */
export function isRollDue(active: ActiveSegment, config: LogConfig, shape: AppendShape, clock: Clock): boolean {
  const { segment, indexes, firstTimestampMs } = active
  if (segment.sizeBytes === 0) return false
  const { segmentBytes, segmentIndexBytes, cleanupPolicy, maxCompactionLagMs } = config
  // The active segment is never compacted, so it must not grow older than compaction may lag behind.
  const segmentMs = cleanupPolicy.has('compact') ? Math.min(config.segmentMs, maxCompactionLagMs) : config.segmentMs
  if (segment.sizeBytes > segmentBytes - shape.sizeBytes) return true
  if (indexes.isFull(segmentIndexBytes) || !indexes.fits(shape.nextOffset - 1)) return true
  if (firstTimestampMs !== undefined && firstTimestampMs >= 0) {
    return shape.maxTimestampMs - firstTimestampMs > segmentMs
  }
  return segmentMs !== Number.POSITIVE_INFINITY && clock.nowMs() - active.createdMs > segmentMs
}
