import type { AssignableMember, Assignment, AssignorInput } from './assignor.ts'
import { type PartitionId, partitionId } from './partition-id.ts'

/**
 * Kafka's `range`: each topic is cut into contiguous pieces, in the same order of members for every topic, so topics with
 * equal partition counts are co-partitioned (partition 3 of both goes to one member). Not sticky.
 */
export function assignRange(input: AssignorInput): Assignment {
  const members = [...input.members].sort(staticFirst)
  const assignment = new Map<string, Set<PartitionId>>(members.map((member) => [member.memberId, new Set()]))
  for (const [topicId, partitionCount] of input.partitionCounts) {
    const subscribers = members.filter((member) => member.topicIds.has(topicId))
    let next = 0
    for (const [index, subscriber] of subscribers.entries()) {
      const share =
        Math.floor(partitionCount / subscribers.length) + (index < partitionCount % subscribers.length ? 1 : 0)
      for (const end = next + share; next < end; next++) {
        assignment.get(subscriber.memberId)?.add(partitionId(topicId, next))
      }
    }
  }
  return assignment
}

/** Members with an instance id keep their place over restarts, so they come first, by that id. */
function staticFirst(a: AssignableMember, b: AssignableMember): number {
  if (a.instanceId !== null && b.instanceId !== null) return a.instanceId < b.instanceId ? -1 : 1
  if (a.instanceId !== null) return -1
  if (b.instanceId !== null) return 1
  return a.memberId < b.memberId ? -1 : 1
}
