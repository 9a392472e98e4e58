import { expect, test } from 'vitest'
import { TidemarkError } from '../../../sdk/errors.ts'
import { ByteReader } from '../../../sdk/record/byte-reader.ts'
import { ByteWriter } from '../../../sdk/record/byte-writer.ts'
import { seededRandom } from '../../support/seeded-random.ts'

const ID = 'RbmOm_1Nmpnmd8pNk1G_AA'
const bytes = Buffer.from([1, 2, 3])
const long = 'ü'.repeat(300)

/** Every kind of field once: how it is written, how it is read, and what comes back. */
const fields: [
  name: string,
  write: (writer: ByteWriter) => void,
  read: (reader: ByteReader) => unknown,
  expected: unknown,
][] = [
  ['i8', (w) => w.i8(-128), (r) => r.i8(), -128],
  ['bool', (w) => w.bool(true), (r) => r.bool(), true],
  ['i16', (w) => w.i16(-2), (r) => r.i16(), -2],
  ['u16', (w) => w.u16(65_535), (r) => r.u16(), 65_535],
  ['i32', (w) => w.i32(-(2 ** 31)), (r) => r.i32(), -(2 ** 31)],
  ['u32', (w) => w.u32(2 ** 32 - 1), (r) => r.u32(), 2 ** 32 - 1],
  ['i64', (w) => w.i64(-5_000_000_000), (r) => r.i64(), -5_000_000_000],
  [
    'i64 at its ends',
    (w) => w.i64(Number.MIN_SAFE_INTEGER).i64(Number.MAX_SAFE_INTEGER),
    (r) => [r.i64(), r.i64()],
    [-(2 ** 53 - 1), 2 ** 53 - 1],
  ],
  ['i64 of all bits', (w) => w.i64(-(2n ** 63n)), (r) => r.i64AsBigInt(), -(2n ** 63n)],
  ['uvarint', (w) => w.uvarint(2 ** 32 - 1).uvarint(300), (r) => [r.uvarint(), r.uvarint()], [2 ** 32 - 1, 300]],
  ['varint', (w) => w.varint(-(2 ** 31)).varint(-1), (r) => [r.varint(), r.varint()], [-(2 ** 31), -1]],
  ['varlong', (w) => w.varlong(-(2 ** 50)).varlong(3), (r) => [r.varlong(), r.varlong()], [-(2 ** 50), 3]],
  ['uuid', (w) => w.uuid(ID), (r) => r.uuid(), ID],
  ['string16', (w) => w.string16('größe'), (r) => r.string16(), 'größe'],
  [
    'nullableString16',
    (w) => w.nullableString16(null).nullableString16(''),
    (r) => [r.nullableString16(), r.nullableString16()],
    [null, ''],
  ],
  ['bytes32', (w) => w.bytes32(bytes), (r) => r.bytes32(), bytes],
  ['nullableBytes32', (w) => w.nullableBytes32(null), (r) => r.nullableBytes32(), null],
  ['compactString', (w) => w.compactString(long), (r) => r.compactString(), long],
  ['compactNullableString', (w) => w.compactNullableString(null), (r) => r.compactNullableString(), null],
  ['compactBytes', (w) => w.compactBytes(bytes), (r) => r.compactBytes(), bytes],
  ['compactNullableBytes', (w) => w.compactNullableBytes(null), (r) => r.compactNullableBytes(), null],
  ['array', (w) => w.array([1, 2], (x, value) => x.i32(value)), (r) => r.array((x) => x.i32()), [1, 2]],
  [
    'nullableArray',
    (w) => w.nullableArray<number>(null, (x, value) => x.i32(value)),
    (r) => r.nullableArray((x) => x.i32()),
    null,
  ],
  [
    'compactArray',
    (w) => w.compactArray(['a'], (x, value) => x.compactString(value)),
    (r) => r.compactArray((x) => x.compactString()),
    ['a'],
  ],
  [
    'compactNullableArray',
    (w) => w.compactNullableArray<number>(null, (x, value) => x.i8(value)),
    (r) => r.compactNullableArray((x) => x.i8()),
    null,
  ],
  ['arrayCount', (w) => w.arrayCount(2).i16(0), (r) => [r.arrayCount(), r.i16()], [2, 0]],
  ['compactArrayCount', (w) => w.compactArrayCount(1).i8(9), (r) => [r.compactArrayCount(), r.i8()], [1, 9]],
  [
    'taggedFields',
    (w) =>
      w.taggedFields(
        new Map([
          [9, bytes],
          [0, Buffer.alloc(0)],
        ]),
      ),
    (r) => [...r.taggedFields()],
    [
      [0, Buffer.alloc(0)],
      [9, bytes],
    ],
  ],
  ['no taggedFields', (w) => w.taggedFields(), (r) => r.taggedFields().size, 0],
  ['raw and take', (w) => w.raw(bytes), (r) => r.take(3), bytes],
]

