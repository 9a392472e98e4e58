import type { AssignableMember, Assignment, AssignorInput } from './assignor.ts'
import { type PartitionId, partitionId, partitionOf, topicIdOf } from './partition-id.ts'
import { UniformBalance } from './uniform-balance.ts'

/**
 * Kafka's `uniform`: balance first (numbers of partitions differ by at most one where subscriptions allow it), then
 * stickiness (as few partitions as possible change hands). Which member gets the odd partition depends in Kafka on Java's
 * hash orders; here on the order of member ids and topic ids, so that it is the same after every restart.
 */
export function assignUniform(input: AssignorInput): Assignment {
  const members = [...input.members].sort((a, b) => (a.memberId < b.memberId ? -1 : 1))
  if (members.length === 0) return new Map()
  return input.homogeneous ? assignHomogeneous(members, input.partitionCounts) : assignHeterogeneous(members, input)
}

/** All members name the same topics: everyone has a quota, keeps old partitions up to it and is filled up from the rest. */
function assignHomogeneous(members: AssignableMember[], counts: ReadonlyMap<string, number>): Assignment {
  const free = unowned(members, counts)
  let total = 0
  for (const count of counts.values()) total += count
  const quotaOfAll = Math.floor(total / members.length)
  let extras = total % members.length
  const assignment = new Map<string, Set<PartitionId>>()
  const wanting: { kept: Set<PartitionId>; quota: number }[] = []
  for (const [index, member] of members.entries()) {
    let hasExtra = extras > 0
    let quota = quotaOfAll + (hasExtra ? 1 : 0)
    const kept = new Set<PartitionId>()
    for (const id of stillThere(member, counts)) {
      if (quota > 0) {
        kept.add(id)
        quota--
      } else free.push(id)
    }
    // A member that does not fill its odd one leaves it to a later member, as long as enough of those are left.
    if (quota > 0 && hasExtra && members.length - index > extras) {
      hasExtra = false
      quota--
    }
    if (quota > 0) wanting.push({ kept, quota })
    if (hasExtra) extras--
    assignment.set(member.memberId, kept)
  }
  let next = 0
  for (const { kept, quota } of wanting) {
    for (const id of free.slice(next, next + quota)) kept.add(id)
    next += quota
  }
  return assignment
}

/** Members name different topics: keep what is still named, give out the rest to the least loaded, then level the loads. */
function assignHeterogeneous(members: AssignableMember[], input: AssignorInput): Assignment {
  const balance = new UniformBalance(members, input.partitionCounts)
  for (const [index, member] of members.entries()) {
    for (const id of stillThere(member, input.partitionCounts)) {
      if (member.topicIds.has(topicIdOf(id))) balance.give(topicIdOf(id), partitionOf(id), index)
    }
  }
  balance.giveOut()
  balance.level()
  return balance.assignment()
}

function* stillThere(member: AssignableMember, counts: ReadonlyMap<string, number>): Iterable<PartitionId> {
  for (const id of member.target) if (partitionOf(id) < (counts.get(topicIdOf(id)) ?? 0)) yield id
}

/** Partitions in nobody's target, topics by id, numbers ascending. */
function unowned(members: readonly AssignableMember[], counts: ReadonlyMap<string, number>): PartitionId[] {
  const owned = new Set<PartitionId>()
  for (const member of members) for (const id of member.target) owned.add(id)
  const free: PartitionId[] = []
  for (const topicId of [...counts.keys()].sort()) {
    for (let partition = 0; partition < (counts.get(topicId) ?? 0); partition++) {
      const id = partitionId(topicId, partition)
      if (!owned.has(id)) free.push(id)
    }
  }
  return free
}
