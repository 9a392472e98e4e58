import { assert } from '../assert.ts'
import { ASSIGNORS, type AssignableMember, chooseAssignor, DEFAULT_ASSIGNOR } from './assignor.ts'
import type { ConsumerGroup } from './consumer-group.ts'
import type { GroupDraft } from './group-draft.ts'
import type { TopicLookup } from './topic-lookup.ts'

/**
 * Whether the target no longer covers exactly the partitions of the topics that members name: a topic was created,
 * deleted, or has grown. Kafka stores a hash of the topics for this question; but since every assignor gives out every
 * partition, the target itself knows. Counts suffice, as topics never shrink and a new topic has a new id.
 */
export function topicsChanged(group: ConsumerGroup, topics: TopicLookup): boolean {
  let assignedTopics = 0
  for (const name of group.subscriberCounts.keys()) {
    const topic = topics.byName(name)
    if (topic === undefined || topic.partitionCount === 0) continue
    if (group.targetCounts.get(topic.topicId) !== topic.partitionCount) return true
    assignedTopics++
  }
  return assignedTopics !== group.targetCounts.size
}

/** Runs the assignor for the group's epoch: a type 7 for every member whose target changes, then type 6. */
export function updateTarget(draft: GroupDraft, topics: TopicLookup, nowMs: number): void {
  const { group } = draft
  const assign = ASSIGNORS.get(assignorOf(group))
  assert(assign !== undefined, 'only known assignors are chosen')
  const idOf = new Map<string, string>()
  const partitionCounts = new Map<string, number>()
  for (const name of group.subscriberCounts.keys()) {
    const topic = topics.byName(name)
    if (topic === undefined) continue
    idOf.set(name, topic.topicId)
    partitionCounts.set(topic.topicId, topic.partitionCount)
  }
  const members: AssignableMember[] = []
  for (const { memberId, instanceId, subscribedTopicNames } of group.members.values()) {
    const topicIds = new Set<string>()
    for (const name of subscribedTopicNames) {
      const topicId = idOf.get(name)
      if (topicId !== undefined) topicIds.add(topicId)
    }
    members.push({ memberId, instanceId, topicIds, target: group.targetOf(memberId) })
  }
  const assignment = assign({ members, partitionCounts, homogeneous: isHomogeneous(group) })
  for (const { memberId, target } of members) {
    const next = assignment.get(memberId) ?? new Set()
    if (!group.targets.has(memberId) || !sameSet(target, next)) draft.target(memberId, next)
  }
  draft.targetEpoch({ assignmentEpoch: group.groupEpoch, assignmentTimestampMs: nowMs })
}

export function assignorOf(group: ConsumerGroup): string {
  if (group.members.size === 0) return DEFAULT_ASSIGNOR
  return chooseAssignor([...group.members.values()].map((member) => member.serverAssignor))
}

/** Missing topics count too, so one member that names nothing makes a group heterogeneous. */
function isHomogeneous(group: ConsumerGroup): boolean {
  for (const count of group.subscriberCounts.values()) if (count !== group.members.size) return false
  return true
}

function sameSet<T>(a: ReadonlySet<T>, b: ReadonlySet<T>): boolean {
  if (a.size !== b.size) return false
  for (const element of a) if (!b.has(element)) return false
  return true
}
