import { expect, test } from 'vitest'
import {
  type AssignableMember,
  type Assignment,
  type AssignorInput,
  chooseAssignor,
} from '../../../sdk/group/assignor.ts'
import { byTopic, topicIdOf } from '../../../sdk/group/partition-id.ts'
import { assignRange } from '../../../sdk/group/range-assignor.ts'
import { assignUniform } from '../../../sdk/group/uniform-assignor.ts'
import { seededRandom } from '../../support/seeded-random.ts'

const T = 'wkvGSZsbSCGwE-t9oThb6A'
const U = 'ioJY1WQMR2mpUturAYXWwA'
const COUNTS = new Map([
  [T, 7],
  [U, 5],
])

/** A group whose members come and go one after the other. */
class Rounds {
  #members: { memberId: string; instanceId: string | null; topicIds: ReadonlySet<string> }[] = []
  #targets: Assignment = new Map()
  readonly #assign: (input: AssignorInput) => Assignment
  readonly #counts: ReadonlyMap<string, number>

  constructor(assign: (input: AssignorInput) => Assignment, counts: ReadonlyMap<string, number> = COUNTS) {
    this.#assign = assign
    this.#counts = counts
  }

  join(memberId: string, topicIds: string[], instanceId: string | null = null): string {
    this.#members.push({ memberId, instanceId, topicIds: new Set(topicIds) })
    return this.#run()
  }

  leave(memberId: string): string {
    this.#members = this.#members.filter((member) => member.memberId !== memberId)
    return this.#run()
  }

  #run(): string {
    const named = new Set(this.#members.flatMap((member) => [...member.topicIds]))
    const members = this.#members.map((member) => ({
      ...member,
      target: this.#targets.get(member.memberId) ?? new Set<string>(),
    }))
    this.#targets = this.#assign({
      members,
      partitionCounts: new Map([...this.#counts].filter(([topicId]) => named.has(topicId))),
      homogeneous: members.every((member) => member.topicIds.size === named.size),
    })
    return [...this.#targets].map(([memberId, ids]) => `${memberId} ${print(ids)}`.trim()).join(' | ')
  }
}

function print(ids: ReadonlySet<string>): string {
  const letters = new Map(
    [...byTopic(ids)].map(([id, partitions]) => [id === T ? 'T' : id === U ? 'U' : id, partitions]),
  )
  return [...letters]
    .sort()
    .map(([letter, partitions]) => `${letter}${partitions.join(',')}`)
    .join(' ')
}

test('uniform with equal subscriptions does what Kafka does', () => {
  const group = new Rounds(assignUniform)
  expect(group.join('m1', [T])).toBe('m1 T0,1,2,3,4,5,6')
  expect(group.join('m2', [T])).toBe('m1 T0,1,2,3 | m2 T4,5,6')
  expect(group.join('m3', [T])).toBe('m1 T0,1,2 | m2 T4,5 | m3 T3,6')
  expect(group.join('m4', [T])).toBe('m1 T0,1 | m2 T4,5 | m3 T3,6 | m4 T2')
  expect(group.leave('m2')).toBe('m1 T0,1 | m3 T3,6 | m4 T2,4,5')
  expect(group.join('m5', [T])).toBe('m1 T0,1 | m3 T3,6 | m4 T2,4 | m5 T5')
})

test('uniform with different subscriptions does what Kafka does', () => {
  const group = new Rounds(assignUniform)
  expect(group.join('m1', [T])).toBe('m1 T0,1,2,3,4,5,6')
  expect(group.join('m2', [T, U])).toBe('m1 T0,1,2,3,4,5 | m2 T6 U0,1,2,3,4')
  expect(group.join('m3', [U])).toBe('m1 T0,1,2,3,4 | m2 T5,6 U0,1 | m3 U2,3,4')
  expect(group.leave('m1')).toBe('m2 T0,1,2,3,4,5,6 | m3 U0,1,2,3,4')
})

test('range does what Kafka does', () => {
  const group = new Rounds(assignRange)
  expect(group.join('m1', [T, U])).toBe('m1 T0,1,2,3,4,5,6 U0,1,2,3,4')
  expect(group.join('m2', [T, U])).toBe('m1 T0,1,2,3 U0,1,2 | m2 T4,5,6 U3,4')
  expect(group.join('m3', [T, U])).toBe('m1 T0,1,2 U0,1 | m2 T3,4 U2,3 | m3 T5,6 U4')
})

