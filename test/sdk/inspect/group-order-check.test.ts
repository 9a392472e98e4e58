import { expect, test } from 'vitest'
import { encodeCurrentAssignment } from '../../../sdk/group/current-assignment-record.ts'
import { partitionId } from '../../../sdk/group/partition-id.ts'
import { GroupOrderCheck } from '../../../sdk/inspect/group-order-check.ts'
import { RECORD_TYPES } from '../../../sdk/offsets/record-key.ts'

const TOPIC_ID = 'y_oDLzgGSICjavLUCNOL_g'
const SOME = Buffer.from([0, 0])

function createGroup() {
  const check = new GroupOrderCheck()
  const group = (type: number, value: Buffer | null) => check.replay({ kind: 'group', type, group: 'g' }, value)
  const member = (type: number, memberId: string, value: Buffer | null) =>
    check.replay({ kind: 'member', type, group: 'g', memberId }, value)
  const holds = (...partitions: number[]) =>
    encodeCurrentAssignment({
      memberEpoch: 2,
      previousMemberEpoch: 0,
      state: 0,
      assigned: new Map(partitions.map((partition) => [partitionId(TOPIC_ID, partition), 2])),
      pendingRevocation: new Map(),
    })
  const joins = (memberId: string, ...partitions: number[]) => [
    member(RECORD_TYPES.ConsumerGroupMemberMetadata, memberId, SOME),
    group(RECORD_TYPES.ConsumerGroupMetadata, SOME),
    member(RECORD_TYPES.ConsumerGroupTargetAssignmentMember, memberId, SOME),
    group(RECORD_TYPES.ConsumerGroupTargetAssignmentMetadata, SOME),
    member(RECORD_TYPES.ConsumerGroupCurrentMemberAssignment, memberId, holds(...partitions)),
  ]
  return { group, member, holds, joins }
}

test('a join, a hand-over and a leave in the right order pass', () => {
  const { member, holds, joins } = createGroup()
  const assignment = RECORD_TYPES.ConsumerGroupCurrentMemberAssignment
  expect([
    ...joins('a', 0, 1),
    ...joins('b'),
    member(assignment, 'a', holds(0)),
    member(assignment, 'b', holds(1)),
    member(assignment, 'a', null),
    member(RECORD_TYPES.ConsumerGroupTargetAssignmentMember, 'a', null),
    member(RECORD_TYPES.ConsumerGroupMemberMetadata, 'a', null),
  ]).toEqual(Array(15).fill(null))
})

test('a partition that two members hold at once is what a broker stumbles over', () => {
  const { joins } = createGroup()
  joins('a', 0, 1)
  expect(joins('b', 1).at(-1)).toContain('while member a still holds it')
})

test('a member struck out before its assignment or its target', () => {
  const early = createGroup()
  early.joins('a', 0)
  expect(early.member(RECORD_TYPES.ConsumerGroupMemberMetadata, 'a', null)).toContain('before its assignment (8)')
  const target = createGroup()
  target.joins('a')
  target.member(RECORD_TYPES.ConsumerGroupCurrentMemberAssignment, 'a', null)
  expect(target.member(RECORD_TYPES.ConsumerGroupMemberMetadata, 'a', null)).toContain('before its target (7)')
})

test('a group struck out while something of it remains', () => {
  const { group, member, joins } = createGroup()
  joins('a', 0)
  expect(group(RECORD_TYPES.ConsumerGroupTargetAssignmentMetadata, null)).toContain('while 1 targets (7) remain')
  expect(group(RECORD_TYPES.ConsumerGroupMetadata, null)).toContain('while 1 members (5) remain')
  member(RECORD_TYPES.ConsumerGroupCurrentMemberAssignment, 'a', null)
  member(RECORD_TYPES.ConsumerGroupTargetAssignmentMember, 'a', null)
  member(RECORD_TYPES.ConsumerGroupMemberMetadata, 'a', null)
  group(RECORD_TYPES.ConsumerGroupTargetAssignmentMetadata, null)
  expect(group(RECORD_TYPES.ConsumerGroupMetadata, null)).toBeNull()
})

test('records of the consumer protocol for a classic group, unless it was struck out', () => {
  const { group, joins } = createGroup()
  group(RECORD_TYPES.GroupMetadata, SOME)
  expect(joins('a')[0]).toContain('follows for the classic group "g"')
  group(RECORD_TYPES.GroupMetadata, null)
  expect(joins('a')).toEqual(Array(5).fill(null))
})
