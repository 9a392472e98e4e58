import { expect, test } from 'vitest'
import type { CommitRequest } from '../../../sdk/group/offset-commit.ts'
import { encodeOffsetCommit, offsetCommitKey } from '../../../sdk/offsets/offset-commit-record.ts'
import { GroupMember, GroupWorld } from './support/group-world.ts'

function createWorld(): { world: GroupWorld; member(id: string): GroupMember } {
  const world = new GroupWorld()
  world.createTopic('t', 4)
  world.createTopic('u', 1)
  return { world, member: (id) => new GroupMember(world, id, { subscribedTopicNames: ['t'] }) }
}

function commitOf(partition: number, offset: number, changes: object = {}): CommitRequest['offsets'][number] {
  return { topic: 't', partition, offset, leaderEpoch: -1, metadata: '', ...changes }
}

/** Commits and says per partition what came of it, or for all what was thrown. */
function commit(world: GroupWorld, request: Partial<CommitRequest>): string {
  try {
    const full = { group: 'g', memberId: '', memberEpoch: -1, offsets: [commitOf(0, 1)], ...request }
    const { partitions } = world.coordinator.commit(full)
    return partitions.map(({ error }) => error?.code ?? 'ok').join(' ')
  } catch (error) {
    return `all: ${(error as { code: string }).code}`
  }
}

test('a commit without a member makes a simple group, in one batch, with topic id and wall clock', () => {
  const { world } = createWorld()
  const offsets = [commitOf(0, 5, { leaderEpoch: 3, metadata: 'm' }), commitOf(2, 7)]
  expect(world.written(() => commit(world, { offsets }))).toBe('1 t-0=5, 1 t-2=7')
  expect(world.coordinator.list().groups).toEqual([{ group: 'g', type: 'classic', protocolType: '', state: 'Empty' }])
  const { topicId } = world.topic('t')
  const place = { topic: 't', error: null, commitTimestampMs: world.wallMs, topicId }
  expect(world.coordinator.fetch({ group: 'g', partitions: null }).partitions).toEqual([
    { ...place, partition: 0, offset: 5, leaderEpoch: 3, metadata: 'm' },
    { ...place, partition: 2, offset: 7, leaderEpoch: -1, metadata: '' },
  ])
  const partitions = [0, 1].map((partition) => ({ topic: 't', partition }))
  expect(world.coordinator.fetch({ group: 'g', partitions }).partitions).toHaveLength(1)
  expect(world.coordinator.fetch({ group: 'none', partitions }).partitions).toEqual([])
})

test('a commit is refused per partition: no such partition, metadata too long, no position', () => {
  const { world } = createWorld()
  const offsets = [
    commitOf(0, 1),
    commitOf(4, 1),
    commitOf(-1, 1),
    commitOf(0.5, 1),
    commitOf(0, 1, { topic: 'none' }),
    commitOf(0, 1, { metadata: '😀'.repeat(2_048) }),
    commitOf(0, 1, { metadata: `${'😀'.repeat(2_048)}x` }),
    commitOf(0, -1),
    commitOf(0, 0.5),
    commitOf(0, 1, { leaderEpoch: -2 }),
    commitOf(0, 1, { leaderEpoch: 2 ** 31 }),
  ]
  expect(commit(world, { offsets })).toBe(
    'ok UNKNOWN_TOPIC UNKNOWN_TOPIC UNKNOWN_TOPIC UNKNOWN_TOPIC ok OFFSET_METADATA_TOO_LARGE INVALID_ARGUMENT INVALID_ARGUMENT INVALID_ARGUMENT INVALID_ARGUMENT',
  )
  expect(world.batches).toHaveLength(1)
  expect(
    world.written(() => commit(world, { offsets: [commitOf(9, 1)] })),
    'nothing left, nothing written',
  ).toBe('')
})

test('a group that does not exist takes commits only from nobody', () => {
  const { world } = createWorld()
  expect(commit(world, { memberId: 'a', memberEpoch: 2 })).toBe('all: GROUP_NOT_FOUND')
  expect(commit(world, { group: '' })).toBe('all: INVALID_GROUP_ID')
  expect(commit(world, {})).toBe('ok')
  expect(commit(world, { memberId: 'a', memberEpoch: 2 }), 'a simple group has no members').toBe(
    'all: UNKNOWN_MEMBER_ID',
  )
})

test('a group with members takes commits only from them, at an epoch that is theirs', () => {
  const { world, member } = createWorld()
  const a = member('a')
  a.join()
  expect(commit(world, {})).toBe('all: UNKNOWN_MEMBER_ID')
  expect(commit(world, { memberId: 'x', memberEpoch: 2 })).toBe('all: UNKNOWN_MEMBER_ID')
  expect(commit(world, { memberId: 'a', memberEpoch: -1 })).toBe('all: STALE_MEMBER_EPOCH')
  expect(commit(world, { memberId: 'a', memberEpoch: 3 })).toBe('all: STALE_MEMBER_EPOCH')
  expect(commit(world, { memberId: 'a', memberEpoch: 2 })).toBe('ok')
  const foreign = [commitOf(0, 9, { topic: 'u' })]
  expect(commit(world, { memberId: 'a', memberEpoch: 2, offsets: foreign }), 'at its epoch, anything').toBe('ok')
  a.leave()
  expect(commit(world, { memberId: 'a', memberEpoch: 2 })).toBe('all: UNKNOWN_MEMBER_ID')
  expect(commit(world, {})).toBe('ok')
})

