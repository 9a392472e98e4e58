import { ByteReader } from '../record/byte-reader.ts'
import { ByteWriter } from '../record/byte-writer.ts'
import { encodeValue, valueReader } from './versioned-value.ts'

/** Type 3: how often the group's subscription, or what it subscribes to, has changed. */
export interface GroupEpochRecord {
  readonly epoch: number
  /**
   * Kafka's hash over the subscribed topics, 0 if unknown. Tidemark compares the topics themselves and writes 0; a broker
   * that adopts the group then raises its epoch once and moves no partition.
   */
  readonly metadataHash: bigint
}

const TAG_METADATA_HASH = 0

export function encodeGroupEpoch(record: GroupEpochRecord): Buffer {
  const tagged = new Map<number, Uint8Array>()
  if (record.metadataHash !== 0n) {
    tagged.set(TAG_METADATA_HASH, new ByteWriter(8).i64(record.metadataHash).toBuffer())
  }
  return encodeValue((writer) => writer.i32(record.epoch), tagged)
}

export function decodeGroupEpoch(value: Buffer): GroupEpochRecord {
  const reader = valueReader(value, 'A group epoch record')
  const epoch = reader.i32()
  const hash = reader.taggedFields().get(TAG_METADATA_HASH)
  return { epoch, metadataHash: hash === undefined ? 0n : new ByteReader(hash, 'A metadata hash').i64AsBigInt() }
}
