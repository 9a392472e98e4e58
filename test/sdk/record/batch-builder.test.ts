import { expect, test } from 'vitest'
import { BatchBuilder, encodeBatch } from '../../../sdk/record/batch-builder.ts'
import { RecordBatch } from '../../../sdk/record/record-batch.ts'
import { seededRandom } from '../../support/seeded-random.ts'

const value = Buffer.from('value')

test('what Java’s producer leaves out is −1, and a batch that nobody owns has no leader epoch', () => {
  const batch = new RecordBatch(encodeBatch([{ key: null, value }]))
  expect(batch).toMatchObject({ baseOffset: 0, partitionLeaderEpoch: -1, attributes: 0, lastOffsetDelta: 0 })
  expect(batch).toMatchObject({ producerId: -1, producerEpoch: -1, baseSequence: -1 })
  expect(batch).toMatchObject({ baseTimestampMs: -1, maxTimestampMs: -1, timestampType: 'CreateTime' })
})

test('every field that is given stands in the header', () => {
  const fields = { baseOffset: 2 ** 52 + 1, partitionLeaderEpoch: 7, producerId: 2 ** 40, producerEpoch: 5 }
  const bytes = encodeBatch([{ key: null, value, timestampMs: 50 }], {
    ...fields,
    baseSequence: 99,
    isTransactional: true,
    isControl: true,
    timestampType: 'LogAppendTime',
    lastOffsetDelta: 3,
    maxTimestampMs: 60,
  })
  const batch = new RecordBatch(bytes)
  batch.checkValid()
  expect(batch).toMatchObject({ ...fields, baseSequence: 99, isTransactional: true, isControl: true })
  expect(batch).toMatchObject({
    timestampType: 'LogAppendTime',
    lastOffsetDelta: 3,
    maxTimestampMs: 60,
    recordCount: 1,
  })
})

test('a builder counts its bytes exactly, grows, and is used again after reset', () => {
  const builder = new BatchBuilder()
  const batches: Buffer[] = []
  for (let round = 0; round < 3; round++) {
    for (let index = 0; index < 500; index++) builder.append(null, Buffer.alloc(index), undefined, 1000 - index)
    expect(builder.count).toBe(500)
    batches.push(builder.build())
    expect(batches[round]).toHaveLength(builder.sizeBytes)
    builder.reset()
    expect([builder.count, builder.sizeBytes]).toEqual([0, 61])
  }
  expect(batches[1]).toEqual(batches[0])
  expect(new RecordBatch(batches[2]!)).toMatchObject({ baseTimestampMs: 1000, maxTimestampMs: 1000, recordCount: 500 })
})

test('a built batch is its own: what the builder does next leaves it alone', () => {
  const builder = new BatchBuilder()
  for (let index = 0; index < 100; index++) builder.append(null, Buffer.alloc(1000, index), undefined, index)
  const first = builder.build()
  const copy = Buffer.from(first)
  builder.append(null, value, undefined, 5)
  builder.build()
  builder.reset()
  for (let index = 0; index < 100; index++) builder.append(value, Buffer.alloc(1000, 200), undefined, 9)
  expect(first.equals(copy)).toBe(true)
})

test('a record beyond maxBytes is refused and leaves the batch as it was', () => {
  const builder = new BatchBuilder({ maxBytes: 200 })
  builder.append(null, Buffer.alloc(50), undefined, 5)
  const { sizeBytes } = builder
  const append = () => builder.append(null, Buffer.alloc(100), undefined, 900)
  expect(append).toThrow(expect.objectContaining({ code: 'MESSAGE_TOO_LARGE' }))
  expect(builder).toMatchObject({ count: 1, sizeBytes })
  builder.append(null, Buffer.alloc(200 - sizeBytes - 9), undefined, 6)
  expect(builder.sizeBytes).toBe(200)
  expect(new RecordBatch(builder.build())).toMatchObject({ recordCount: 2, maxTimestampMs: 6 })
})

test('a builder smaller than its first record refuses it, and an empty build then has no timestamp', () => {
  const builder = new BatchBuilder({ maxBytes: 70 })
  expect(() => builder.append(null, Buffer.alloc(50), undefined, 900)).toThrow('70 are allowed')
  expect(new RecordBatch(builder.build({ lastOffsetDelta: 0 }))).toMatchObject({ recordCount: 0, maxTimestampMs: -1 })
})

test('compression makes a batch smaller and keeps its records', () => {
  const records = Array.from({ length: 300 }, (_, index) => ({
    key: null,
    value: Buffer.from(`payment ${index % 10}`),
    timestampMs: index,
  }))
  const plain = new RecordBatch(encodeBatch(records))
  for (const codec of ['gzip', 'snappy', 'lz4', 'zstd'] as const) {
    const batch = new RecordBatch(encodeBatch(records, { codec }))
    expect(batch.codec).toBe(codec)
    expect(batch.sizeBytes).toBeLessThan(plain.sizeBytes * 0.6)
    expect(batch.records()).toEqual(plain.records())
  }
  expect(new RecordBatch(encodeBatch([], { codec: 'zstd', lastOffsetDelta: 0 })).codec).toBe('none')
})

const SEED = Number(process.env['SEED'] ?? 7)
test(`random records come back as they were, in every codec that is written (SEED=${SEED})`, () => {
  const random = seededRandom(SEED)
  const integer = (limit: number) => Math.floor(random() ** 3 * limit)
  const bytes = (limit: number) => Buffer.from(Array.from({ length: integer(limit) }, () => integer(256)))
  const maybe = <T>(value: () => T): T | null => (random() < 0.2 ? null : value())
  for (let step = 0; step < 150; step++) {
    const codec = (['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const)[step % 5]!
    const builder = new BatchBuilder({ codec })
    let offset = integer(2 ** 50)
    const options = { baseOffset: offset, partitionLeaderEpoch: integer(100), producerId: integer(2 ** 53) - 1 }
    offset -= 1
    const expected = Array.from({ length: 1 + integer(60) }, () => {
      offset += random() < 0.1 ? 1 + integer(100_000) : 1
      const headers = Array.from({ length: random() < 0.5 ? 0 : integer(5) }, () => ({
        key: 'äkey🌊'.slice(0, integer(5)),
        value: maybe(() => bytes(300)),
      }))
      const timestampMs = random() < 0.1 ? integer(2 ** 52) - 1 : 1_700_000_000_000 + integer(100_000)
      return { offset, timestampMs, key: maybe(() => bytes(200)), value: maybe(() => bytes(5000)), headers }
    })
    for (const { offset, timestampMs, key, value, headers } of expected) {
      const before = builder.sizeBytes
      const estimate = builder.estimateBytes(key, value, headers)
      builder.append(key, value, headers, timestampMs, offset - options.baseOffset)
      expect(builder.sizeBytes - before).toBeLessThanOrEqual(estimate)
    }
    const batch = new RecordBatch(builder.build(options))
    expect(batch.records(), `step ${step}`).toEqual(expected)
    expect(batch).toMatchObject({ ...options, codec, lastOffset: offset, recordCount: expected.length })
    expect(batch.maxTimestampMs).toBe(Math.max(...expected.map((record) => record.timestampMs)))
  }
})
