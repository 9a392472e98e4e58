import { expect, test } from 'vitest'
import { GroupMember, GroupWorld } from './support/group-world.ts'

function createGroup(partitions = 4): { world: GroupWorld; member(id: string): GroupMember } {
  const world = new GroupWorld()
  world.createTopic('t', partitions)
  return { world, member: (id) => new GroupMember(world, id, { subscribedTopicNames: ['t'] }) }
}

test('the first join writes 5, 3, 7, 6, 8 and gets everything at epoch 2', () => {
  const { member } = createGroup(3)
  const a = member('a')
  expect(a.join()).toBe('5a, 3=2, 7a, 6=2, 8a:2/0 s0 +3-0')
  expect(a.last).toEqual({
    memberId: 'a',
    memberEpoch: 2,
    heartbeatIntervalMs: 500,
    assignment: [0, 1, 2].map((partition) => ({ topic: 't', partition })),
  })
  expect(a.ack()).toBe('')
  expect(a.beat()).toBe('')
  expect(a.last?.assignment).toBeNull()
})

test('a second member gets partitions only after the first has given them up', () => {
  const { world, member } = createGroup()
  const a = member('a')
  const b = member('b')
  a.join()
  a.ack()
  expect(b.join()).toBe('5b, 3=3, 7a, 7b, 6=3, 8b:3/0 s2 +0-0')
  expect(b.last).toMatchObject({ memberEpoch: 3, assignment: [], heartbeatIntervalMs: 25 })
  expect(b.beat(), 'only because the previous epoch moves on').toBe('8b:3/3 s2 +0-0')
  expect(b.beat()).toBe('')
  expect(a.beat()).toBe('8a:2/2 s1 +2-2')
  expect(a.assigned, 'a smaller list at the old epoch means: give up').toEqual(['t-0', 't-1'])
  expect(a.epoch).toBe(2)
  expect(a.beat(), 'not given up yet').toBe('')
  expect(world.coordinator.list().groups[0]?.state).toBe('Reconciling')
  expect(b.beat()).toBe('')
  expect(a.ack()).toBe('8a:3/2 s0 +2-0')
  expect(b.beat()).toBe('8b:3/3 s0 +2-0')
  expect(b.assigned).toEqual(['t-2', 't-3'])
  expect(b.last?.heartbeatIntervalMs).toBe(500)
  expect(world.coordinator.list().groups[0]?.state).toBe('Stable')
})

test('a member that leaves is struck out in Kafka’s order, and the next heartbeat of another takes over', () => {
  const { member } = createGroup()
  const a = member('a')
  const b = member('b')
  for (const step of [() => a.join(), () => b.join(), () => a.beat(), () => a.ack(), () => b.beat()]) step()
  expect(a.leave()).toBe('8a x, 7a x, 5a x, 3=4')
  expect(a.last).toEqual({ memberId: 'a', memberEpoch: -1, heartbeatIntervalMs: 0, assignment: null })
  expect(b.beat()).toBe('7b, 6=4, 8b:4/3 s0 +4-0')
  expect(b.leave()).toBe('8b x, 7b x, 5b x, 3=5')
  expect(a.join(), 'an emptied group goes on with its epochs').toBe('5a, 3=6, 7a, 6=6, 8a:6/0 s0 +4-0')
})

test('a silent member is fenced after its session, heard ones stay', () => {
  const { world, member } = createGroup()
  const a = member('a')
  const b = member('b')
  a.join()
  b.join()
  world.advance(44_000)
  b.beat()
  expect(world.coordinator.nextDeadlineMs()).toBe(45_000)
  expect(world.written(() => world.advance(999))).toBe('')
  expect(world.written(() => world.advance(1))).toBe('8a x, 7a x, 5a x, 3=4')
  expect(() => a.beat()).toThrow(/no member a/)
  expect(world.written(() => world.advance(60_000))).toBe('8b x, 7b x, 5b x, 3=5')
  expect(world.coordinator.nextDeadlineMs()).toBe(Number.POSITIVE_INFINITY)
})

