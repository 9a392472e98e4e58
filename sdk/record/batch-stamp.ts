import { ATTRIBUTES_AT, CRC_AT, LEADER_EPOCH_AT, LOG_APPEND_TIME_BIT, MAX_TIMESTAMP_AT } from './batch-header.ts'
import { crc32c } from './crc32c.ts'
import { writeInt64 } from './int64.ts'

export interface BatchStamp {
  readonly baseOffset: number
  readonly partitionLeaderEpoch: number
  /** Given where the log's owner sets the time: every record of the batch then has this timestamp. */
  readonly logAppendTimeMs?: number | undefined
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
