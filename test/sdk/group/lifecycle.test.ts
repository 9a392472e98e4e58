import { expect, test } from 'vitest'
import { encodeCurrentAssignment } from '../../../sdk/group/current-assignment-record.ts'
import { encodeGroupEpoch } from '../../../sdk/group/group-epoch-record.ts'
import { encodeMember } from '../../../sdk/group/member-record.ts'
import { encodeRegularExpression } from '../../../sdk/group/regular-expression-record.ts'
import { encodeTarget, encodeTargetEpoch } from '../../../sdk/group/target-record.ts'
import {
  type ClassicGroupRecord,
  classicGroupRecord,
  decodeClassicGroup,
} from '../../../sdk/offsets/classic-group-record.ts'
import type { CoordinatorRecord } from '../../../sdk/offsets/coordinator-record.ts'
import { encodeRecordKey, RECORD_TYPES } from '../../../sdk/offsets/record-key.ts'
import { GroupMember, GroupWorld } from './support/group-world.ts'

function createWorld(): { world: GroupWorld; member(id: string): GroupMember } {
  const world = new GroupWorld()
  world.createTopic('t', 2)
  return { world, member: (id) => new GroupMember(world, id, { subscribedTopicNames: ['t'] }) }
}

function commit(world: GroupWorld, group = 'g'): void {
  const offsets = [{ topic: 't', partition: 0, offset: 1, leaderEpoch: -1, metadata: '' }]
  world.coordinator.commit({ group, memberId: '', memberEpoch: -1, offsets })
}

const CLASSIC: ClassicGroupRecord = {
  protocolType: 'consumer',
  generation: 10,
  protocol: 'range',
  leader: 'c',
  currentStateTimestampMs: 5,
  members: [
    {
      memberId: 'c',
      instanceId: null,
      clientId: 'client',
      clientHost: '/127.0.0.1',
      rebalanceTimeoutMs: 300_000,
      sessionTimeoutMs: 45_000,
      subscription: Buffer.from('000300000001000174ffffffff00000000ffffffffffff', 'hex'),
      assignment: Buffer.from('0003000000010001740000000200000000 00000001ffffffff'.replace(' ', ''), 'hex'),
    },
  ],
}

const EMPTY_CLASSIC: ClassicGroupRecord = { ...CLASSIC, protocol: null, leader: null, members: [] }

/** A group as a 4.0 broker left it: two members, one by expression, one of them with partitions. */
function brokerGroup(world: GroupWorld): CoordinatorRecord[] {
  const group = 'g'
  const { topicId } = world.topic('t')
  const member = {
    instanceId: null,
    rackId: null,
    clientId: 'java',
    clientHost: '/127.0.0.1',
    subscribedTopicNames: ['t'],
    subscribedTopicRegex: '',
    rebalanceTimeoutMs: 300_000,
    serverAssignor: null,
    classic: null,
  }
  const ofGroup = (type: number) => encodeRecordKey({ kind: 'group', type, group })
  const ofMember = (type: number, memberId: string) => encodeRecordKey({ kind: 'member', type, group, memberId })
  const held = new Map([[`${topicId}:0`, 7]])
  const expression = { ...member, subscribedTopicNames: [], subscribedTopicRegex: 't.*' }
  return [
    { key: ofMember(RECORD_TYPES.ConsumerGroupMemberMetadata, 'j1'), value: encodeMember(member) },
    { key: ofMember(RECORD_TYPES.ConsumerGroupMemberMetadata, 'j2'), value: encodeMember(expression) },
    { key: ofGroup(RECORD_TYPES.ConsumerGroupPartitionMetadata), value: Buffer.from('00000100', 'hex') },
    {
      key: encodeRecordKey({ kind: 'regex', type: RECORD_TYPES.ConsumerGroupRegularExpression, group, regex: 't.*' }),
      value: encodeRegularExpression({ topics: ['t'], version: 1, timestampMs: 1 }),
    },
    { key: ofGroup(RECORD_TYPES.ConsumerGroupMetadata), value: encodeGroupEpoch({ epoch: 7, metadataHash: 99n }) },
    {
      key: ofMember(RECORD_TYPES.ConsumerGroupTargetAssignmentMember, 'j1'),
      value: encodeTarget(new Set(held.keys())),
    },
    {
      key: ofGroup(RECORD_TYPES.ConsumerGroupTargetAssignmentMetadata),
      value: encodeTargetEpoch({ assignmentEpoch: 7, assignmentTimestampMs: 1 }),
    },
    {
      key: ofMember(RECORD_TYPES.ConsumerGroupCurrentMemberAssignment, 'j1'),
      value: encodeCurrentAssignment({
        memberEpoch: 7,
        previousMemberEpoch: 6,
        state: 0,
        assigned: held,
        pendingRevocation: new Map(),
      }),
    },
  ]
}

