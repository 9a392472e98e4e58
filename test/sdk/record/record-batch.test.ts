import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { TidemarkError } from '../../../sdk/errors.ts'
import { encodeBatch, type RecordInput } from '../../../sdk/record/batch-builder.ts'
import { scanBatches } from '../../../sdk/record/batch-scan.ts'
import { crc32c } from '../../../sdk/record/crc32c.ts'
import { RecordBatch } from '../../../sdk/record/record-batch.ts'
import { seededRandom } from '../../support/seeded-random.ts'

const timestampMs = 1_700_000_000_000
const k = Buffer.from('k')
const v = Buffer.from('v')
const headers = [{ key: 'h', value: Buffer.from('x') }]

/** Bytes others wrote: see the README beside them. */
function fixture(name: string): Buffer {
  return readFileSync(new URL(`../../fixtures/record/${name}`, import.meta.url))
}

function vector(name: string): Buffer {
  const line = fixture('vectors.txt')
    .toString()
    .split('\n')
    .find((each) => each.startsWith(`${name} `))
  if (line === undefined) throw new Error(`no vector ${name}`)
  return Buffer.from(line.slice(name.length + 1), 'hex')
}

/** What test/fixtures/record/JavaBatches.java writes. */
function javaRecords(): RecordInput[] {
  return Array.from({ length: 900 }, (_, i) => {
    const text = 'lorem ipsum '.repeat(i % 5)
    const value = `{"payment":${i},"card":"card-${i % 13}","amount":${(i * 7919) % 100_000},"text":"${text}"}`
    const someHeaders = [
      { key: 'trace', value: Buffer.from(`t${i}`) },
      { key: 'trace', value: null },
      { key: 'ключ', value: Buffer.alloc(0) },
    ]
    return {
      key: i % 7 === 0 ? null : Buffer.from(`key-${i % 50}`),
      value: i % 11 === 0 ? null : Buffer.from(value),
      headers: i % 3 === 0 ? someHeaders : [],
      timestampMs: timestampMs + (i % 10 === 9 ? -i : i) * 1000,
    }
  })
}

/** A batch whose bytes were changed, with the CRC that makes the change look intended. */
function changed(batch: Buffer, change: (bytes: Buffer) => void): RecordBatch {
  const bytes = Buffer.from(batch)
  change(bytes)
  bytes.writeUInt32BE(crc32c(bytes.subarray(21)), 17)
  return new RecordBatch(bytes)
}

function corruption(action: () => unknown): string {
  try {
    action()
  } catch (error) {
    expect(error).toBeInstanceOf(TidemarkError)
    expect((error as TidemarkError).code).toBe('CORRUPT_BATCH')
    return (error as TidemarkError).message
  }
  throw new Error('nothing was thrown')
}

for (const codec of ['none', 'snappy', 'lz4', 'zstd'] as const) {
  test(`the ${codec} batch of a broker decodes to its record`, () => {
    const batch = new RecordBatch(vector(codec))
    batch.checkValid()
    expect(batch.codec).toBe(codec)
    expect(batch.records()).toEqual([{ offset: 0, timestampMs, key: k, value: v, headers }])
  })
}

for (const codec of ['gzip', 'snappy', 'lz4', 'zstd'] as const) {
  test(`900 records that Java compressed with ${codec} decode to what Java was given`, () => {
    const batch = new RecordBatch(fixture(`java-${codec}.batch`))
    expect(batch).toMatchObject({ codec, recordCount: 900, baseOffset: 5_000_000_000, lastOffset: 5_000_000_899 })
    expect(batch).toMatchObject({ producerId: 77, producerEpoch: 3, baseSequence: 12, isTransactional: true })
    const expected = javaRecords().map((record, index) => ({ offset: 5_000_000_000 + index, ...record }))
    expect(batch.records()).toEqual(expected)
  })
}

test('our encoder writes the very bytes Java writes for 900 records', () => {
  const bytes = encodeBatch(javaRecords(), {
    baseOffset: 5_000_000_000,
    partitionLeaderEpoch: 9,
    producerId: 77,
    producerEpoch: 3,
    baseSequence: 12,
    isTransactional: true,
  })
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  expect(sha256).toBe('23a1ee731218b2bd4e5ed1d2af896478fa60cd2be80868f5c359c6e92b4851b4')
})

test('a record with a header encodes to Kafka’s bytes', () => {
  expect(encodeBatch([{ key: k, value: v, headers, timestampMs }], { partitionLeaderEpoch: 0 })).toEqual(vector('none'))
})

test('a COMMIT marker encodes to Kafka’s bytes', () => {
  const marker = { key: Buffer.from('00000001', 'hex'), value: Buffer.from('000000000005', 'hex'), timestampMs }
  const bytes = encodeBatch([marker], {
    baseOffset: 7,
    partitionLeaderEpoch: 0,
    producerId: 9,
    producerEpoch: 3,
    isTransactional: true,
    isControl: true,
  })
  expect(bytes).toEqual(vector('commit-marker'))
})

