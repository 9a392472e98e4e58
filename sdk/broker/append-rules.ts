/** What a leader checks before it appends a client's batch (Kafka: LogValidator, UnifiedLog, ProduceRequest). */
import type { Clock } from '../environment/environment.ts'
import { TidemarkError } from '../errors.ts'
import type { LogConfig } from '../log/log-config.ts'
import { BatchBuilder } from '../record/batch-builder.ts'
import { CODECS } from '../record/compression.ts'
import { BATCH_HEADER_BYTES, RecordBatch } from '../record/record-batch.ts'
import type { TopicPartition } from './broker.ts'

const NO_TIMESTAMP_MS = -1

/**
 * Checks one batch and returns the bytes to append: the same buffer, or a recompressed one where the topic's
 * `compression.type` asks for it. The CRC is not checked here: the batch was encoded in this process a moment ago, and
 * whoever reads it checks it.
 */
export function acceptBatch(records: Uint8Array, config: LogConfig, clock: Clock, place: TopicPartition): Buffer {
  const bytes = Buffer.from(records.buffer, records.byteOffset, records.byteLength)
  const refuse = (message: string) => new TidemarkError('INVALID_RECORD', `${message} (${at(place)})`, place)
  if (bytes.length < BATCH_HEADER_BYTES) throw refuse('The batch is shorter than its header')
  const batch = new RecordBatch(bytes)
  if (batch.sizeBytes !== bytes.length) throw refuse('Exactly one batch is expected')
  if (batch.magic !== 2) throw refuse(`Batches of magic ${batch.magic} are not supported`)
  if (batch.isControl) throw refuse('Clients cannot write control batches')
  if (batch.recordCount < 1) throw refuse('The batch holds no record')
  if (batch.recordCount !== batch.lastOffsetDelta + 1) throw refuse('The batch has gaps in its offsets')
  if (batch.isTransactional && batch.producerId < 0) throw refuse('A batch of a transaction has no producer')
  const isSequenced = batch.producerEpoch >= 0 && batch.baseSequence >= 0
  if (batch.producerId >= 0 && !isSequenced) throw refuse('A batch of an idempotent producer has no sequence')
  checkTimestamp(batch, config, clock, place)
  if (config.cleanupPolicy.has('compact')) checkKeys(batch, place)
  const accepted = recompress(batch, config)
  checkSize(accepted, batch.recordCount, config, place)
  return accepted
}

function checkSize(bytes: Buffer, recordCount: number, config: LogConfig, place: TopicPartition): void {
  if (bytes.length > config.maxMessageBytes) {
    const what = recordCount === 1 ? 'A record' : `A batch of ${recordCount} records`
    const instead = recordCount === 1 ? 'send a smaller one (such as the path of a file)' : 'send fewer at once'
    const raise = `topics.alterConfigs('${place.topic}', { 'max.message.bytes': '${bytes.length}' })`
    const message = `${what} for ${at(place)} takes ${bytes.length} bytes, and its max.message.bytes is ${config.maxMessageBytes}: raise that by ${raise}, or ${instead}.`
    throw new TidemarkError('MESSAGE_TOO_LARGE', message, place)
  }
  if (bytes.length > config.segmentBytes) {
    const message = `The batch has ${bytes.length} bytes, segment.bytes of ${at(place)} is ${config.segmentBytes}.`
    throw new TidemarkError('RECORD_LIST_TOO_LARGE', message, place)
  }
}

function checkTimestamp(batch: RecordBatch, config: LogConfig, clock: Clock, place: TopicPartition): void {
  if (config.messageTimestampType === 'LogAppendTime') return
  const latest = batch.maxTimestampMs
  if (latest === NO_TIMESTAMP_MS) return
  const nowMs = clock.nowMs()
  if (latest > nowMs + config.messageTimestampAfterMaxMs) {
    const message = `The record timestamp ${latest} is more than message.timestamp.after.max.ms (${config.messageTimestampAfterMaxMs}) ahead of now (${at(place)}). Are these seconds or microseconds?`
    throw new TidemarkError('INVALID_TIMESTAMP', message, place)
  }
  if (config.messageTimestampBeforeMaxMs === Number.POSITIVE_INFINITY) return
  const earliest = nowMs - config.messageTimestampBeforeMaxMs
  const early = batch
    .records()
    .find((record) => record.timestampMs !== NO_TIMESTAMP_MS && record.timestampMs < earliest)
  if (early === undefined) return
  const message = `The record timestamp ${early.timestampMs} is more than message.timestamp.before.max.ms (${config.messageTimestampBeforeMaxMs}) before now (${at(place)}).`
  throw new TidemarkError('INVALID_TIMESTAMP', message, place)
}

function checkKeys(batch: RecordBatch, place: TopicPartition): void {
  if (!batch.records().some((record) => record.key === null)) return
  const message = `Every record of a compacted topic needs a key (${at(place)}).`
  throw new TidemarkError('INVALID_RECORD', message, place)
}

/** `producer`, the default, keeps what the client chose. */
function recompress(batch: RecordBatch, config: LogConfig): Buffer {
  const wanted = config.compressionType === 'uncompressed' ? 'none' : config.compressionType
  const codec = CODECS.find((each) => each === wanted)
  if (codec === undefined || codec === batch.codec) return batch.bytes
  const builder = new BatchBuilder({ codec })
  for (const { key, value, headers, timestampMs } of batch.records()) builder.append(key, value, headers, timestampMs)
  const { producerId, producerEpoch, baseSequence } = batch
  return builder.build({ producerId, producerEpoch, baseSequence })
}

function at({ topic, partition }: TopicPartition): string {
  return `${topic}-${partition}`
}