test('a member that does not give up in time is fenced though it keeps coming', () => {
  const { world, member } = createGroup()
  const a = member('a')
  const b = member('b')
  a.join()
  b.join()
  a.beat()
  for (let elapsed = 0; elapsed < 299_000; elapsed += 1_000) {
    world.advance(1_000)
    expect(a.beat() + b.beat()).not.toContain('x')
  }
  expect(world.written(() => world.advance(1_000))).toBe('8a x, 7a x, 5a x, 3=4')
  expect(b.beat()).toBe('7b, 6=4, 8b:4/3 s0 +4-0')
})

test('giving up in time ends the rebalance timer', () => {
  const { world, member } = createGroup()
  const a = member('a')
  const b = member('b')
  a.join()
  b.join()
  a.beat()
  a.ack()
  for (let elapsed = 0; elapsed < 400_000; elapsed += 10_000) {
    expect(world.written(() => world.advance(10_000))).toBe('')
    a.beat()
    b.beat()
  }
})

test('a lost answer is tolerated from a member that owns no more than it was assigned', () => {
  const { member } = createGroup()
  const a = member('a')
  const b = member('b')
  a.join()
  b.join()
  a.beat()
  a.ack()
  a.epoch = 2
  expect(() => a.beat(), 'it must say what it owns').toThrow(/at epoch 3, not 2/)
  expect(() => a.beat({ owned: [{ topic: 't', partition: 3 }] }), 'and own only its own').toThrow(/join again/)
  expect(a.beat({ owned: [{ topic: 't', partition: 0 }] })).toBe('')
  expect(a.epoch).toBe(3)
  a.epoch = 1
  expect(() => a.beat({ owned: [] })).toThrow(/at epoch 3, not 1/)
  a.epoch = 4
  expect(() => a.beat({ owned: [] })).toThrow(/at epoch 3, not 4/)
})

test('epoch 0 of a known member changes nothing and tells it everything', () => {
  const { member } = createGroup()
  const a = member('a')
  a.join()
  expect(a.join()).toBe('')
  expect(a.last).toMatchObject({ memberEpoch: 2 })
  expect(a.assigned).toHaveLength(4)
})

test('a request with all fields is answered with the whole assignment', () => {
  const { member } = createGroup()
  const a = member('a')
  a.join()
  a.beat({ rebalanceTimeoutMs: 300_000, subscribedTopicNames: ['t'], owned: [] })
  expect(a.last?.assignment).toHaveLength(4)
  a.beat({ rebalanceTimeoutMs: 300_000, subscribedTopicNames: ['t'] })
  expect(a.last?.assignment).toBeNull()
})

test('only a changed subscription raises the epoch, not a changed timeout, client or host', () => {
  const { world, member } = createGroup()
  world.createTopic('u', 1)
  const a = member('a')
  a.join()
  expect(a.beat({ rebalanceTimeoutMs: 1_000 })).toBe('5a')
  expect(a.beat({ clientHost: '/10.0.0.1' })).toBe('5a')
  expect(a.beat({ clientHost: '/10.0.0.1', serverAssignor: 'range' })).toBe('5a')
  expect(a.beat({ clientHost: '/10.0.0.1', subscribedTopicNames: ['u', 't', 'u'] })).toBe(
    '5a, 3=3, 7a, 6=3, 8a:3/2 s0 +5-0',
  )
  expect(a.beat({ clientHost: '/10.0.0.1', subscribedTopicNames: ['t', 'u'] })).toBe('')
})

test('a member that names nothing joins without an epoch', () => {
  const world = new GroupWorld()
  const a = new GroupMember(world, 'a', { subscribedTopicNames: [] })
  expect(a.join()).toBe('5a, 8a:1/0 s0 +0-0')
  expect(a.leave()).toBe('8a x, 7a x, 5a x, 3=2')
})

