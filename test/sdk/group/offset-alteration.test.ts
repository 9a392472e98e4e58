import { expect, test } from 'vitest'
import type { TidemarkError } from '../../../sdk/errors.ts'
import type { AlteredOffset, AlterOffsetsRequest } from '../../../sdk/group/offset-alteration.ts'
import { classicGroupRecord } from '../../../sdk/offsets/classic-group-record.ts'
import { GroupMember, GroupWorld, namesOf } from './support/group-world.ts'

function createWorld(): { world: GroupWorld; member(id: string, instanceId?: string): GroupMember } {
  const world = new GroupWorld()
  world.createTopic('t', 4)
  return {
    world,
    member: (id, instanceId) =>
      new GroupMember(world, id, { subscribedTopicNames: ['t'], ...(instanceId !== undefined && { instanceId }) }),
  }
}

function to(partition: number, offset: number | null, changes: Partial<AlteredOffset> = {}): AlteredOffset {
  const position = offset === null ? null : { offset, leaderEpoch: -1, metadata: '' }
  return { topic: 't', partition, position, ...changes }
}

/** What was written; or what was thrown. */
function alter(world: GroupWorld, offsets: AlteredOffset[], request: Partial<AlterOffsetsRequest> = {}): string {
  try {
    return world.written(() => world.coordinator.alterOffsets({ group: 'g', offsets, members: 'move', ...request }))
  } catch (error) {
    return (error as TidemarkError).code
  }
}

function commit(world: GroupWorld, member: GroupMember, memberEpoch: number, ...partitions: number[]): string {
  const offsets = partitions.map((partition) => {
    return { topic: 't', partition, offset: 77, leaderEpoch: -1, metadata: '' }
  })
  const answer = world.coordinator.commit({ group: 'g', memberId: member.memberId, memberEpoch, offsets })
  return answer.partitions.map(({ error }) => error?.code ?? 'ok').join(' ')
}

function committed(world: GroupWorld): number[] {
  return world.coordinator.fetch({ group: 'g', partitions: null }).partitions.map(({ offset }) => offset)
}

test('without members commits and removals are one batch, and a group that nobody knows is made', () => {
  const { world } = createWorld()
  expect(alter(world, [to(0, 3), to(1, 4), to(2, null)], { members: 'refuse' })).toBe('1 t-0=3, 1 t-1=4')
  expect(alter(world, [to(0, null), to(1, 9)])).toBe('1 t-0 x, 1 t-1=9')
})

test('all or nothing: a place that is not there, a position that is none, a group that has committed since', () => {
  const { world } = createWorld()
  alter(world, [to(0, 3)])
  const now = { offset: 3, leaderEpoch: -1, metadata: '' }
  expect(alter(world, [to(0, 5), to(4, 1)])).toBe('UNKNOWN_TOPIC')
  expect(alter(world, [to(0, 5), to(1, -1)])).toBe('INVALID_ARGUMENT')
  expect(alter(world, [to(1, 5), to(0, 5, { expected: null })])).toBe('GROUP_MOVED')
  expect(alter(world, [to(1, 5), to(0, 5, { expected: { ...now, metadata: 'x' } })])).toBe('GROUP_MOVED')
  expect(alter(world, [to(0, 5)], { group: '' })).toBe('INVALID_GROUP_ID')
  expect(world.batches).toHaveLength(1)
  expect(alter(world, [to(1, 5, { expected: null }), to(0, 5, { expected: now })])).toBe('1 t-1=5, 1 t-0=5')
})

test('what another topic of that name had committed is not what is committed now', () => {
  const { world } = createWorld()
  const value = { offset: 3, leaderEpoch: -1, metadata: '' }
  alter(world, [to(0, 3)])
  world.deleteTopic('t')
  world.createTopic('t', 1)
  expect(alter(world, [to(0, 5, { expected: value })])).toBe('GROUP_MOVED')
  expect(alter(world, [to(0, 5, { expected: null })])).toBe('1 t-0=5')
})

test('members are in the way unless they are to be moved; a group that cannot be moved always says so', () => {
  const { world, member } = createWorld()
  member('a').join()
  expect(alter(world, [to(0, 3)], { members: 'refuse' })).toBe('NON_EMPTY_GROUP')
  expect(committed(world)).toEqual([])
  const classic = { memberId: 'm', instanceId: null, clientId: '', clientHost: '' }
  const times = { rebalanceTimeoutMs: 1, sessionTimeoutMs: 1 }
  const record = {
    protocolType: 'consumer',
    generation: 1,
    protocol: 'range',
    leader: 'm',
    currentStateTimestampMs: 1,
    members: [{ ...classic, ...times, subscription: Buffer.alloc(0), assignment: Buffer.alloc(0) }],
  }
  world.seed([classicGroupRecord('classic', record)])
  expect(alter(world, [to(0, 3)], { group: 'classic' })).toBe('NON_EMPTY_GROUP')
})

