import { expect, test } from 'vitest'
import { TidemarkError } from '../../../sdk/errors.ts'
import { encodeRecordKey, parseRecordKey, RECORD_TYPES, type RecordKey } from '../../../sdk/offsets/record-key.ts'
import { seededRandom } from '../../support/seeded-random.ts'

const VECTORS: [string, RecordKey][] = [
  ['000100016700017400000000', { kind: 'offset', type: 1, group: 'g', topic: 't', partition: 0 }],
  [
    '0001000762696c6c696e6700087061796d656e747300000002',
    { kind: 'offset', type: 1, group: 'billing', topic: 'payments', partition: 2 },
  ],
  ['0002000762696c6c696e67', { kind: 'group', type: 2, group: 'billing' }],
  ['000300026731', { kind: 'group', type: 3, group: 'g1' }],
  ['00050002673100046d656d41', { kind: 'member', type: 5, group: 'g1', memberId: 'memA' }],
  ['000600026731', { kind: 'group', type: 6, group: 'g1' }],
  ['00070002673100046d656d41', { kind: 'member', type: 7, group: 'g1', memberId: 'memA' }],
  ['00080002673100046d656d41', { kind: 'member', type: 8, group: 'g1', memberId: 'memA' }],
  ['001000026734000572782d2e2a', { kind: 'regex', type: 16, group: 'g4', regex: 'rx-.*' }],
]

test('Kafka’s keys are read and written byte for byte', () => {
  for (const [hex, key] of VECTORS) {
    expect(parseRecordKey(Buffer.from(hex, 'hex'))).toEqual(key)
    if (key.kind !== 'unknown') expect(encodeRecordKey(key).toString('hex')).toBe(hex)
  }
})

test('every type from 0 to 23 that Kafka uses is known, all others pass as unknown', () => {
  const known = new Set<number>(Object.values(RECORD_TYPES))
  expect(known.size).toBe(22)
  for (let type = -3; type < 40; type++) {
    const key = Buffer.alloc(40)
    key.writeInt16BE(type)
    expect(parseRecordKey(key).kind === 'unknown', `type ${type}`).toBe(!known.has(type))
  }
  expect(parseRecordKey(Buffer.from('7fff', 'hex'))).toEqual({ kind: 'unknown', type: 32767 })
})

test('a key that is missing or cut is damage', () => {
  const corrupt = expect.objectContaining({ code: 'CORRUPT_BATCH' })
  expect(() => parseRecordKey(null)).toThrow(corrupt)
  for (const [hex] of VECTORS) {
    const key = Buffer.from(hex, 'hex')
    for (let end = 0; end < key.length; end++) expect(() => parseRecordKey(key.subarray(0, end))).toThrow(corrupt)
  }
})

test('damaged keys never end in anything but a TidemarkError', () => {
  const seed = 5
  const random = seededRandom(seed)
  for (let round = 0; round < 20_000; round++) {
    const key = Buffer.from(
      Array.from({ length: Math.floor(random() * 30) }, () => Math.floor(random() * (random() < 0.6 ? 4 : 256))),
    )
    if (key.length > 1) key[0] = 0
    try {
      parseRecordKey(key)
    } catch (error) {
      expect(error, `seed ${seed}, round ${round}`).toBeInstanceOf(TidemarkError)
    }
  }
})
