import { expect, test } from 'vitest'
import { TidemarkError } from '../../../sdk/errors.ts'
import {
  type ClassicGroupRecord,
  classicGroupRecord,
  decodeClassicGroup,
  encodeClassicGroup,
} from '../../../sdk/offsets/classic-group-record.ts'
import { encodeCoordinatorBatch } from '../../../sdk/offsets/coordinator-record.ts'
import { stampBatch } from '../../../sdk/record/batch-stamp.ts'
import { seededRandom } from '../../support/seeded-random.ts'

const EMPTY: ClassicGroupRecord = {
  protocolType: 'consumer',
  generation: 1,
  protocol: null,
  leader: null,
  currentStateTimestampMs: 1_700_000_000_000,
  members: [],
}
const STABLE: ClassicGroupRecord = {
  ...EMPTY,
  protocol: 'range',
  leader: 'm1',
  members: [
    {
      memberId: 'm1',
      instanceId: 'i1',
      clientId: 'c',
      clientHost: '/127.0.0.1',
      rebalanceTimeoutMs: 300_000,
      sessionTimeoutMs: 45_000,
      subscription: Buffer.from('000000000001000174ffffffff', 'hex'),
      assignment: Buffer.from('0000', 'hex'),
    },
  ],
}

test('an empty group is written as Kafka writes it', () => {
  const hex = '00030008636f6e73756d657200000001ffffffff0000018bcfe5680000000000'
  expect(encodeClassicGroup(EMPTY).toString('hex')).toBe(hex)
  expect(decodeClassicGroup(Buffer.from(hex, 'hex'))).toEqual(EMPTY)
})

test('the batch with which a group went empty is Kafka’s, byte for byte', () => {
  const group = { ...EMPTY, generation: 2, currentStateTimestampMs: 0x1a20c1b4453 }
  const batch = encodeCoordinatorBatch([classicGroupRecord('g1', group)], 0x1a20c1b4454)
  stampBatch(batch, { baseOffset: 8, partitionLeaderEpoch: 0 })
  expect(batch.toString('hex')).toBe(
    '00000000000000080000005e00000000027194109e000000000000000001a20c1b4454000001a20c1b4454ffffffffffffffffffff0000000000000001580000000c0002000267314000030008636f6e73756d657200000002ffffffff000001a20c1b44530000000000',
  )
})

test('a group is removed by its key without a value', () => {
  const { key, value } = classicGroupRecord('billing', null)
  expect([key.toString('hex'), value]).toEqual(['0002000762696c6c696e67', null])
})

test('every version reads back what it can carry', () => {
  for (let version = 0; version <= 4; version++) {
    expect(decodeClassicGroup(encodeClassicGroup(STABLE, version)), `version ${version}`).toEqual({
      ...STABLE,
      currentStateTimestampMs: version >= 2 ? STABLE.currentStateTimestampMs : -1,
      members: STABLE.members.map((member) => ({
        ...member,
        instanceId: version >= 3 ? member.instanceId : null,
        rebalanceTimeoutMs: version >= 1 ? member.rebalanceTimeoutMs : -1,
      })),
    })
  }
})

test('a version that is not understood says so', () => {
  expect(() => decodeClassicGroup(Buffer.from('0005', 'hex'))).toThrow(expect.objectContaining({ code: 'UNSUPPORTED' }))
})

test('damaged values never end in anything but a TidemarkError', () => {
  const seed = 99
  const random = seededRandom(seed)
  for (let round = 0; round < 20_000; round++) {
    const value = encodeClassicGroup(STABLE, Math.floor(random() * 5))
    value[Math.floor(random() * value.length)] = Math.floor(random() * 256)
    try {
      decodeClassicGroup(value.subarray(0, random() < 0.3 ? Math.floor(random() * value.length) : value.length))
    } catch (error) {
      expect(error, `seed ${seed}, round ${round}`).toBeInstanceOf(TidemarkError)
    }
  }
})