test('whoever has the partition keeps its place, and its commits count there only once it has heard of the move', () => {
  const { world, member } = createWorld()
  const [a, b] = [member('a'), member('b')]
  a.join()
  b.join()
  for (const each of [a, a, b, b]) each.ack()
  const [epochOfA, epochOfB] = [a.epoch, b.epoch]
  const [moved, other] = a.owned.map((name) => Number(name.slice(2)))
  const written = alter(world, [to(moved!, 3)])
  expect(written, 'one batch: the commit, a new epoch with the same targets, and from when on a has it').toBe(
    `1 t-${moved}=3, 3=${epochOfA + 1}, 6=${epochOfA + 1}, 8a:${epochOfA}/${epochOfA - 1} s0 +2-0`,
  )
  expect(commit(world, a, epochOfA, moved!, other!), 'only the moved partition is lost').toBe('STALE_MEMBER_EPOCH ok')
  expect(committed(world)).toContain(3)
  a.beat()
  expect(namesOf(a.last?.moved ?? [])).toEqual([`t-${moved}`])
  expect(a.epoch).toBe(epochOfA + 1)
  expect(commit(world, a, epochOfA, moved!), 'on its way when a heard of it').toBe('STALE_MEMBER_EPOCH')
  expect(commit(world, a, a.epoch, moved!, other!)).toBe('ok ok')
  a.beat()
  expect(a.last?.moved, 'it is told once').toBeUndefined()
  b.beat()
  expect(b.last?.moved).toBeUndefined()
  expect(b.epoch).toBe(epochOfB + 1)
})

test('a member whose answer got lost is told again', () => {
  const { world, member } = createWorld()
  const a = member('a')
  a.join()
  a.ack()
  const { epoch } = a
  alter(world, [to(2, 3)])
  a.beat()
  a.epoch = epoch
  a.ack()
  expect(namesOf(a.last?.moved ?? [])).toEqual(['t-2'])
  expect(a.epoch).toBe(epoch + 1)
})

test('while a member gives partitions up, a move reaches it there and in what it keeps, and it is told once', () => {
  const { world, member } = createWorld()
  const [a, b] = [member('a'), member('b')]
  a.join()
  a.ack()
  const { epoch } = a
  b.join()
  a.beat()
  expect(a.assigned).toHaveLength(2)
  const kept = Number(a.assigned[0]!.slice(2))
  const leaving = [0, 1, 2, 3].find((each) => !a.assigned.includes(`t-${each}`))!
  alter(world, [to(kept, 3), to(leaving, 5)])
  expect(commit(world, a, epoch, kept, leaving)).toBe('STALE_MEMBER_EPOCH STALE_MEMBER_EPOCH')
  a.beat()
  expect(namesOf(a.last?.moved ?? []).toSorted()).toEqual([`t-${kept}`, `t-${leaving}`].toSorted())
  a.beat()
  expect(a.last?.moved).toBeUndefined()
  expect(commit(world, a, a.epoch, kept)).toBe('ok')
  a.ack()
  b.beat()
  expect(b.assigned).toContain(`t-${leaving}`)
  expect(b.last?.moved, 'it begins at the commit anyway').toBeUndefined()
})

test('a static member that is away keeps its place, and begins at the new one', () => {
  const { world, member } = createWorld()
  const a = member('a', 'i')
  a.join()
  a.ack()
  a.leave(-2)
  expect(alter(world, [to(0, 3)])).toBe('1 t-0=3')
  const again = member('a2', 'i')
  again.join()
  expect(again.assigned).toHaveLength(4)
  expect(again.last?.moved).toBeUndefined()
  expect(commit(world, again, again.epoch, 0)).toBe('ok')
})

test('a removal is a move: who reads there begins as if it never had', () => {
  const { world, member } = createWorld()
  const a = member('a')
  a.join()
  a.ack()
  commit(world, a, a.epoch, 1)
  expect(alter(world, [to(1, null)])).toContain('1 t-1 x, 3=')
  a.beat()
  expect(namesOf(a.last?.moved ?? [])).toEqual(['t-1'])
})

test('a coordinator that starts anew still refuses what was committed before the move', () => {
  const { world, member } = createWorld()
  const a = member('a')
  a.join()
  a.ack()
  alter(world, [to(1, 3)])
  world.restart()
  expect(commit(world, a, a.epoch, 1)).toBe('STALE_MEMBER_EPOCH')
})
