import { expect, test } from 'vitest'
import { GroupMember, GroupWorld } from './support/group-world.ts'

function createWorld(): { world: GroupWorld; member(id: string, instanceId?: string): GroupMember } {
  const world = new GroupWorld()
  world.createTopic('t', 4)
  const member = (id: string, instanceId?: string): GroupMember =>
    new GroupMember(world, id, {
      subscribedTopicNames: ['t'],
      ...(instanceId === undefined ? {} : { instanceId }),
    })
  return { world, member }
}

test('a static member that leaves for a while keeps its partitions, and comes back under a new id without a rebalance', () => {
  const { world, member } = createWorld()
  const a = member('a', 'i')
  a.join()
  a.ack()
  expect(a.leave(-2)).toBe('8a:-2/0 s0 +4-0')
  expect(a.last).toMatchObject({ memberEpoch: -2 })
  expect(a.leave(-2), 'once is enough').toBe('')
  expect(member('b', 'i').join()).toBe('8a x, 7a x, 5a x, 5b, 7b, 8b:0/0 s0 +4-0, 8b:2/0 s0 +4-0')
  expect(world.coordinator.describe({ groups: ['g'] }).groups[0]).toMatchObject({ state: 'Stable', groupEpoch: 2 })
})

test('it may come back with another subscription', () => {
  const { world, member } = createWorld()
  world.createTopic('u', 1)
  const a = member('a', 'i')
  a.join()
  a.ack()
  a.leave(-2)
  const b = new GroupMember(world, 'b', { subscribedTopicNames: ['u'], instanceId: 'i' })
  expect(b.join()).toBe('8a x, 7a x, 5a x, 5b, 7b, 8b:0/0 s0 +4-0, 5b, 3=3, 7b, 6=3, 8b:3/0 s0 +1-0')
})

test('it may come back under its old id', () => {
  const { member } = createWorld()
  const a = member('a', 'i')
  a.join()
  a.leave(-2)
  expect(a.join()).toBe('8a x, 7a x, 5a x, 5a, 7a, 8a:0/0 s0 +4-0, 8a:2/0 s0 +4-0')
})

test('leaving for a while gives up at once what had to be given up', () => {
  const { member } = createWorld()
  const a = member('a', 'i')
  const b = member('b')
  a.join()
  b.join()
  a.beat()
  expect(a.leave(-2), 'the state stays, as in Kafka').toBe('8a:-2/2 s1 +2-0')
  expect(b.beat()).toBe('8b:3/3 s0 +2-0')
  expect(member('c', 'i').join()).toBe('8a x, 7a x, 5a x, 5c, 7c, 8c:0/0 s1 +2-0, 8c:3/0 s0 +2-0')
})

test('a member that leaves while it has to give something up is not fenced for being slow', () => {
  const { world, member } = createWorld()
  const a = member('a', 'i')
  a.join()
  a.beat({ rebalanceTimeoutMs: 10_000 })
  member('b').join()
  a.beat()
  a.leave(-2)
  expect(world.written(() => world.advance(20_000))).toBe('')
})

test('the session of a member that is away runs on from its last heartbeat', () => {
  const { world, member } = createWorld()
  const a = member('a', 'i')
  a.join()
  world.advance(30_000)
  a.leave(-2)
  expect(world.written(() => world.advance(14_999))).toBe('')
  expect(world.written(() => world.advance(1))).toBe('8a x, 7a x, 5a x, 3=3')
  expect(member('b', 'i').join()).toBe('5b, 3=4, 7b, 6=4, 8b:4/0 s0 +4-0')
})

test('a member that is away waits for nothing: the others are not hurried', () => {
  const { member } = createWorld()
  const a = member('a', 'i')
  const b = member('b')
  a.join()
  b.join()
  a.beat()
  a.ack()
  b.beat()
  a.leave(-2)
  b.beat()
  expect(b.last?.heartbeatIntervalMs).toBe(500)
})

test('an instance id belongs to one member at a time', () => {
  const { member } = createWorld()
  const a = member('a', 'i')
  const b = member('b', 'i')
  a.join()
  expect(() => b.join()).toThrow(expect.objectContaining({ code: 'UNRELEASED_INSTANCE_ID' }))
  expect(() => a.join(), 'even under the same member id').toThrow(/in use/)
  expect(() => b.beat({ memberEpoch: 2, instanceId: 'i' })).toThrow(
    expect.objectContaining({ code: 'FENCED_INSTANCE_ID' }),
  )
  expect(() => b.leave()).toThrow(expect.objectContaining({ code: 'FENCED_INSTANCE_ID' }))
  expect(() => b.beat({ memberEpoch: 2, instanceId: 'j' })).toThrow(
    expect.objectContaining({ code: 'UNKNOWN_MEMBER_ID' }),
  )
  expect(a.beat(), 'the instance id may be left out').toBe('')
  expect(a.beat({ instanceId: 'i' })).toBe('')
})

test('after leaving for a while the old epoch is fenced', () => {
  const { member } = createWorld()
  const a = member('a', 'i')
  a.join()
  a.leave(-2)
  expect(() => a.beat({ memberEpoch: 2, owned: [] })).toThrow(expect.objectContaining({ code: 'FENCED_MEMBER_EPOCH' }))
})

test('a static member may leave for good', () => {
  const { member } = createWorld()
  const a = member('a', 'i')
  a.join()
  expect(a.leave(-1)).toBe('8a x, 7a x, 5a x, 3=3')
  expect(member('b', 'i').join()).toBe('5b, 3=4, 7b, 6=4, 8b:4/0 s0 +4-0')
})

test('a new owner keeps static members away for what is left of their session, and strikes out the others', () => {
  const { world, member } = createWorld()
  const a = member('a', 'i')
  const b = member('b', 'j')
  for (const each of [a, b, member('c')]) each.join()
  world.restart()
  const restart = () => world.coordinator.removeMembersOfPreviousOwner(20_000)
  expect(world.written(restart)).toBe('8c x, 7c x, 5c x, 3=5, 8a:-2/0 s0 +4-0, 8b:-2/0 s2 +0-0')
  expect(world.written(restart), 'once').toBe('')
  expect(() => world.coordinator.commit({ group: 'g', memberId: '', memberEpoch: -1, offsets: [] })).toThrow('are away')
  expect(() => world.coordinator.deleteGroups(['g'])).toThrow('are away')
  expect(world.written(() => world.advance(24_999))).toBe('')
  expect(member('d', 'i').join()).toContain('8d:0/0 s0 +4-0')
  expect(world.written(() => world.advance(1))).toBe('8b x, 7b x, 5b x, 3=6')
})

test('a new owner that comes after their session strikes static members out like all others', () => {
  const { world, member } = createWorld()
  member('a', 'i').join()
  world.restart()
  expect(world.written(() => world.coordinator.removeMembersOfPreviousOwner(45_000))).toBe('8a x, 7a x, 5a x, 3=3')
})