test('a group without members is deleted with its commits, in Kafka’s order', () => {
  const { world, member } = createWorld()
  const a = member('a')
  commit(world)
  a.join()
  expect(() => world.coordinator.deleteGroups(['g'])).toThrow(expect.objectContaining({ code: 'NON_EMPTY_GROUP' }))
  a.leave()
  expect(world.written(() => world.coordinator.deleteGroups(['g']))).toBe('1 t-0 x, 6 x, 4 x, 3 x')
  expect(world.coordinator.list().groups).toEqual([])
  expect(() => world.coordinator.deleteGroups(['g'])).toThrow(expect.objectContaining({ code: 'GROUP_NOT_FOUND' }))
  expect(a.join(), 'and begins again').toBe('5a, 3=2, 7a, 6=2, 8a:2/0 s0 +2-0')
})

test('a group that only held commits is deleted', () => {
  const { world } = createWorld()
  commit(world)
  expect(world.written(() => world.coordinator.deleteGroups(['g']))).toBe('1 t-0 x, 2 x')
  expect(world.coordinator.describe({ groups: ['g'] }).groups[0]?.error?.code).toBe('GROUP_NOT_FOUND')
})

test('a consumer that joins an empty simple or classic group makes a consumer group of it and finds its commits', () => {
  const { world, member } = createWorld()
  commit(world)
  const a = member('a')
  expect(() => a.beat({ memberEpoch: 1 })).toThrow(expect.objectContaining({ code: 'GROUP_NOT_FOUND' }))
  expect(a.join()).toBe('2 x, 5a, 3=2, 7a, 6=2, 8a:2/0 s0 +2-0')
  expect(world.coordinator.fetch({ group: 'g', partitions: null }).partitions).toHaveLength(1)
  world.seed([classicGroupRecord('k', EMPTY_CLASSIC)])
  const join = { group: 'k', memberEpoch: 0, rebalanceTimeoutMs: 1, subscribedTopicNames: ['t'], owned: [] }
  expect(member('b').beat(join)).toBe('2 x, 5b, 3=2, 7b, 6=2, 8b:2/0 s0 +2-0')
  expect(world.coordinator.list({ types: ['classic'] }).groups).toEqual([])
})

test('a classic group with members is described from its record, and not joined', () => {
  const { world, member } = createWorld()
  world.seed([classicGroupRecord('g', CLASSIC)])
  const assignment = [0, 1].map((partition) => ({ topic: 't', partition }))
  expect(world.coordinator.describe({ groups: ['g'] }).groups).toEqual([
    {
      error: null,
      group: 'g',
      type: 'classic',
      state: 'Stable',
      groupEpoch: 10,
      assignmentEpoch: 10,
      assignor: 'range',
      members: [
        {
          memberId: 'c',
          instanceId: null,
          memberEpoch: 10,
          clientId: 'client',
          clientHost: '/127.0.0.1',
          subscribedTopicNames: ['t'],
          assignment,
          targetAssignment: assignment,
        },
      ],
    },
  ])
  expect(() => member('a').join()).toThrow(expect.objectContaining({ code: 'GROUP_NOT_FOUND' }))
  expect(() => commit(world)).toThrow(expect.objectContaining({ code: 'UNKNOWN_MEMBER_ID' }))
  expect(() => world.coordinator.deleteGroups(['g'])).toThrow(expect.objectContaining({ code: 'NON_EMPTY_GROUP' }))
})

test('a classic group of something other than consumers is described without guessing', () => {
  const { world } = createWorld()
  const members = CLASSIC.members.map((each) => ({
    ...each,
    subscription: Buffer.from([1]),
    assignment: Buffer.from([9]),
  }))
  world.seed([classicGroupRecord('g', { ...CLASSIC, protocolType: 'connect', members })])
  expect(world.coordinator.list().groups[0]).toMatchObject({ protocolType: 'connect', state: 'Stable' })
  expect(world.coordinator.describe({ groups: ['g'] }).groups[0]?.members[0]).toMatchObject({
    subscribedTopicNames: [],
    assignment: [],
  })
})

