import { expect, test } from 'vitest'
import { encodeBatch } from '../../../sdk/record/batch-builder.ts'
import { stampBatch } from '../../../sdk/record/batch-stamp.ts'
import { RecordBatch } from '../../../sdk/record/record-batch.ts'

function createBatch(): Buffer {
  const records = [1000, 2000].map((timestampMs) => ({ key: null, value: Buffer.from('v'), timestampMs }))
  return encodeBatch(records, { codec: 'zstd' })
}

test('offset and epoch are stamped in place and leave the CRC alone', () => {
  const bytes = createBatch()
  const { crc } = new RecordBatch(bytes)
  stampBatch(bytes, { baseOffset: 5_000_000_000, partitionLeaderEpoch: 3 })
  const batch = new RecordBatch(bytes)
  expect(batch).toMatchObject({ baseOffset: 5_000_000_000, lastOffset: 5_000_000_001, partitionLeaderEpoch: 3, crc })
  expect(batch.records().map((record) => record.timestampMs)).toEqual([1000, 2000])
})

test('log append time reaches every record of a compressed batch, under a new CRC', () => {
  const bytes = createBatch()
  stampBatch(bytes, { baseOffset: 7, partitionLeaderEpoch: 3, logAppendTimeMs: 9999 })
  const batch = new RecordBatch(bytes)
  batch.checkValid()
  expect(batch).toMatchObject({ timestampType: 'LogAppendTime', maxTimestampMs: 9999, codec: 'zstd' })
  expect(batch.records().map((record) => record.timestampMs)).toEqual([9999, 9999])
})

test('stamping the same log append time again keeps the CRC that stands there', () => {
  const bytes = createBatch()
  stampBatch(bytes, { baseOffset: 7, partitionLeaderEpoch: 3, logAppendTimeMs: 9999 })
  bytes.writeUInt32BE(123, 17)
  stampBatch(bytes, { baseOffset: 8, partitionLeaderEpoch: 3, logAppendTimeMs: 9999 })
  expect(new RecordBatch(bytes).crc).toBe(123)
})
