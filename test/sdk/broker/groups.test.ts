/** Commits, members and groups, as asked of a broker. */
import { expect, test } from 'vitest'
import type { Broker } from '../../../sdk/broker/broker.ts'
import { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import { groupPartition } from '../../../sdk/offsets/group-partition.ts'
import { beat, commit, committed, create, member } from '../../support/broker/requests.ts'
import { createWorld, PATH, testOwners, testReaders } from '../../support/broker/worlds.ts'

async function groupsOf(broker: Broker): Promise<string[]> {
  const { groups } = await broker.listGroups({})
  return groups.map(({ group, type, state }) => `${group} ${type} ${state}`)
}

testReaders(
  'commits are fetched as they were committed, by everybody and after a restart',
  async (owner) => {
    const topicId = await create(owner, 't', 3)
    await commit(owner, 'g', 't', { offset: 5, leaderEpoch: 2, metadata: 'note' })
    await commit(owner, 'g', 't', { offset: 7, partition: 2 })
    await commit(owner, 'g', 't', { offset: 6, leaderEpoch: 2 })
    await commit(owner, 'h', 't', 1)
    await commit(owner, 'gone', 't', 1)
    await owner.deleteGroups({ groups: ['gone'] })
    await commit(owner, 'less', 't', 1)
    await commit(owner, 'less', 't', { offset: 1, partition: 1 })
    await owner.offsetDelete({
      group: 'less',
      partitions: [
        { topic: 't', partition: 0 },
        { topic: 't', partition: 2 },
      ],
    })
    return topicId
  },
  async (broker, topicId) => {
    const { partitions } = await broker.offsetFetch({ group: 'g', partitions: null })
    const place = { topic: 't', error: null, topicId, metadata: '', commitTimestampMs: expect.any(Number) }
    expect(partitions).toEqual([
      { ...place, partition: 0, offset: 6, leaderEpoch: 2 },
      { ...place, partition: 2, offset: 7, leaderEpoch: -1 },
    ])
    const asked = [
      { topic: 't', partition: 0 },
      { topic: 't', partition: 1 },
      { topic: 'nothing', partition: 0 },
    ]
    expect((await broker.offsetFetch({ group: 'g', partitions: asked })).partitions).toHaveLength(1)
    expect(await committed(broker, 'h')).toEqual(['t-0@1'])
    expect(await committed(broker, 'gone')).toEqual([])
    expect(await committed(broker, 'less')).toEqual(['t-1@1'])
    expect(await groupsOf(broker)).toEqual(['g classic Empty', 'h classic Empty', 'less classic Empty'])
    const { groups } = await broker.consumerGroupDescribe({ groups: ['g', 'gone'] })
    expect(groups.map(({ group, state, error }) => [group, state, error?.code])).toEqual([
      ['g', 'Empty', undefined],
      ['gone', 'Dead', 'GROUP_NOT_FOUND'],
    ])
  },
)

testReaders(
  'members are described with what they hold; the next owner takes none of them over',
  async (owner) => {
    await create(owner, 't', 2)
    const { memberEpoch, assignment } = await beat(owner, 'g', member(1), { subscribedTopicNames: ['t'] })
    await beat(owner, 'g', member(1), { memberEpoch, owned: assignment })
    await commit(owner, 'g', 't', 4, { memberId: member(1), memberEpoch })
  },
  async (broker, _, who) => {
    const { groups } = await broker.consumerGroupDescribe({ groups: ['g'] })
    expect(await committed(broker, 'g')).toEqual(['t-0@4'])
    if (who === 'the next owner') {
      expect(groups[0]).toMatchObject({ error: null, type: 'consumer', state: 'Empty', members: [] })
      return
    }
    const places = [0, 1].map((partition) => ({ topic: 't', partition }))
    expect(groups[0]).toMatchObject({ error: null, group: 'g', type: 'consumer', state: 'Stable', assignor: 'uniform' })
    expect(groups[0]?.members).toMatchObject([
      {
        memberId: member(1),
        clientId: 'test',
        subscribedTopicNames: ['t'],
        assignment: places,
        targetAssignment: places,
      },
    ])
    expect(await groupsOf(broker)).toEqual(['g consumer Stable'])
  },
)

testOwners('members share the partitions, hand them over, are fenced and leave', async (world) => {
  const owner = await world.own()
  await create(owner, 't', 2)
  const [a, b] = [member(1), member(2)]
  const first = await beat(owner, 'g', a, { subscribedTopicNames: ['t'] })
  expect(first.assignment).toHaveLength(2)
  await beat(owner, 'g', b, { subscribedTopicNames: ['t'] })
  // Told to give one up; the other gets it only then.
  const less = await beat(owner, 'g', a, { memberEpoch: first.memberEpoch, owned: first.assignment })
  expect(less.assignment).toHaveLength(1)
  const given = await beat(owner, 'g', a, { memberEpoch: less.memberEpoch, owned: less.assignment })
  const waiting = await beat(owner, 'g', b, { memberEpoch: given.memberEpoch, owned: null })
  expect(waiting.assignment).toHaveLength(1)
  expect([...less.assignment!, ...waiting.assignment!].map(({ partition }) => partition).sort()).toEqual([0, 1])
  await expect(commit(owner, 'g', 't', 1)).rejects.toMatchObject({ code: 'UNKNOWN_MEMBER_ID' })
  const asA = { memberId: a, memberEpoch: given.memberEpoch }
  await expect(commit(owner, 'g', 't', 1, { ...asA, memberEpoch: 99 })).rejects.toMatchObject({
    code: 'STALE_MEMBER_EPOCH',
  })
  await commit(owner, 'g', 't', { offset: 1, partition: less.assignment![0]!.partition }, asA)
  await expect(beat(owner, 'g', a, { memberEpoch: 99 })).rejects.toMatchObject({ code: 'FENCED_MEMBER_EPOCH' })
  await expect(beat(owner, 'g', member(3), { memberEpoch: 1 })).rejects.toMatchObject({ code: 'UNKNOWN_MEMBER_ID' })
  await expect(owner.deleteGroups({ groups: ['g'] })).rejects.toMatchObject({ code: 'NON_EMPTY_GROUP' })
  const partitions = [{ topic: 't', partition: 0 }]
  await expect(owner.offsetDelete({ group: 'g', partitions })).rejects.toMatchObject({
    code: 'GROUP_SUBSCRIBED_TO_TOPIC',
  })
  for (const memberId of [a, b]) await beat(owner, 'g', memberId, { memberEpoch: -1, owned: null })
  expect(await groupsOf(owner)).toEqual(['g consumer Empty'])
  await owner.deleteGroups({ groups: ['g'] })
  expect(await groupsOf(owner)).toEqual([])
})

testOwners('first commits and joins of many groups at once create __consumer_offsets once', async (world) => {
  const owner = await world.own()
  await create(owner, 't')
  const groups = Array.from({ length: 8 }, (_, n) => `g${n}`)
  await Promise.all([
    ...groups.map((group) => commit(owner, group, 't', 3)),
    ...groups.map((group) => beat(owner, `${group}m`, member(1), { subscribedTopicNames: ['t'] })),
  ])
  for (const group of groups) expect(await committed(owner, group)).toEqual(['t-0@3'])
  expect((await owner.listGroups({ types: ['consumer'] })).groups).toHaveLength(8)
})

testOwners('commits that cannot be are refused, each for itself', async (world) => {
  const owner = await world.own()
  await create(owner, 't')
  const at = { topic: 't', partition: 0, leaderEpoch: -1, metadata: '' }
  const { partitions } = await owner.offsetCommit({
    group: 'g',
    memberId: '',
    memberEpoch: -1,
    survives: 'process-crash',
    offsets: [
      { ...at, offset: 1 },
      { ...at, offset: -1 },
      { ...at, offset: 1, partition: 1 },
      { ...at, offset: 1, topic: 'nothing' },
      { ...at, offset: 1, metadata: 'x'.repeat(5_000) },
    ],
  })
  expect(partitions.map(({ error }) => error?.code)).toEqual([
    undefined,
    'INVALID_ARGUMENT',
    'UNKNOWN_TOPIC',
    'UNKNOWN_TOPIC',
    'OFFSET_METADATA_TOO_LARGE',
  ])
  expect(await committed(owner, 'g')).toEqual(['t-0@1'])
  await expect(commit(owner, '', 't', 1)).rejects.toMatchObject({ code: 'INVALID_GROUP_ID' })
})

testOwners('a follower sees commits and members as they are written', async (world) => {
  const owner = await world.own()
  await create(owner, 't')
  const follower = world.follow()
  expect(await groupsOf(follower)).toEqual([])
  for (const offset of [1, 2, 3]) {
    await commit(owner, 'g', 't', offset, { survives: 'process-crash' })
    expect(await committed(follower, 'g')).toEqual([`t-0@${offset}`])
  }
  await beat(owner, 'h', member(1), { subscribedTopicNames: ['t'] })
  expect(await groupsOf(follower)).toEqual(['g classic Empty', 'h consumer Stable'])
  await owner.deleteGroups({ groups: ['g'] })
  expect(await committed(follower, 'g')).toEqual([])
})

test('a commit is in the log when the call returns its promise', async () => {
  const world = createWorld()
  const owner = await world.own()
  await create(owner, 't')
  await commit(owner, 'g', 't', 1)
  const pending = commit(owner, 'g', 't', 2)
  const now = world.follow()
  expect(await committed(now, 'g')).toEqual(['t-0@2'])
  await pending
})

test('a follower begins anew where a log was cut and has grown again since it looked', async () => {
  const environment = new MemoryEnvironment()
  const world = createWorld(environment)
  const owner = await world.own()
  await create(owner, 't')
  await commit(owner, 'g', 't', 1)
  await commit(owner, 'g', 't', 2)
  const follower = world.follow()
  expect(await committed(follower, 'g')).toEqual(['t-0@2'])
  await commit(owner, 'x', 't', 9)
  await owner.close()
  // The second commit never reached the disk; another history goes on in its place.
  const path = `${PATH}/__consumer_offsets-${groupPartition('g', 50)}/00000000000000000000.log`
  const file = environment.files.open(path, { write: true })
  const header = Buffer.alloc(12)
  file.read(header, 0)
  file.truncate(header.readInt32BE(8) + 12)
  file.syncNow()
  file.close()
  environment.files.remove(`${PATH}/.kafka_cleanshutdown`)
  expect(await committed(follower, 'g')).toEqual(['t-0@1'])
  const next = await world.own()
  expect(next.recovery).toMatchObject([{ topic: '__consumer_offsets', isLoss: true, missing: { toOffset: 2 } }])
  await commit(next, 'g', 't', 5)
  await commit(next, 'g', 't', 6)
  expect(await committed(follower, 'g')).toEqual(['t-0@6'])
  expect(await committed(follower, 'x')).toEqual(['t-0@9'])
})

test('a follower’s metadata begin anew where that log was replaced', async () => {
  const environment = new MemoryEnvironment()
  const world = createWorld(environment)
  const first = await world.own()
  await create(first, 'a')
  await first.close()
  const copy = environment.crash({ keepUnsynced: 'all' })
  const owner = await world.own()
  const follower = world.follow()
  await create(owner, 'b')
  expect((await follower.metadata({ topics: null })).topics.map(({ name }) => name)).toEqual(['a', 'b'])
  await owner.close()
  // Somebody brings a copy back and goes on from there.
  const elsewhere = createWorld(copy)
  const other = await elsewhere.own()
  for (const name of ['c', 'd']) await create(other, name)
  await other.close()
  const path = `${PATH}/__cluster_metadata-0/00000000000000000000.log`
  const source = copy.files.open(path, { write: false })
  const bytes = Buffer.alloc(source.sizeBytes())
  source.read(bytes, 0)
  const target = environment.files.open(path, { write: true })
  target.truncate(0)
  target.write([bytes], 0)
  expect((await follower.metadata({ topics: null })).topics.map(({ name }) => name)).toEqual(['a', 'c', 'd'])
})

test('members that fall silent for longer than their session lose their partitions', async () => {
  const environment = new MemoryEnvironment({ clock: 'manual' })
  const owner = await createWorld(environment).own()
  await create(owner, 't')
  await beat(owner, 'g', member(1), { subscribedTopicNames: ['t'] })
  for (let second = 0; second < 44; second++) environment.advance(1_000)
  expect(await groupsOf(owner)).toEqual(['g consumer Stable'])
  for (let second = 0; second < 3; second++) environment.advance(1_000)
  expect(await groupsOf(owner)).toEqual(['g consumer Empty'])
})