test('an older epoch commits what the member has had since then, and nothing else', () => {
  const { world, member } = createWorld()
  const a = member('a')
  const b = member('b')
  a.join()
  b.join()
  a.beat()
  const all = [0, 1, 2, 3].map((partition) => commitOf(partition, 1))
  expect(commit(world, { memberId: 'a', memberEpoch: 2, offsets: all }), 'what is being given up too').toBe(
    'ok ok ok ok',
  )
  a.ack()
  b.beat()
  expect(a.epoch).toBe(3)
  expect(commit(world, { memberId: 'a', memberEpoch: 2, offsets: all })).toBe(
    'ok ok STALE_MEMBER_EPOCH STALE_MEMBER_EPOCH',
  )
  expect(commit(world, { memberId: 'b', memberEpoch: 2, offsets: all }), 'it got them at epoch 3').toBe(
    Array(4).fill('STALE_MEMBER_EPOCH').join(' '),
  )
})

test('a member that is away commits nothing', () => {
  const world = createWorld().world
  const a = new GroupMember(world, 'a', { subscribedTopicNames: ['t'], instanceId: 'i' })
  a.join()
  a.leave(-2)
  expect(commit(world, { memberId: 'a', memberEpoch: -2 })).toBe('all: STALE_MEMBER_EPOCH')
})

test('commits do not prolong a session', () => {
  const { world, member } = createWorld()
  member('a').join()
  world.advance(44_000)
  commit(world, { memberId: 'a', memberEpoch: 2 })
  world.advance(1_000)
  expect(commit(world, { memberId: 'a', memberEpoch: 2 })).toBe('all: UNKNOWN_MEMBER_ID')
})

test('deleting a topic forgets its commits, and progress in it does not count for a new topic of its name', () => {
  const { world, member } = createWorld()
  const a = member('a')
  a.join()
  a.ack()
  commit(world, { memberId: 'a', memberEpoch: 2 })
  commit(world, { group: 'h', offsets: [commitOf(1, 1), commitOf(0, 1, { topic: 'u' })] })
  expect(world.written(() => world.deleteTopic('t'))).toBe('1 t-0 x || 1 t-1 x')
  expect(commit(world, { memberId: 'a', memberEpoch: 2 })).toBe('UNKNOWN_TOPIC')
  world.createTopic('t', 4)
  expect(commit(world, { memberId: 'a', memberEpoch: 2 })).toBe('STALE_MEMBER_EPOCH')
  a.beat()
  expect(commit(world, { memberId: 'a', memberEpoch: 2 })).toBe('STALE_MEMBER_EPOCH')
  a.ack()
  expect(commit(world, { memberId: 'a', memberEpoch: a.epoch })).toBe('ok')
})

test('a commit for another topic of the same name reads as none, one of a topic that is gone is told', () => {
  const { world } = createWorld()
  const other = Buffer.alloc(16, 1).toString('base64url')
  const value = {
    offset: 5,
    leaderEpoch: 0,
    metadata: '',
    commitTimestampMs: 1,
    expireTimestampMs: null,
    topicId: other,
  }
  world.seed([
    { key: offsetCommitKey('g', 't', 0), value: encodeOffsetCommit(value) },
    { key: offsetCommitKey('g', 't', 1), value: encodeOffsetCommit({ ...value, topicId: null }) },
    { key: offsetCommitKey('g', 'gone', 2), value: encodeOffsetCommit(value) },
  ])
  const { partitions } = world.coordinator.fetch({ group: 'g', partitions: null })
  expect(partitions.map(({ topic, partition }) => `${topic}-${partition}`)).toEqual(['gone-2', 't-1'])
})

test('a commit that an open transaction is about to change is refused where stability is asked for', () => {
  const { world } = createWorld()
  commit(world, {})
  const value = encodeOffsetCommit({
    offset: 8,
    leaderEpoch: -1,
    metadata: '',
    commitTimestampMs: 1,
    expireTimestampMs: null,
    topicId: null,
  })
  const place = { offsetsPartition: 0, producerId: 7, logOffset: 10 }
  world.coordinator.replay({ key: offsetCommitKey('g', 't', 0), value }, place)
  const partitions = [{ topic: 't', partition: 0 }]
  expect(world.coordinator.fetch({ group: 'g', partitions }).partitions[0]).toMatchObject({ offset: 1, error: null })
  expect(world.coordinator.fetch({ group: 'g', partitions, requireStable: true }).partitions[0]).toMatchObject({
    error: { code: 'UNSTABLE_OFFSET_COMMIT' },
  })
})

test('offsets of a topic that a member reads are not deleted, others are', () => {
  const { world, member } = createWorld()
  const a = member('a')
  a.join()
  const offsets = [commitOf(0, 1), commitOf(0, 1, { topic: 'u' })]
  commit(world, { memberId: 'a', memberEpoch: 2, offsets })
  const both = [
    { topic: 'u', partition: 0 },
    { topic: 't', partition: 0 },
  ]
  const remove = (partitions: typeof both) =>
    world.written(() => world.coordinator.deleteOffsets({ group: 'g', partitions }))
  expect(() => remove(both)).toThrow(expect.objectContaining({ code: 'GROUP_SUBSCRIBED_TO_TOPIC', topic: 't' }))
  expect(remove(both.slice(0, 1))).toBe('1 u-0 x')
  expect(remove(both.slice(0, 1)), 'it is gone').toBe('')
  a.leave()
  expect(remove(both)).toBe('1 t-0 x')
  expect(() => world.coordinator.deleteOffsets({ group: 'h', partitions: [] })).toThrow(/no group h/)
})