test('an empty batch has offsets and no records, and encodes to Kafka’s bytes', () => {
  const empty = new RecordBatch(vector('empty'))
  expect(empty).toMatchObject({ baseOffset: 14, lastOffset: 15, nextOffset: 16, recordCount: 0, baseTimestampMs: -1 })
  expect(empty.records()).toEqual([])
  const bytes = encodeBatch([], {
    baseOffset: 14,
    partitionLeaderEpoch: 4,
    lastOffsetDelta: 1,
    maxTimestampMs: empty.maxTimestampMs,
    producerId: 2002,
    producerEpoch: 0,
    baseSequence: 0,
  })
  expect(bytes).toEqual(vector('empty'))
})

for (const name of ['broker-commit-marker', 'offset-commit', 'group-empty', 'V5', 'V6', 'V10']) {
  test(`${name} decodes, and encodes to the same bytes again`, () => {
    const bytes = vector(name)
    const { batches, validBytes, problem } = scanBatches(bytes, { verify: 'crc', baseOffset: 0 })
    expect({ validBytes, problem }).toEqual({ validBytes: bytes.length, problem: null })
    const encoded = batches.map((batch) => {
      const { baseOffset, partitionLeaderEpoch, producerId, producerEpoch, baseSequence } = batch
      const { isTransactional, isControl } = batch
      const producer = { producerId, producerEpoch, baseSequence, isTransactional, isControl }
      return encodeBatch(batch.records(), { baseOffset, partitionLeaderEpoch, ...producer })
    })
    expect(Buffer.concat(encoded)).toEqual(bytes)
  })
}

test('with LogAppendTime every record has the batch’s max timestamp', () => {
  const options = { timestampType: 'LogAppendTime', maxTimestampMs: 5000 } as const
  const batch = new RecordBatch(
    encodeBatch(
      [
        { key: k, value: v, timestampMs: 1 },
        { key: k, value: v, timestampMs: 9 },
      ],
      options,
    ),
  )
  expect(batch.timestampType).toBe('LogAppendTime')
  expect(batch.records().map((record) => record.timestampMs)).toEqual([5000, 5000])
})

test('a delete horizon is told, and the records keep their timestamps', () => {
  const deleteHorizonMs = timestampMs + 86_400_000
  const records = [
    { key: k, value: null, timestampMs, offsetDelta: 4 },
    { key: k, value: v, timestampMs: timestampMs + 5, offsetDelta: 9 },
  ]
  const batch = new RecordBatch(encodeBatch(records, { deleteHorizonMs, baseOffset: 100, lastOffsetDelta: 12 }))
  expect(batch).toMatchObject({ deleteHorizonMs, baseTimestampMs: deleteHorizonMs, nextOffset: 113, recordCount: 2 })
  expect(batch).toMatchObject({ maxTimestampMs: timestampMs + 5 })
  expect(batch.records().map((record) => [record.offset, record.timestampMs])).toEqual([
    [104, timestampMs],
    [109, timestampMs + 5],
  ])
  expect(new RecordBatch(vector('none')).deleteHorizonMs).toBeNull()
})

test('a batch is read where it starts and ends where it says, whatever surrounds it', () => {
  const bytes = Buffer.concat([Buffer.alloc(7, 1), vector('none'), Buffer.alloc(9, 2)])
  const batch = new RecordBatch(bytes, 7)
  expect(batch.bytes).toEqual(vector('none'))
  expect(batch.isValid()).toBe(true)
  expect(batch.records()).toHaveLength(1)
})

test('the 61 bytes of a header are enough for its fields, and reading more says what is missing', () => {
  const header = new RecordBatch(vector('none').subarray(0, 61))
  expect(header).toMatchObject({ sizeBytes: 74, recordCount: 1, maxTimestampMs: timestampMs })
  expect(header.isValid()).toBe(false)
  expect(corruption(() => header.bytes)).toContain('declares 74 bytes where 61 are')
  expect(corruption(() => header.records())).toContain('declares 74 bytes where 61 are')
  expect(corruption(() => new RecordBatch(vector('none').subarray(0, 60)))).toContain('cut off')
})

test('a flipped bit anywhere under the CRC is found before a record is handed out', () => {
  const bytes = vector('none')
  for (let at = 17; at < bytes.length; at++) {
    const damaged = Buffer.from(bytes)
    damaged[at] = damaged[at]! ^ 1
    expect(new RecordBatch(damaged).isValid(), `byte ${at}`).toBe(false)
    expect(
      corruption(() => new RecordBatch(damaged).cursor()),
      `byte ${at}`,
    ).not.toBe('')
  }
})

