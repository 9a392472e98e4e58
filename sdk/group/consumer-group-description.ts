import type { ConsumerGroup } from './consumer-group.ts'
import type { DescribedGroup, MemberDescription } from './group-description.ts'
import type { NamedPartition } from './heartbeat-request.ts'
import { byTopic, type PartitionId } from './partition-id.ts'
import { assignorOf } from './target-assignment.ts'

type NameOf = (topicId: string) => string | undefined

export function describeConsumerGroup(group: ConsumerGroup, nameOf: NameOf): DescribedGroup {
  return {
    error: null,
    group: group.groupId,
    type: 'consumer',
    state: group.state,
    groupEpoch: group.groupEpoch,
    assignmentEpoch: group.targetEpoch,
    assignor: assignorOf(group),
    members: [...group.members.values()].map(
      (member): MemberDescription => ({
        memberId: member.memberId,
        instanceId: member.instanceId,
        memberEpoch: member.memberEpoch,
        clientId: member.clientId,
        clientHost: member.clientHost,
        subscribedTopicNames: member.subscribedTopicNames,
        assignment: named([...member.assigned.keys(), ...member.pendingRevocation.keys()], nameOf),
        targetAssignment: named(group.targetOf(member.memberId), nameOf),
      }),
    ),
  }
}

/** By topic and partition; topics that have no name any more are left out. */
export function named(ids: Iterable<PartitionId>, nameOf: NameOf): NamedPartition[] {
  const partitions: NamedPartition[] = []
  for (const [topicId, numbers] of byTopic(ids)) {
    const topic = nameOf(topicId)
    if (topic === undefined) continue
    for (const partition of numbers) partitions.push({ topic, partition })
  }
  return partitions.sort((a, b) => (a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1))
}