for (const [name, write, read, expected] of fields) {
  test(`${name} is read as it was written, from a writer that had to grow`, () => {
    const writer = new ByteWriter(0)
    write(writer)
    const reader = new ByteReader(writer.toBuffer())
    expect(read(reader)).toEqual(expected)
    reader.expectEnd()
    expect(reader.position).toBe(writer.sizeBytes)
  })

  test(`${name} cut off anywhere is CORRUPT_BATCH`, () => {
    const writer = new ByteWriter()
    write(writer)
    const whole = writer.toBuffer()
    for (let length = 0; length < whole.length; length++) {
      // What lies behind the cut in memory must not be read either.
      const read1 = () => read(new ByteReader(whole.subarray(0, length), 'A commit'))
      expect(read1, `${length} of ${whole.length} bytes`).toThrow(expect.objectContaining({ code: 'CORRUPT_BATCH' }))
      expect(read1).toThrow(/^A commit/)
    }
  })
}

const lies: [name: string, hex: string, read: (reader: ByteReader) => unknown][] = [
  ['a null string where none may be', 'ffff', (r) => r.string16()],
  ['a null compact string where none may be', '00', (r) => r.compactString()],
  ['null bytes where none may be', 'ffffffff', (r) => r.bytes32()],
  ['a null array where none may be', '00', (r) => r.compactArray((x) => x.i8())],
  ['a string of a negative length', 'fffe61', (r) => r.nullableString16()],
  ['bytes of a negative length', 'fffffffe61', (r) => r.nullableBytes32()],
  ['bytes of 2^31 − 1', '7fffffff61', (r) => r.nullableBytes32()],
  ['an array of 2^31 − 1 elements', '7fffffff61', (r) => r.array((x) => x.i8())],
  ['an array of −2 elements', 'fffffffe61', (r) => r.nullableArray((x) => x.i8())],
  ['a compact array of 4294967294 elements', 'ffffffff0f61', (r) => r.compactArray((x) => x.i8())],
  ['a varint of six bytes', 'ffffffffff0f', (r) => r.uvarint()],
  ['a tag twice', '02010001 00'.replace(' ', ''), (r) => r.taggedFields()],
  ['an int64 beyond 2^53', '0020000000000000', (r) => r.i64()],
  ['bytes behind the end', '00', (r) => r.expectEnd()],
]
for (const [name, hex, read] of lies) {
  test(`${name} is CORRUPT_BATCH`, () => {
    const reader = new ByteReader(Buffer.from(hex, 'hex'))
    expect(() => read(reader)).toThrow(expect.objectContaining({ code: 'CORRUPT_BATCH' }))
  })
}

const SEED = Number(process.env['SEED'] ?? 3)
test(`random bytes read as random fields give values or CORRUPT_BATCH (SEED=${SEED})`, () => {
  const random = seededRandom(SEED)
  for (let step = 0; step < 5000; step++) {
    const reader = new ByteReader(Buffer.from(Array.from({ length: random() * 60 }, () => random() ** 2 * 256)))
    try {
      while (reader.remaining > 0) fields[Math.floor(random() * fields.length)]![2](reader)
    } catch (error) {
      expect(error, `step ${step}`).toBeInstanceOf(TidemarkError)
    }
    expect(reader.position).toBeLessThanOrEqual(reader.bytes.length + 10)
  }
})

test('a writer can be used again after reset', () => {
  const writer = new ByteWriter()
  writer.string16('first')
  writer.reset()
  expect(writer.i8(5).toBuffer()).toEqual(Buffer.from([5]))
})
