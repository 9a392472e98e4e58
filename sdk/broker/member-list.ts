import { JOIN_EPOCH, LEAVE_EPOCH, STATIC_LEAVE_EPOCH } from '../group/member-epoch.ts'
import type { ConsumerGroupHeartbeatRequest } from './broker.ts'

/** The group members that beat through one connection: when it breaks they are gone with their process. */
export class MemberList {
  readonly #members = new Map<string, ConsumerGroupHeartbeatRequest>()

  /** After a heartbeat that was accepted. */
  beaten(request: ConsumerGroupHeartbeatRequest): void {
    const key = JSON.stringify([request.group, request.memberId])
    if (request.memberEpoch < JOIN_EPOCH) this.#members.delete(key)
    else this.#members.set(key, request)
  }

  /** What they would have said had they left in order; none of them is here any more. */
  farewells(): ConsumerGroupHeartbeatRequest[] {
    const members = [...this.#members.values()]
    this.#members.clear()
    return members.map((request) => ({
      ...request,
      // A static member is away for a while, and may come back under its name at once.
      memberEpoch: request.instanceId == null ? LEAVE_EPOCH : STATIC_LEAVE_EPOCH,
      subscribedTopicNames: [],
      owned: [],
    }))
  }
}
