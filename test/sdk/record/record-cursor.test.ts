import { expect, test } from 'vitest'
import { encodeBatch } from '../../../sdk/record/batch-builder.ts'
import { RecordBatch } from '../../../sdk/record/record-batch.ts'
import { RecordCursor } from '../../../sdk/record/record-cursor.ts'

const BASE_OFFSET = 5_000_000_000
const BASE_TIMESTAMP_MS = 1_700_000_000_000

/** A cursor over record bytes as they are, in the middle of other bytes. */
function createCursor(hex: string, count: number, lastOffsetDelta = 100): RecordCursor {
  const records = Buffer.from(hex.replaceAll(' ', ''), 'hex')
  return new RecordCursor({
    buffer: Buffer.concat([Buffer.alloc(3, 0xff), records, Buffer.alloc(20, 1)]),
    start: 3,
    end: 3 + records.length,
    count,
    baseOffset: BASE_OFFSET,
    lastOffsetDelta,
    baseTimestampMs: BASE_TIMESTAMP_MS,
    logAppendTimeMs: null,
  })
}

test('a cursor tells where each record’s parts are', () => {
  const records = [
    { key: Buffer.from('key'), value: Buffer.from('value'), timestampMs: 1000 },
    { key: null, value: Buffer.alloc(0), timestampMs: 1000 - 2 ** 40, headers: [{ key: 'a', value: null }] },
    { key: Buffer.alloc(0), value: null, timestampMs: 1000 + 2 ** 45, offsetDelta: 70_000 },
  ]
  const cursor = new RecordBatch(encodeBatch(records, { baseOffset: BASE_OFFSET })).cursor()
  const { buffer } = cursor

  expect(cursor.next()).toBe(true)
  expect([cursor.offset, cursor.timestampMs, cursor.headerCount]).toEqual([BASE_OFFSET, 1000, 0])
  expect(buffer.toString('utf8', cursor.keyStart, cursor.keyEnd)).toBe('key')
  expect(buffer.toString('utf8', cursor.valueStart, cursor.valueEnd)).toBe('value')

  expect(cursor.next()).toBe(true)
  expect([cursor.offset, cursor.timestampMs]).toEqual([BASE_OFFSET + 1, 1000 - 2 ** 40])
  expect([cursor.keyStart, cursor.keyEnd, cursor.valueEnd - cursor.valueStart]).toEqual([-1, -1, 0])
  expect([cursor.key(), cursor.value()]).toEqual([null, Buffer.alloc(0)])
  expect(cursor.headers()).toEqual([{ key: 'a', value: null }])

  expect(cursor.next()).toBe(true)
  expect([cursor.offset, cursor.timestampMs]).toEqual([BASE_OFFSET + 70_000, 1000 + 2 ** 45])
  expect([cursor.valueStart, cursor.valueEnd]).toEqual([-1, -1])
  expect([cursor.key(), cursor.value(), cursor.headers()]).toEqual([Buffer.alloc(0), null, []])

  expect(cursor.next()).toBe(false)
  expect(cursor.next()).toBe(false)
})

test('repeated header keys keep their order, and asking for headers does not move the cursor', () => {
  const headers = [
    { key: 'id', value: Buffer.from('1') },
    { key: 'id', value: Buffer.from('2') },
    { key: '', value: null },
    { key: 'ключ 🔑', value: Buffer.alloc(300, 7) },
  ]
  const batch = new RecordBatch(
    encodeBatch([
      { key: null, value: null, headers },
      { key: null, value: Buffer.from('second') },
    ]),
  )
  const cursor = batch.cursor()
  cursor.next()
  expect([cursor.headers(), cursor.headers()]).toEqual([headers, headers])
  expect(cursor.next()).toBe(true)
  expect(cursor.value()?.toString()).toBe('second')
})

test('keys, values and header values are views of the batch, not copies', () => {
  const bytes = encodeBatch([
    { key: Buffer.from('k'), value: Buffer.from('v'), headers: [{ key: 'h', value: Buffer.from('x') }] },
  ])
  const record = new RecordBatch(bytes).records()[0]!
  for (const part of [record.key, record.value, record.headers[0]!.value]) expect(part?.buffer).toBe(bytes.buffer)
})