test('a topic that is created, grows or is deleted raises the epoch at the next heartbeat of any member', () => {
  const world = new GroupWorld()
  const a = new GroupMember(world, 'a', { subscribedTopicNames: ['later'] })
  expect(a.join()).toBe('5a, 3=2, 7a, 6=2, 8a:2/0 s0 +0-0')
  world.createTopic('other', 3)
  expect(a.beat()).toBe('')
  world.createTopic('later', 2)
  expect(a.beat()).toBe('3=3, 7a, 6=3, 8a:3/2 s0 +2-0')
  a.ack()
  world.growTopic('later', 3)
  expect(a.beat()).toBe('3=4, 7a, 6=4, 8a:4/3 s0 +3-0')
  a.ack()
  world.deleteTopic('later')
  expect(a.beat()).toBe('3=5, 7a, 6=5, 8a:4/4 s1 +0-3')
  expect(a.assigned).toEqual([])
  expect(a.beat(), 'the topic’s partitions must be given up too').toBe('')
  expect(a.ack()).toBe('8a:5/4 s0 +0-0')
})

test('a topic that is deleted and made anew is given up before it is assigned again', () => {
  const { world, member } = createGroup(1)
  const a = member('a')
  a.join()
  a.ack()
  world.deleteTopic('t')
  world.createTopic('t', 1)
  expect(a.beat({ owned: [{ topic: 't', partition: 0 }] })).toBe('3=3, 7a, 6=3, 8a:2/2 s1 +0-1')
  expect(a.assigned).toEqual([])
  expect(a.beat({ owned: [{ topic: 't', partition: 0 }] })).toBe('')
  expect(a.ack()).toBe('8a:3/2 s0 +1-0')
  expect(a.assigned).toEqual(['t-0'])
})

test('with an assignment interval a joiner waits for the next target', () => {
  const world = new GroupWorld({ assignmentIntervalMs: 1_000 })
  world.createTopic('t', 2)
  const a = new GroupMember(world, 'a', { subscribedTopicNames: ['t'] })
  const b = new GroupMember(world, 'b', { subscribedTopicNames: ['t'] })
  a.join()
  a.ack()
  expect(b.join()).toBe('5b, 3=3, 8b:2/0 s0 +0-0')
  expect(world.coordinator.list().groups[0]?.state).toBe('Assigning')
  expect(a.beat()).toBe('')
  world.advance(1_000)
  expect(a.beat()).toBe('7a, 7b, 6=3, 8a:2/2 s1 +1-1')
})

test('dropping a topic between two targets gives its partitions up at once', () => {
  const world = new GroupWorld({ assignmentIntervalMs: 1_000 })
  world.createTopic('t', 2)
  world.createTopic('u', 2)
  const a = new GroupMember(world, 'a', { subscribedTopicNames: ['t', 'u'] })
  a.join()
  a.ack()
  expect(a.beat({ subscribedTopicNames: ['t'] })).toBe('5a, 3=3, 8a:2/2 s1 +2-2')
  expect(a.beat({ subscribedTopicNames: [] })).toBe('5a, 3=4, 8a:2/2 s1 +0-4')
  a.ack()
  world.advance(1_000)
  expect(a.beat()).toBe('7a, 6=4, 8a:4/2 s0 +0-0')
})

test('a clock set back does not hold the next target up', () => {
  const world = new GroupWorld({ assignmentIntervalMs: 1_000 })
  world.createTopic('t', 2)
  new GroupMember(world, 'a', { subscribedTopicNames: ['t'] }).join()
  world.wallMs -= 3_600_000
  const b = new GroupMember(world, 'b', { subscribedTopicNames: ['t'] })
  expect(b.join()).toBe('5b, 3=3, 7a, 7b, 6=3, 8b:3/0 s2 +0-0')
})

