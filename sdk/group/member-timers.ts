import type { ConsumerGroup, ConsumerGroupMember } from './consumer-group.ts'
import { type HeldPartitions, MEMBER_STATE } from './current-assignment-record.ts'
import { STATIC_LEAVE_EPOCH } from './member-epoch.ts'

interface MemberTimer {
  sessionEndsMs: number
  /** Set while partitions have to be given up: until when, and which. */
  revocation: { readonly endsMs: number; readonly pending: HeldPartitions } | undefined
}

/**
 * How long members may stay silent, and how long they may take to give partitions up. Deadlines are not part of the
 * group's state: after a restart every member gets its full time again. All times are of a clock that runs only while the
 * event loop runs, so that neither a breakpoint nor a laptop's lid costs a member its place.
 */
export class MemberTimers {
  readonly #sessionTimeoutMs: number
  readonly #groups = new Map<string, Map<string, MemberTimer>>()

  constructor(sessionTimeoutMs: number) {
    this.#sessionTimeoutMs = sessionTimeoutMs
  }

  /** A heartbeat was accepted: the session begins again. Leaving for a while (−2) is none: the session runs on. */
  renew(group: ConsumerGroup, memberId: string, nowMs: number): void {
    const member = group.members.get(memberId)
    if (member === undefined) return
    this.#timer(group, member, nowMs).sessionEndsMs = nowMs + this.#sessionTimeoutMs
  }

  /** The members whose time is over. Members without a deadline get one, members that are gone lose theirs. */
  expired(group: ConsumerGroup, nowMs: number): string[] {
    this.#forgetOthers(group)
    const expired: string[] = []
    for (const member of group.members.values()) {
      const timer = this.#timer(group, member, nowMs)
      if (nowMs >= timer.sessionEndsMs || nowMs >= (timer.revocation?.endsMs ?? Number.POSITIVE_INFINITY)) {
        expired.push(member.memberId)
      }
    }
    return expired
  }

  /** The next deadline of any member, infinity if there is none. */
  nextMs(groups: Iterable<ConsumerGroup>, nowMs: number): number {
    let nextMs = Number.POSITIVE_INFINITY
    for (const group of groups) {
      for (const member of group.members.values()) {
        const timer = this.#timer(group, member, nowMs)
        nextMs = Math.min(nextMs, timer.sessionEndsMs, timer.revocation?.endsMs ?? Number.POSITIVE_INFINITY)
      }
    }
    return nextMs
  }

  forget(group: string): void {
    this.#groups.delete(group)
  }

  /** The member's timer, brought up to date with what it has to give up. */
  #timer(group: ConsumerGroup, member: ConsumerGroupMember, nowMs: number): MemberTimer {
    let timers = this.#groups.get(group.groupId)
    if (timers === undefined) {
      timers = new Map()
      this.#groups.set(group.groupId, timers)
    }
    let timer = timers.get(member.memberId)
    if (timer === undefined) {
      timer = { sessionEndsMs: nowMs + this.#sessionTimeoutMs, revocation: undefined }
      timers.set(member.memberId, timer)
    }
    // Every type 8 brings a new map, so the same map means: the same revocation still runs.
    // A member that is away has given everything up that it had to.
    const isRevoking = member.state === MEMBER_STATE.unrevoked && member.memberEpoch !== STATIC_LEAVE_EPOCH
    const pending = isRevoking ? member.pendingRevocation : undefined
    if (timer.revocation?.pending !== pending) {
      timer.revocation = pending && { pending, endsMs: nowMs + member.rebalanceTimeoutMs }
    }
    return timer
  }

  #forgetOthers(group: ConsumerGroup): void {
    const timers = this.#groups.get(group.groupId)
    for (const memberId of timers?.keys() ?? []) if (!group.members.has(memberId)) timers?.delete(memberId)
    if (timers?.size === 0) this.#groups.delete(group.groupId)
  }
}