test('range puts equal partition numbers of equal topics on one member, static members first', () => {
  const group = new Rounds(assignRange, new Map([T, U].map((topicId) => [topicId, 4])))
  group.join('a', [T, U])
  group.join('b', [T, U], 'z')
  group.join('c', [T, U], 'y')
  expect(group.join('d', [T, U])).toBe('c T0 U0 | b T1 U1 | a T2 U2 | d T3 U3')
  expect(group.join('e', [T, U])).toContain('e')
})

test('range gives the last members nothing when there are more members than partitions', () => {
  const group = new Rounds(assignRange, new Map([[T, 2]]))
  group.join('m1', [T])
  group.join('m2', [T])
  expect(group.join('m3', [T])).toBe('m1 T0 | m2 T1 | m3')
})

test('the assignor most members ask for is chosen, uniform among equals', () => {
  expect(chooseAssignor([])).toBe('uniform')
  expect(chooseAssignor([null, null, 'range'])).toBe('range')
  expect(chooseAssignor(['uniform', 'range'])).toBe('uniform')
  expect(chooseAssignor(['range', 'uniform', 'range'])).toBe('range')
  expect(chooseAssignor(['gone', 'gone', 'range'])).toBe('range')
})

const FUZZ_SEEDS = 400

test(`whatever members and topics do, everything is assigned once, balanced, and moved little (${FUZZ_SEEDS} seeds)`, () => {
  for (let seed = 1; seed <= FUZZ_SEEDS; seed++) fuzz(seed)
})

function fuzz(seed: number): void {
  const random = seededRandom(seed)
  const pick = (below: number): number => Math.floor(random() * below)
  const homogeneous = seed % 2 === 0
  const counts = new Map([T, U, 'topic-of-22-characters'].map((topicId) => [topicId, pick(9)]))
  let members: AssignableMember[] = []
  for (let step = 0; step < 12; step++) {
    const where = `seed ${seed}, step ${step}`
    if (members.length > 0 && random() < 0.35) members.splice(pick(members.length), 1)
    else {
      const topicIds = new Set([...counts.keys()].filter(() => homogeneous || random() < 0.6))
      members.push({ memberId: `m${step}-${pick(1000)}`, instanceId: null, topicIds, target: new Set() })
    }
    if (random() < 0.2) for (const [topicId, count] of counts) counts.set(topicId, count + pick(3))
    const named = new Map([...counts].filter(([topicId]) => members.some((member) => member.topicIds.has(topicId))))
    const targets = assignUniform({ members, partitionCounts: named, homogeneous })
    const before = members
    members = members.map((member) => ({ ...member, target: targets.get(member.memberId) ?? new Set() }))
    checkComplete(members, named, where)
    checkBalanced(members, where)
    if (homogeneous) checkSticky(before, members, named, where)
    const again = assignUniform({ members, partitionCounts: named, homogeneous })
    expect(again, `${where}: a second run changes nothing`).toEqual(targets)
  }
}

function checkComplete(members: readonly AssignableMember[], counts: ReadonlyMap<string, number>, where: string): void {
  const all = members.flatMap((member) => [...member.target])
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0)
  expect(new Set(all).size, `${where}: every partition has an owner`).toBe(total)
  expect(all.length, `${where}: and only one`).toBe(total)
  for (const member of members) {
    for (const id of member.target) expect(member.topicIds.has(topicIdOf(id)), `${where}: ${id} is named`).toBe(true)
  }
}

/** Nobody has two more than somebody who could take one of them. */
function checkBalanced(members: readonly AssignableMember[], where: string): void {
  for (const rich of members) {
    for (const poor of members) {
      const couldGive = [...rich.target].some((id) => poor.topicIds.has(topicIdOf(id)))
      if (couldGive) expect(rich.target.size - poor.target.size, `${where}: balance`).toBeLessThanOrEqual(1)
    }
  }
}

/** Nobody loses a partition while having no more than the lower quota. */
function checkSticky(
  before: readonly AssignableMember[],
  after: readonly AssignableMember[],
  counts: ReadonlyMap<string, number>,
  where: string,
): void {
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0)
  const quota = Math.floor(total / after.length)
  for (const [index, { target }] of before.entries()) {
    const kept = [...target].filter((id) => after[index]?.target.has(id)).length
    expect(kept, `${where}: kept`).toBeGreaterThanOrEqual(Math.min(target.size, quota))
  }
}