test('checkValid says where: topic, partition and offset', () => {
  const bytes = vector('none')
  bytes.writeUInt32BE(77, 4)
  bytes[70] = 0
  const check = () => new RecordBatch(bytes).checkValid({ topic: 'payments', partition: 2 })
  expect(check).toThrow(expect.objectContaining({ code: 'CORRUPT_BATCH', topic: 'payments', partition: 2, offset: 77 }))
  expect(check).toThrow('The batch at offset 77 of payments-2 is damaged: its CRC is')
})

test('offsets, timestamps and producer ids beyond 2^53 are refused, not rounded', () => {
  for (const [at, getter] of [
    [0, 'baseOffset'],
    [27, 'baseTimestampMs'],
    [35, 'maxTimestampMs'],
    [43, 'producerId'],
  ] as const) {
    const batch = changed(vector('none'), (bytes) => bytes.writeBigInt64BE(2n ** 53n, at))
    expect(corruption(() => batch[getter])).toContain('9007199254740992')
    expect(corruption(() => batch.checkValid())).toContain('9007199254740992')
  }
  const last = changed(vector('none'), (bytes) => {
    bytes.writeBigInt64BE(2n ** 53n - 2n, 0)
    bytes.writeInt32BE(5, 23)
  })
  expect(last.isValid()).toBe(false)
})

test('lying headers with a right CRC are refused: size, magic, counts, deltas', () => {
  const lies: [string, (bytes: Buffer) => void][] = [
    ['fewer than its header has', (bytes) => bytes.writeInt32BE(48, 8)],
    ['fewer than its header has', (bytes) => bytes.writeInt32BE(-1, 8)],
    ['declares 2147483659 bytes', (bytes) => bytes.writeInt32BE(0x7fff_ffff, 8)],
    ['magic 1', (bytes) => bytes.writeInt8(1, 16)],
    ['are no range', (bytes) => bytes.writeInt32BE(-1, 23)],
    ['are no range', (bytes) => bytes.writeBigInt64BE(-1n, 0)],
    ['-1 records', (bytes) => bytes.writeInt32BE(-1, 57)],
    ['2 records in 1 offsets', (bytes) => bytes.writeInt32BE(2, 57)],
    ['records in 74 bytes', (bytes) => bytes.fill(0x7f, 57, 61).writeInt32BE(0x7fff_ffff, 23)],
  ]
  for (const [message, lie] of lies) {
    expect(corruption(() => changed(vector('none'), lie).checkValid())).toContain(message)
    expect(corruption(() => changed(vector('none'), lie).records())).toContain(message)
  }
})

test('an unknown codec is unsupported, not corrupt', () => {
  const batch = changed(vector('none'), (bytes) => bytes.writeInt16BE(6, 21))
  expect(batch.isValid()).toBe(true)
  expect(() => batch.records()).toThrow(expect.objectContaining({ code: 'UNSUPPORTED_COMPRESSION' }))
})

test('a cursor takes no more memory for a compressed batch than it is allowed', () => {
  const batch = new RecordBatch(encodeBatch([{ key: null, value: Buffer.alloc(100_000) }], { codec: 'zstd' }))
  expect(corruption(() => batch.cursor(50_000))).toContain('more than the 50000 bytes allowed')
  expect(batch.records()[0]!.value).toHaveLength(100_000)
})

const SEED = Number(process.env['SEED'] ?? 5)
test(`damage under a right CRC gives records or a TidemarkError, in every codec (SEED=${SEED})`, () => {
  const random = seededRandom(SEED)
  const integer = (limit: number) => Math.floor(random() * limit)
  const small = encodeBatch(javaRecords().slice(0, 12))
  const batches = [small, ...['gzip', 'snappy', 'lz4', 'zstd'].map((codec) => fixture(`java-${codec}.batch`))]
  const outcomes = new Map<string, number>()
  for (let step = 0; step < 600; step++) {
    // Most of the time the small uncompressed one: every byte of it means something.
    const bytes = batches[random() < 0.7 ? 0 : integer(batches.length)]!
    const batch = changed(bytes, (copy) => {
      for (let flips = integer(3); flips >= 0; flips--) {
        const at = 21 + (random() < 0.2 ? integer(40) : integer(copy.length - 21))
        copy[at] = random() < 0.3 ? 0xff : integer(256)
      }
    })
    let outcome = 'records'
    try {
      batch.records()
    } catch (error) {
      expect(error, `step ${step}`).toBeInstanceOf(TidemarkError)
      outcome = (error as TidemarkError).code
    }
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
  }
  expect([...outcomes.keys()].sort()).toEqual(['CORRUPT_BATCH', 'UNSUPPORTED_COMPRESSION', 'records'])
})
