import { expect, test } from 'vitest'
import { ConsumerGroup } from '../../../sdk/group/consumer-group.ts'
import {
  decodeCurrentAssignment,
  encodeCurrentAssignment,
  MEMBER_STATE,
} from '../../../sdk/group/current-assignment-record.ts'
import { GroupDraft } from '../../../sdk/group/group-draft.ts'
import { decodeGroupEpoch, encodeGroupEpoch } from '../../../sdk/group/group-epoch-record.ts'
import { decodeMember, encodeMember, type MemberRecord } from '../../../sdk/group/member-record.ts'
import { decodeRegularExpression, encodeRegularExpression } from '../../../sdk/group/regular-expression-record.ts'
import { decodeTarget, decodeTargetEpoch, encodeTarget, encodeTargetEpoch } from '../../../sdk/group/target-record.ts'

// All bytes are from a Kafka 4.3.1 broker: group g1, member memA, topic t1 with 3 partitions.
const T1 = 'ioJY1WQMR2mpUturAYXWwA'
const THREE_PARTITIONS = [`${T1}:0`, `${T1}:1`, `${T1}:2`]

const MEMBER: MemberRecord = {
  instanceId: null,
  rackId: null,
  clientId: 'raw',
  clientHost: '/127.0.0.1',
  subscribedTopicNames: ['t1'],
  subscribedTopicRegex: '',
  rebalanceTimeoutMs: 300_000,
  serverAssignor: null,
  classic: null,
}

test('a draft writes the broker’s keys, and tombstones with the same keys', () => {
  const draft = new GroupDraft(new ConsumerGroup('g1'))
  draft.member('memA', MEMBER)
  draft.groupEpoch(2)
  draft.target('memA', new Set())
  draft.targetEpoch({ assignmentEpoch: 2, assignmentTimestampMs: 0 })
  draft.currentAssignment('memA', null)
  draft.target('memA', null)
  draft.targetEpoch(null)
  draft.member('memA', null)
  draft.noRegularExpression('rx-.*')
  draft.noSubscriptionMetadata()
  draft.groupEpoch(null)
  draft.noClassicGroup()
  expect(draft.records.map(({ key, value }) => key.toString('hex') + (value === null ? ' null' : ''))).toEqual([
    '00050002673100046d656d41',
    '000300026731',
    '00070002673100046d656d41',
    '000600026731',
    '00080002673100046d656d41 null',
    '00070002673100046d656d41 null',
    '000600026731 null',
    '00050002673100046d656d41 null',
    '001000026731000572782d2e2a null',
    '000400026731 null',
    '000300026731 null',
    '000200026731 null',
  ])
})

test('a group epoch has its hash in a tag, and none when it is 0', () => {
  const bytes = '000000000002010008e86570237553557f'
  const record = { epoch: 2, metadataHash: BigInt.asIntN(64, 0xe86570237553557fn) }
  expect(encodeGroupEpoch(record).toString('hex')).toBe(bytes)
  expect(decodeGroupEpoch(Buffer.from(bytes, 'hex'))).toEqual(record)
  expect(encodeGroupEpoch({ epoch: 5, metadataHash: 0n }).toString('hex')).toBe('00000000000500')
  expect(decodeGroupEpoch(Buffer.from('00000000000500', 'hex'))).toEqual({ epoch: 5, metadataHash: 0n })
  expect(decodeGroupEpoch(Buffer.from('000000000002010008d7d67d99524c6fe6', 'hex')).epoch).toBe(2)
})

test('a consumer member always carries the tag that says it is no classic member', () => {
  const bytes = '00000000047261770b2f3132372e302e302e310203743101000493e00001000100'
  expect(encodeMember(MEMBER).toString('hex')).toBe(bytes)
  expect(decodeMember(Buffer.from(bytes, 'hex'))).toEqual(MEMBER)
})

test('a member may have an expression instead of names', () => {
  const bytes = '00000000047261770b2f3132372e302e302e31010672782d2e2a000493e00001000100'
  const member = { ...MEMBER, subscribedTopicNames: [], subscribedTopicRegex: 'rx-.*' }
  expect(encodeMember(member).toString('hex')).toBe(bytes)
  expect(decodeMember(Buffer.from(bytes, 'hex'))).toEqual(member)
})

