import { expect, test } from 'vitest'
import { TidemarkError } from '../../../sdk/errors.ts'
import { encodeCoordinatorBatch } from '../../../sdk/offsets/coordinator-record.ts'
import {
  decodeOffsetCommit,
  encodeOffsetCommit,
  type OffsetCommit,
  offsetCommitRecord,
  offsetTombstone,
} from '../../../sdk/offsets/offset-commit-record.ts'
import { stampBatch } from '../../../sdk/record/batch-stamp.ts'
import { RecordBatch } from '../../../sdk/record/record-batch.ts'
import { seededRandom } from '../../support/seeded-random.ts'

const BASE: OffsetCommit = {
  offset: 5,
  leaderEpoch: 0,
  metadata: '',
  commitTimestampMs: 1_700_000_000_000,
  expireTimestampMs: null,
  topicId: null,
}

/** Group gs, topic multi, partition 0, offset 3: the batch Kafka 4.3.1 wrote. */
const KAFKAS_BATCH =
  '00000000000000000000007400000000026f78477a000000000000000001a20c1b48a0000001a20c1b48a0ffffffffffffffffffff000000000000000182010000002200010002677300056d756c7469000000005400040000000000000003ffffffff01000001a20c1b48a00100100145b98e9bfd4d9a99e677ca4d9351bf00'

test('a commit is written as Kafka 4.3 writes it, batch and all', () => {
  const commitTimestampMs = 0x1a20c1b48a0
  const topicId = Buffer.from('0145b98e9bfd4d9a99e677ca4d9351bf', 'hex').toString('base64url')
  const place = { group: 'gs', topic: 'multi', partition: 0 }
  const record = offsetCommitRecord(place, { offset: 3, leaderEpoch: -1, metadata: '', commitTimestampMs, topicId })
  const batch = encodeCoordinatorBatch([record], commitTimestampMs)
  stampBatch(batch, { baseOffset: 0, partitionLeaderEpoch: 0 })
  expect(batch.toString('hex')).toBe(KAFKAS_BATCH)
})

test('the commit Kafka wrote is read', () => {
  const [record] = new RecordBatch(Buffer.from(KAFKAS_BATCH, 'hex')).records()
  expect(decodeOffsetCommit(record!.value!)).toMatchObject({
    offset: 3,
    leaderEpoch: -1,
    metadata: '',
    topicId: 'AUW5jpv9TZqZ5nfKTZNRvw',
  })
})

test('values of versions 3 and 4 are Kafka’s, byte for byte', () => {
  expect(encodeOffsetCommit(BASE, 3).toString('hex')).toBe('000300000000000000050000000000000000018bcfe56800')
  const withId = { ...BASE, topicId: 'AAAAAAAAAAAAAAAAAAAAAQ' }
  const hex = '0004000000000000000500000000010000018bcfe5680001001000000000000000000000000000000001'
  expect(encodeOffsetCommit(withId).toString('hex')).toBe(hex)
  expect(decodeOffsetCommit(Buffer.from(hex, 'hex'))).toEqual(withId)
  expect(encodeOffsetCommit({ ...BASE, offset: 42, leaderEpoch: -1 }, 3).toString('hex')).toBe(
    '0003000000000000002affffffff00000000018bcfe56800',
  )
})

test('a topic id of zeros means none', () => {
  const zero = Buffer.from(
    '0004000000000000000500000000010000018bcfe5680001001000000000000000000000000000000000',
    'hex',
  )
  expect(decodeOffsetCommit(zero).topicId).toBeNull()
})

test('a tombstone has the commit’s key and no value', () => {
  const { key, value } = offsetTombstone('g', 't', 0)
  expect([key.toString('hex'), value]).toEqual(['000100016700017400000000', null])
})

test('every version reads back what it can carry', () => {
  const seed = 3
  const random = seededRandom(seed)
  for (let round = 0; round < 2000; round++) {
    const commit: OffsetCommit = {
      offset: Math.floor(random() * 2 ** 53),
      leaderEpoch: Math.floor(random() * 100) - 1,
      metadata: 'ü😀m'.repeat(Math.floor(random() * 100)),
      commitTimestampMs: Math.floor(random() * 2 ** 42),
      expireTimestampMs: random() < 0.5 ? null : Math.floor(random() * 2 ** 42),
      topicId: random() < 0.5 ? null : 'y_oDLzgGSICjavLUCNOL_g',
    }
    const version = Math.floor(random() * 5)
    expect(decodeOffsetCommit(encodeOffsetCommit(commit, version)), `seed ${seed}, round ${round}`).toEqual({
      ...commit,
      leaderEpoch: version >= 3 ? commit.leaderEpoch : -1,
      expireTimestampMs: version === 1 ? commit.expireTimestampMs : null,
      topicId: version >= 4 ? commit.topicId : null,
    })
  }
})

test('a version that is not understood says so', () => {
  expect(() => decodeOffsetCommit(Buffer.from('0005', 'hex'))).toThrow(expect.objectContaining({ code: 'UNSUPPORTED' }))
})

test('damaged values never end in anything but a TidemarkError', () => {
  const seed = 77
  const random = seededRandom(seed)
  for (let round = 0; round < 20_000; round++) {
    const commit = { ...BASE, metadata: 'meta', topicId: 'y_oDLzgGSICjavLUCNOL_g' }
    const value = encodeOffsetCommit(commit, Math.floor(random() * 5))
    value[Math.floor(random() * value.length)] = Math.floor(random() * 256)
    try {
      decodeOffsetCommit(value.subarray(0, random() < 0.3 ? Math.floor(random() * value.length) : value.length))
    } catch (error) {
      expect(error, `seed ${seed}, round ${round}`).toBeInstanceOf(TidemarkError)
    }
  }
})