test('a new owner empties every group, one batch each, and keeps their commits', () => {
  const { world, member } = createWorld()
  const a = member('a')
  commit(world)
  a.join()
  member('b').join()
  world.seed([classicGroupRecord('k', CLASSIC)])
  world.seed([classicGroupRecord('e', EMPTY_CLASSIC)])
  world.restart()
  expect(world.written(() => world.coordinator.removeMembersOfPreviousOwner())).toBe(
    '8a x, 8b x, 7a x, 7b x, 5a x, 5b x, 3=4 || 2',
  )
  const { value } = world.batches.at(-1)?.records[0] ?? {}
  expect(decodeClassicGroup(value ?? Buffer.alloc(0))).toEqual({
    protocolType: 'consumer',
    generation: 11,
    protocol: null,
    leader: null,
    currentStateTimestampMs: world.wallMs,
    members: [],
  })
  expect(world.coordinator.list().groups.map(({ group, state }) => `${group} ${state}`)).toEqual([
    'e Empty',
    'g Empty',
    'k Empty',
  ])
  expect(world.coordinator.fetch({ group: 'g', partitions: null }).partitions).toHaveLength(1)
  expect(() => a.beat()).toThrow(expect.objectContaining({ code: 'UNKNOWN_MEMBER_ID' }))
  expect(
    world.written(() => world.coordinator.removeMembersOfPreviousOwner()),
    'once',
  ).toBe('')
})

test('members that a broker left are described and struck out with what belongs to them', () => {
  const world = createWorld().world
  world.seed(brokerGroup(world))
  expect(world.coordinator.describe({ groups: ['g'] }).groups[0]).toMatchObject({
    state: 'Reconciling',
    groupEpoch: 7,
    members: [
      { memberId: 'j1', assignment: [{ topic: 't', partition: 0 }] },
      { memberId: 'j2', assignment: [] },
    ],
  })
  world.skipStrict = true
  expect(world.written(() => world.coordinator.removeMembersOfPreviousOwner())).toBe(
    '8j1 x, 8j2 x, 7j1 x, 7j2 x, 5j1 x, 5j2 x, 16 x, 4 x, 3=8',
  )
})

test('share and streams groups are listed, and their names are taken', () => {
  const { world, member } = createWorld()
  const share = encodeRecordKey({ kind: 'group', type: RECORD_TYPES.ShareGroupMetadata, group: 'g' })
  const shareMember = {
    kind: 'member',
    type: RECORD_TYPES.ShareGroupMemberMetadata,
    group: 'g',
    memberId: 's',
  } as const
  const streams = encodeRecordKey({ kind: 'group', type: RECORD_TYPES.StreamsGroupMetadata, group: 'str' })
  world.seed([
    { key: share, value: Buffer.alloc(1) },
    { key: encodeRecordKey(shareMember), value: Buffer.alloc(1) },
    { key: streams, value: Buffer.alloc(1) },
    { key: encodeRecordKey({ kind: 'group', type: RECORD_TYPES.StreamsGroupTopology, group: 'str' }), value: null },
    { key: Buffer.from([0, 99]), value: Buffer.alloc(3) },
  ])
  expect(world.coordinator.list().groups).toEqual([
    { group: 'g', type: 'share', protocolType: 'share', state: 'Stable' },
    { group: 'str', type: 'streams', protocolType: 'streams', state: 'Empty' },
  ])
  expect(world.coordinator.describe({ groups: ['g'] }).groups[0]).toMatchObject({ type: 'share', members: [] })
  expect(() => member('a').join()).toThrow(expect.objectContaining({ code: 'GROUP_NOT_FOUND' }))
  expect(() => commit(world)).toThrow(expect.objectContaining({ code: 'GROUP_NOT_FOUND' }))
  expect(() => world.coordinator.deleteGroups(['str'])).toThrow(expect.objectContaining({ code: 'UNSUPPORTED' }))
  expect(world.written(() => world.coordinator.removeMembersOfPreviousOwner())).toBe('')
  world.seed([
    { key: share, value: null },
    { key: encodeRecordKey(shareMember), value: null },
  ])
  expect(world.coordinator.list({ types: ['share'] }).groups).toEqual([])
})

test('after a restart the group goes on where it was, and every member has its whole session again', () => {
  const { world, member } = createWorld()
  const a = member('a')
  const b = member('b')
  a.join()
  b.join()
  a.beat()
  world.advance(40_000)
  world.restart()
  expect(world.written(() => world.advance(40_000))).toBe('')
  expect(a.ack()).toBe('8a:3/2 s0 +1-0')
  expect(b.beat()).toBe('8b:3/3 s0 +1-0')
  expect(world.written(() => world.advance(44_999))).toBe('')
  expect(world.written(() => world.advance(1))).toBe('8a x, 8b x, 7a x, 7b x, 5a x, 5b x, 3=4')
})

test('two groups share no members, epochs or batches', () => {
  const { world, member } = createWorld()
  member('a').join()
  const join = { group: 'h', memberEpoch: 0, rebalanceTimeoutMs: 1, subscribedTopicNames: ['t'], owned: [] }
  expect(member('a').beat(join)).toBe('5a, 3=2, 7a, 6=2, 8a:2/0 s0 +2-0')
  expect(world.coordinator.list().groups.map(({ group }) => group)).toEqual(['g', 'h'])
  expect(world.batches.map(({ group }) => group)).toEqual(['g', 'h'])
})