test('a classic member of a group in upgrade keeps its protocols', () => {
  const metadata = Buffer.from([1, 2])
  const member = { ...MEMBER, classic: { sessionTimeoutMs: 45_000, protocols: [{ name: 'range', metadata }] } }
  const bytes = encodeMember(member)
  expect(bytes.toString('hex')).toMatch(/000493e000010011010000afc8020672616e67650301020000$/)
  expect(decodeMember(bytes)).toEqual(member)
})

test('a member record without the tag reads as a classic member, as brokers read it', () => {
  const bytes = Buffer.from('00000000047261770b2f3132372e302e302e310203743101000493e00000', 'hex')
  expect(decodeMember(bytes).classic).toEqual({ sessionTimeoutMs: 0, protocols: [] })
})

test('a target epoch has its time in a tag', () => {
  const bytes = '000000000002010008000001a20c412655'
  const record = { assignmentEpoch: 2, assignmentTimestampMs: 0x1a20c412655 }
  expect(encodeTargetEpoch(record).toString('hex')).toBe(bytes)
  expect(decodeTargetEpoch(Buffer.from(bytes, 'hex'))).toEqual(record)
  const unknown = { assignmentEpoch: 7, assignmentTimestampMs: 0 }
  expect(encodeTargetEpoch(unknown).toString('hex')).toBe('00000000000700')
  expect(decodeTargetEpoch(encodeTargetEpoch(unknown))).toEqual(unknown)
})

test('a target lists partitions by topic id, ascending', () => {
  const bytes = '0000028a8258d5640c4769a952dbab0185d6c0040000000000000001000000020000'
  expect(encodeTarget(new Set(THREE_PARTITIONS.toReversed())).toString('hex')).toBe(bytes)
  expect(decodeTarget(Buffer.from(bytes, 'hex'))).toEqual(new Set(THREE_PARTITIONS))
  expect(encodeTarget(new Set()).toString('hex')).toBe('00000100')
})

test('a current assignment always carries the epochs at which the partitions came', () => {
  const bytes =
    '0000000000020000000000028a8258d5640c4769a952dbab0185d6c00400000000000000010000000201000d040000000200000002000000020100'
  const record = {
    memberEpoch: 2,
    previousMemberEpoch: 0,
    state: MEMBER_STATE.stable,
    assigned: new Map(THREE_PARTITIONS.map((id) => [id, 2])),
    pendingRevocation: new Map(),
  }
  expect(encodeCurrentAssignment(record).toString('hex')).toBe(bytes)
  expect(decodeCurrentAssignment(Buffer.from(bytes, 'hex'))).toEqual(record)
  const nothing = { ...record, memberEpoch: 1, assigned: new Map() }
  expect(encodeCurrentAssignment(nothing).toString('hex')).toBe('0000000000010000000000010100')
})

test('a current assignment without epochs takes the member’s, as brokers do', () => {
  const bytes = Buffer.from('0000000000020000000000028a8258d5640c4769a952dbab0185d6c00200000000000100', 'hex')
  expect(decodeCurrentAssignment(bytes).assigned).toEqual(new Map([[`${T1}:0`, 2]]))
})

test('a current assignment keeps different epochs apart, pending ones too', () => {
  const record = {
    memberEpoch: 5,
    previousMemberEpoch: 5,
    state: MEMBER_STATE.unrevoked,
    assigned: new Map([
      [`${T1}:2`, 4],
      [`${T1}:0`, 5],
    ]),
    pendingRevocation: new Map([[`${T1}:1`, 3]]),
  }
  expect(decodeCurrentAssignment(encodeCurrentAssignment(record))).toEqual(record)
})

test('a resolved expression lists topics, metadata version and time', () => {
  const bytes = '0000020572782d6100000000000002e1000001a20c43a17200'
  const record = { topics: ['rx-a'], version: 737, timestampMs: 0x1a20c43a172 }
  expect(encodeRegularExpression(record).toString('hex')).toBe(bytes)
  expect(decodeRegularExpression(Buffer.from(bytes, 'hex'))).toEqual(record)
})

test('a value of a later version is refused, not misread', () => {
  expect(() => decodeGroupEpoch(Buffer.from('0001000000020000', 'hex'))).toThrow(/version 1/)
})

test('a cut value is refused', () => {
  const whole = encodeMember(MEMBER)
  for (let length = 0; length < whole.length - 1; length++) {
    expect(() => decodeMember(whole.subarray(0, length))).toThrow()
  }
})
