import {
  ATTRIBUTES_AT,
  BASE_SEQUENCE_AT,
  CRC_AT,
  LEADER_EPOCH_AT,
  LOG_APPEND_TIME_BIT,
  MAX_TIMESTAMP_AT,
  PRODUCER_EPOCH_AT,
  PRODUCER_ID_AT,
} from './batch-header.ts'
import { crc32c } from './crc32c.ts'
import { writeInt64 } from './int64.ts'

export interface BatchStamp {
  readonly baseOffset: number
  readonly partitionLeaderEpoch: number
  /** Given where the log's owner sets the time: every record of the batch then has this timestamp. */
  readonly logAppendTimeMs?: number | undefined
}

/** Who sends a batch, and which of its batches for the partition it is. */
export interface ProducerStamp {
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
}

/**
 * Sets in place what only the sender knows, once the order of its batches is settled, in a `batch` that is exactly one
 * batch. What a log's owner may have stamped before, when it refused the batch, is taken back.
 */
export function stampProducer(batch: Buffer, stamp: ProducerStamp): void {
  writeInt64(batch, 0, 0)
  batch.writeInt32BE(-1, LEADER_EPOCH_AT)
  writeInt64(batch, PRODUCER_ID_AT, stamp.producerId)
  batch.writeInt16BE(stamp.producerEpoch, PRODUCER_EPOCH_AT)
  batch.writeInt32BE(stamp.baseSequence, BASE_SEQUENCE_AT)
  batch.writeUInt32BE(crc32c(batch.subarray(ATTRIBUTES_AT)), CRC_AT)
}

/**
 * Sets in place what only the owner of a log knows, in a `batch` that is exactly one batch. Neither the offset nor the
 * epoch is under the CRC, so it is computed again only when the log append time changes something.
 */
export function stampBatch(batch: Buffer, stamp: BatchStamp): void {
  writeInt64(batch, 0, stamp.baseOffset)
  batch.writeInt32BE(stamp.partitionLeaderEpoch, LEADER_EPOCH_AT)
  if (stamp.logAppendTimeMs !== undefined) setLogAppendTime(batch, stamp.logAppendTimeMs)
}

function setLogAppendTime(batch: Buffer, timeMs: number): void {
  const before = Buffer.from(batch.subarray(ATTRIBUTES_AT, MAX_TIMESTAMP_AT + 8))
  batch[ATTRIBUTES_AT + 1] = batch[ATTRIBUTES_AT + 1]! | LOG_APPEND_TIME_BIT
  writeInt64(batch, MAX_TIMESTAMP_AT, timeMs)
  if (before.equals(batch.subarray(ATTRIBUTES_AT, MAX_TIMESTAMP_AT + 8))) return
  batch.writeUInt32BE(crc32c(batch.subarray(ATTRIBUTES_AT)), CRC_AT)
}
