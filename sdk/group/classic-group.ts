import type { ClassicGroupRecord } from '../offsets/classic-group-record.ts'
import { assignedPartitions, subscribedTopics } from './consumer-protocol.ts'
import type { DescribedGroup, ListedGroup, MemberDescription } from './group-description.ts'

/** A group that never had members, only commits: no record stands for it but those. */
const NEVER_WRITTEN: ClassicGroupRecord = {
  protocolType: '',
  generation: 0,
  protocol: null,
  leader: null,
  currentStateTimestampMs: -1,
  members: [],
}

/**
 * A group of the classic protocol, or a simple one that only holds commits. Tidemark's members speak the consumer
 * protocol, so classic groups are read (a broker or an older client left them), emptied and converted, never run.
 */
export class ClassicGroup {
  readonly groupId: string
  readonly record: ClassicGroupRecord

  constructor(groupId: string, record: ClassicGroupRecord = NEVER_WRITTEN) {
    this.groupId = groupId
    this.record = record
  }

  /** What can be known from records: a rebalance that was under way is not written down. */
  get state(): 'Empty' | 'Stable' {
    return this.record.members.length === 0 ? 'Empty' : 'Stable'
  }

  /** The record that says: everybody is gone. As Kafka writes it when the last member leaves. */
  emptied(nowMs: number): ClassicGroupRecord {
    const { protocolType, generation } = this.record
    return {
      protocolType,
      generation: generation + 1,
      protocol: null,
      leader: null,
      currentStateTimestampMs: nowMs,
      members: [],
    }
  }

  list(): ListedGroup {
    const { protocolType } = this.record
    return { group: this.groupId, type: 'classic', protocolType, state: this.state }
  }

  describe(): DescribedGroup {
    const { generation, protocol, members } = this.record
    return {
      error: null,
      group: this.groupId,
      type: 'classic',
      state: this.state,
      groupEpoch: generation,
      assignmentEpoch: generation,
      assignor: protocol ?? '',
      members: members.map((member): MemberDescription => {
        const assignment = assignedPartitions(member.assignment) ?? []
        return {
          memberId: member.memberId,
          instanceId: member.instanceId,
          memberEpoch: generation,
          clientId: member.clientId,
          clientHost: member.clientHost,
          subscribedTopicNames: subscribedTopics(member.subscription) ?? [],
          assignment,
          targetAssignment: assignment,
        }
      }),
    }
  }
}