// length · attributes · timestampDelta · offsetDelta · keyLength · valueLength · headerCount
const damages: [name: string, hex: string, count: number, message: string][] = [
  ['a length that is too long for the batch', '0e 00 00 00 01 01 00', 1, 'a record of 7 bytes does not fit'],
  ['a length longer than the parts', '0e 00 00 00 01 01 00 00', 1, 'declares 7 bytes, which its parts do not fill'],
  ['a length shorter than the parts', '0a 00 00 00 01 01 00', 1, 'declares 5 bytes, which its parts do not fill'],
  ['a negative length', '01 00 00 00 01 01 00', 1, 'declares -1 bytes'],
  ['a length of 2^31 − 1', 'feffffff0f 00 00 00 01 01 00', 1, 'does not fit'],
  ['a length varint without end', 'ffffffffffff', 1, 'a varint is longer than 5 bytes'],
  ['a key length below null', '0c 00 00 00 03 01 00', 1, 'do not fill'],
  ['a key that overruns the record', '0c 00 00 00 7e 01 00', 1, 'do not fill'],
  ['a value length below null', '0c 00 00 00 01 03 00', 1, 'do not fill'],
  ['a value of 2^31 − 1 bytes', '14 00 00 00 01 feffffff0f 00', 1, 'do not fill'],
  ['a negative header count', '0c 00 00 00 01 01 01', 1, 'declares -1 headers'],
  ['more headers than bytes', '0c 00 00 00 01 01 7e', 1, 'declares 63 headers'],
  ['fewer headers than declared', '10 00 00 00 01 01 04 00 01', 1, 'declares 2 headers and has 1'],
  ['a header without a key', '10 00 00 00 01 01 02 01 01', 1, 'a header has no key'],
  ['a header value length below null', '10 00 00 00 01 01 02 00 03', 1, 'a header value has -2 bytes'],
  ['a header key that overruns', '10 00 00 00 01 01 02 7e 01', 1, 'do not fill'],
  ['a negative offset delta', '0c 00 00 01 01 01 00', 1, 'offset delta -1'],
  ['an offset delta beyond the batch', '0e 00 00 ca01 01 01 00', 1, 'offset delta 101'],
  ['an offset delta twice', '0c 00 00 00 01 01 00 0c 00 00 00 01 01 00', 2, 'offset delta 0 follows 0'],
  ['a timestamp delta beyond 2^53', '1e 00 ffffffffffffffffff01 00 01 01 00', 1, 'a varlong is beyond ±2^53'],
  ['a timestamp that sums up beyond 2^53', '1a 00 feffffffffffff1f 00 01 01 00', 1, 'a timestamp is beyond'],
  ['a timestamp varlong without end', '20 00 ffffffffffffffffffff01 00 01 01 00', 1, 'longer than 10 bytes'],
  ['fewer records than declared', '0c 00 00 00 01 01 00', 2, 'at its record 2 of 2'],
  ['bytes behind the last record', '0c 00 00 00 01 01 00 00', 1, '1 bytes follow its last record'],
]
for (const [name, hex, count, message] of damages) {
  test(`${name} is CORRUPT_BATCH, again and again`, () => {
    const cursor = createCursor(hex, count)
    const walk = () => {
      while (cursor.next());
    }
    expect(walk).toThrow(message)
    for (let attempt = 0; attempt < 3; attempt++) {
      expect(walk).toThrow(
        expect.objectContaining({ name: 'TidemarkError', code: 'CORRUPT_BATCH', offset: BASE_OFFSET }),
      )
    }
  })
}

test('overlong but legal varints are read as what they mean', () => {
  const cursor = createCursor('a200 00 8000 808000 8100 8180808000 80808000', 1)
  expect(cursor.next()).toBe(true)
  expect([cursor.offset, cursor.timestampMs, cursor.key(), cursor.value()]).toEqual([
    BASE_OFFSET,
    BASE_TIMESTAMP_MS,
    null,
    null,
  ])
  expect(cursor.next()).toBe(false)
})
