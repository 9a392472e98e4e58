import { TidemarkError } from '../errors.ts'
import type { ConsumerGroup, ConsumerGroupMember } from './consumer-group.ts'
import {
  type CurrentAssignmentRecord,
  type HeldPartitions,
  MEMBER_STATE,
  sameHeld,
} from './current-assignment-record.ts'
import type { OwnedPartitions } from './owned-partitions.ts'
import { type PartitionId, topicIdOf } from './partition-id.ts'

/**
 * One member's way to its target (KIP-848). A partition goes from one member to another in two steps, each on the
 * member's own heartbeat: the old owner is asked to give it up and says it did; then the new owner gets it. In between
 * nobody has it.
 */
export class Reconciliation {
  readonly #group: ConsumerGroup
  readonly #member: ConsumerGroupMember
  readonly #owned: OwnedPartitions
  readonly #topicIds: ReadonlySet<string>
  readonly #target: ReadonlySet<PartitionId>

  /** `topicIds`: the topics the member names. Its target counts only as far as it still names the topic. */
  constructor(group: ConsumerGroup, memberId: string, owned: OwnedPartitions, topicIds: ReadonlySet<string>) {
    const member = group.members.get(memberId)
    if (member === undefined) throw new TidemarkError('UNKNOWN_MEMBER_ID')
    this.#group = group
    this.#member = member
    this.#owned = owned
    this.#topicIds = topicIds
    this.#target = new Set([...group.targetOf(memberId)].filter((id) => topicIds.has(topicIdOf(id))))
  }

  /** What the member has after this heartbeat; the very same object if nothing changes. Throws FENCED_MEMBER_EPOCH. */
  next(subscriptionChanged: boolean): CurrentAssignmentRecord {
    const next = this.#step(subscriptionChanged)
    return next === this.#member || isSame(next, this.#member) ? this.#member : next
  }

  #step(subscriptionChanged: boolean): CurrentAssignmentRecord {
    switch (this.#member.state) {
      case MEMBER_STATE.stable:
        if (this.#member.memberEpoch !== this.#group.targetEpoch) return this.#advance()
        return subscriptionChanged ? this.#dropUnsubscribed() : this.#member
      case MEMBER_STATE.unrevoked:
        if (!this.#owned.mayHold(this.#member.pendingRevocation)) return this.#advance()
        return subscriptionChanged ? this.#revokeUnsubscribed() : this.#atKnownEpoch()
      case MEMBER_STATE.unreleased:
        return this.#advance()
      default:
        // A state of a later version: only a member that holds nothing can be taken on.
        if (!this.#owned.isEmpty) {
          throw new TidemarkError('FENCED_MEMBER_EPOCH', 'The member is in an unknown state: join again.')
        }
        return this.#advance()
    }
  }

  /** As far towards the target as others allow. */
  #advance(): CurrentAssignmentRecord {
    const { assigned, memberEpoch, memberId } = this.#member
    const [kept, revoked] = split(assigned, (id) => this.#target.has(id))
    if (this.#owned.mayHold(revoked)) return this.#revoking(kept, revoked)
    const next = new Map(kept)
    let waits = false
    for (const id of this.#target) {
      if (kept.has(id)) continue
      const owner = this.#group.owners.get(id)
      if (owner === undefined || owner === memberId) next.set(id, this.#group.targetEpoch)
      else waits = true
    }
    return {
      memberEpoch: this.#group.targetEpoch,
      previousMemberEpoch: memberEpoch,
      state: waits ? MEMBER_STATE.unreleased : MEMBER_STATE.stable,
      assigned: next,
      pendingRevocation: new Map(),
    }
  }

  /** The subscription changed, but the target is not computed anew yet (assignment interval). */
  #dropUnsubscribed(): CurrentAssignmentRecord {
    const { assigned, memberEpoch } = this.#member
    const [kept, dropped] = split(assigned, (id) => this.#topicIds.has(topicIdOf(id)))
    if (dropped.size === 0) return this.#member
    if (this.#owned.mayHold(dropped)) return this.#revoking(kept, dropped)
    return { ...this.#assignment(), previousMemberEpoch: memberEpoch, assigned: kept }
  }

  /** The same for a member that is already giving up others. */
  #revokeUnsubscribed(): CurrentAssignmentRecord {
    const { assigned, pendingRevocation } = this.#member
    const [kept, dropped] = split(assigned, (id) => this.#topicIds.has(topicIdOf(id)))
    return dropped.size === 0 ? this.#atKnownEpoch() : this.#revoking(kept, new Map([...pendingRevocation, ...dropped]))
  }

  #revoking(assigned: HeldPartitions, pendingRevocation: HeldPartitions): CurrentAssignmentRecord {
    const state = MEMBER_STATE.unrevoked
    const { memberEpoch: previousMemberEpoch } = this.#member
    return { memberEpoch: this.#knownEpoch, previousMemberEpoch, state, assigned, pendingRevocation }
  }

  /** Still giving up what it had to, but it hears that the group was moved: from now on its commits count there again. */
  #atKnownEpoch(): CurrentAssignmentRecord {
    const { memberEpoch: previousMemberEpoch } = this.#member
    const memberEpoch = this.#knownEpoch
    return memberEpoch === previousMemberEpoch
      ? this.#member
      : { ...this.#assignment(), memberEpoch, previousMemberEpoch }
  }

  /** The member's epoch, or that of the latest move of the group in what it has. */
  get #knownEpoch(): number {
    const { memberEpoch, assigned, pendingRevocation } = this.#member
    return Math.max(memberEpoch, ...assigned.values(), ...pendingRevocation.values())
  }

  #assignment(): CurrentAssignmentRecord {
    const { memberEpoch, previousMemberEpoch, state, assigned, pendingRevocation } = this.#member
    return { memberEpoch, previousMemberEpoch, state, assigned, pendingRevocation }
  }
}

function split(held: HeldPartitions, keep: (id: PartitionId) => boolean): [HeldPartitions, HeldPartitions] {
  const kept = new Map<PartitionId, number>()
  const dropped = new Map<PartitionId, number>()
  for (const [id, epoch] of held) (keep(id) ? kept : dropped).set(id, epoch)
  return [kept, dropped]
}

function isSame(a: CurrentAssignmentRecord, b: CurrentAssignmentRecord): boolean {
  return (
    a.memberEpoch === b.memberEpoch &&
    a.previousMemberEpoch === b.previousMemberEpoch &&
    a.state === b.state &&
    sameHeld(a.assigned, b.assigned) &&
    sameHeld(a.pendingRevocation, b.pendingRevocation)
  )
}