test('the assignor most members ask for decides', () => {
  const { world, member } = createGroup()
  const ranged = new GroupMember(world, 'r', { subscribedTopicNames: ['t'], serverAssignor: 'range' })
  ranged.join()
  expect(world.coordinator.describe({ groups: ['g'] }).groups[0]?.assignor).toBe('range')
  member('b').join()
  expect(world.coordinator.describe({ groups: ['g'] }).groups[0]?.assignor).toBe('range')
})

test('what is wrong with a heartbeat is said with Kafka’s code', () => {
  const { world, member } = createGroup()
  const code = (changes: object): string => {
    try {
      new GroupMember(world, 'a', { subscribedTopicNames: ['t'] }).beat(changes)
      return 'none'
    } catch (error) {
      return (error as { code: string }).code
    }
  }
  const join = { memberEpoch: 0, rebalanceTimeoutMs: 1_000, subscribedTopicNames: ['t'], owned: [] }
  expect(code({ ...join, group: ' ' })).toBe('INVALID_ARGUMENT')
  expect(code({ ...join, group: 'g'.repeat(40_000) })).toBe('INVALID_GROUP_ID')
  expect(code({ ...join, memberId: '' })).toBe('INVALID_ARGUMENT')
  expect(code({ ...join, memberId: 'm'.repeat(300) })).toBe('INVALID_ARGUMENT')
  expect(code({ ...join, instanceId: '' })).toBe('INVALID_ARGUMENT')
  expect(code({ ...join, rackId: ' ' })).toBe('INVALID_ARGUMENT')
  expect(code({ ...join, rebalanceTimeoutMs: -1 })).toBe('INVALID_ARGUMENT')
  expect(code({ ...join, rebalanceTimeoutMs: Number.POSITIVE_INFINITY })).toBe('INVALID_ARGUMENT')
  expect(code({ ...join, subscribedTopicNames: null })).toBe('INVALID_ARGUMENT')
  expect(code({ ...join, owned: null })).toBe('INVALID_ARGUMENT')
  expect(code({ ...join, owned: [{ topic: 't', partition: 0 }] })).toBe('INVALID_ARGUMENT')
  expect(code({ ...join, serverAssignor: 'sticky' })).toBe('UNSUPPORTED_ASSIGNOR')
  expect(code({ memberEpoch: -3 })).toBe('INVALID_ARGUMENT')
  expect(code({ memberEpoch: -2 })).toBe('INVALID_ARGUMENT')
  expect(code({ memberEpoch: 1 })).toBe('GROUP_NOT_FOUND')
  expect(code({ memberEpoch: -1 })).toBe('GROUP_NOT_FOUND')
  member('b').join()
  expect(code({ memberEpoch: 1 })).toBe('UNKNOWN_MEMBER_ID')
  expect(code({ memberEpoch: -1 })).toBe('UNKNOWN_MEMBER_ID')
  expect(world.batches, 'and nothing was written').toHaveLength(1)
})

test('a full group refuses new members and keeps the old', () => {
  const world = new GroupWorld({ maxSize: 1 })
  world.createTopic('t', 1)
  const a = new GroupMember(world, 'a', { subscribedTopicNames: ['t'] })
  a.join()
  expect(() => new GroupMember(world, 'b', { subscribedTopicNames: ['t'] }).join()).toThrow(/limit/)
  expect(a.join()).toBe('')
})

test('a batch that cannot be appended changes nothing', () => {
  const { world, member } = createGroup()
  const a = member('a')
  const b = member('b')
  a.join()
  const before = world.coordinator.describe({ groups: ['g'] })
  world.failing = true
  expect(() => b.join()).toThrow('disk full')
  expect(() => a.leave()).toThrow('disk full')
  expect(world.coordinator.describe({ groups: ['g'] })).toEqual(before)
  world.failing = false
  expect(b.join()).toBe('5b, 3=3, 7a, 7b, 6=3, 8b:3/0 s2 +0-0')
})
