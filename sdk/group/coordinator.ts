import { TidemarkError } from '../errors.ts'
import { classicGroupRecord } from '../offsets/classic-group-record.ts'
import type { CoordinatorRecord } from '../offsets/coordinator-record.ts'
import type { ReplayPlace } from '../offsets/offsets-table.ts'
import type { RecordBatch } from '../record/record-batch.ts'
import { ClassicGroup } from './classic-group.ts'
import { ConsumerGroup } from './consumer-group.ts'
import { DEFAULT_GROUP_CONFIG, type GroupConfig } from './group-config.ts'
import { planGroupDeletion, planOffsetDeletion } from './group-deletion.ts'
import type { DescribedGroup, GroupType, ListedGroup } from './group-description.ts'
import { GroupDraft } from './group-draft.ts'
import { GroupTable } from './group-table.ts'
import { beat } from './heartbeat.ts'
import {
  checkHeartbeat,
  type HeartbeatRequest,
  type HeartbeatResponse,
  type NamedPartition,
} from './heartbeat-request.ts'
import { JOIN_EPOCH, STATIC_LEAVE_EPOCH } from './member-epoch.ts'
import { MemberTimers } from './member-timers.ts'
import { findLeaving, leaveForAWhile, removeMembers } from './membership.ts'
import { type AlterOffsetsRequest, planAlteration } from './offset-alteration.ts'
import { type CommitPlan, type CommitRequest, type PartitionAnswer, planCommit } from './offset-commit.ts'
import { type FetchedOffset, type FetchOffsetsRequest, fetchOffsets } from './offset-fetch.ts'
import { topicIdOf } from './partition-id.ts'
import type { TopicLookup } from './topic-lookup.ts'

export interface CoordinatorOptions {
  /**
   * Appends the records as one batch to the group's partition of `__consumer_offsets` and hands each to `replay`, both
   * before it returns. Throws if they were not appended; nothing has changed then.
   */
  readonly append: (group: string, records: readonly CoordinatorRecord[]) => void
  /** The topics as they are at the moment of the call. */
  readonly topics: () => TopicLookup
  /** Milliseconds of a clock that runs only while the event loop runs; for sessions. */
  readonly loopClock: () => number
  /** Wall clock; for what is written into records. */
  readonly nowMs: () => number
  /** What is left out is as in `DEFAULT_GROUP_CONFIG`. */
  readonly config?: Partial<GroupConfig>
}

/**
 * Kafka's group coordinator for the consumer protocol (KIP-848): who is in which group, who has which partition, and who
 * may commit what. Every method computes records from the state and appends them; `replay` alone changes the state, at
 * start and live alike, so a restart cannot disagree with a live process. Only deadlines are not written down.
 */
export class GroupCoordinator {
  /** Groups and committed offsets, as replayed. To be read. */
  readonly table = new GroupTable()
  readonly #options: CoordinatorOptions
  readonly #config: GroupConfig
  readonly #timers: MemberTimers
  /** Names of topics that members were told of; needed once a topic is gone, as requests name it and records do not. */
  readonly #names = new Map<string, string>()

  constructor(options: CoordinatorOptions) {
    this.#options = options
    this.#config = { ...DEFAULT_GROUP_CONFIG, ...options.config }
    this.#timers = new MemberTimers(this.#config.sessionTimeoutMs)
  }

  /** Throws CORRUPT_BATCH, UNSUPPORTED. */
  replayBatch(offsetsPartition: number, batch: RecordBatch): void {
    this.table.replayBatch(offsetsPartition, batch)
  }

  /** Throws CORRUPT_BATCH, UNSUPPORTED. */
  replay(record: { readonly key: Buffer | null; readonly value: Buffer | null }, place: ReplayPlace): void {
    this.table.replay(record, place)
  }

  /**
   * Joins (epoch 0), keeps, reconciles or leaves (−1, −2). Throws INVALID_ARGUMENT, INVALID_GROUP_ID, GROUP_NOT_FOUND,
   * UNKNOWN_MEMBER_ID, FENCED_MEMBER_EPOCH, FENCED_INSTANCE_ID, UNRELEASED_INSTANCE_ID, UNSUPPORTED_ASSIGNOR and
   * GROUP_MAX_SIZE_REACHED.
   */
  heartbeat(request: HeartbeatRequest): HeartbeatResponse {
    checkHeartbeat(request)
    if (request.memberEpoch < JOIN_EPOCH) return this.#leave(request)
    const draft = this.#draftFor(request)
    const response = beat(draft, request, {
      topics: this.#options.topics(),
      nameOf: this.#nameOf,
      config: this.#config,
      nowMs: this.#options.nowMs(),
    })
    this.#append(request.group, draft.records)
    const group = this.table.get(request.group)
    if (group instanceof ConsumerGroup) this.#timers.renew(group, request.memberId, this.#options.loopClock())
    return response
  }

  /** Removes members that were silent for too long, or took too long to give partitions up. One batch per group. */
  expire(nowLoopMs: number): void {
    for (const group of this.table.consumerGroups()) {
      const expired = this.#timers.expired(group, nowLoopMs)
      if (expired.length > 0) this.#remove(group, expired)
    }
  }

  /** When `expire` has to be called next, on the loop clock; infinity while no group has members. */
  nextDeadlineMs(): number {
    return this.#timers.nextMs(this.table.consumerGroups(), this.#options.loopClock())
  }

  /** Commits in one batch. Throws INVALID_GROUP_ID, GROUP_NOT_FOUND, UNKNOWN_MEMBER_ID and STALE_MEMBER_EPOCH. */
  commit(request: CommitRequest): { readonly partitions: readonly PartitionAnswer[] } {
    const { records, partitions } = planCommit(this.table.get(request.group), request, {
      topics: this.#options.topics(),
      nameOf: this.#nameOf,
      nowMs: this.#options.nowMs(),
    })
    this.#append(request.group, records)
    return { partitions }
  }

  /** What a commit inside a transaction writes, for the caller to append. Throws as `commit`. */
  planTransactionalCommit(request: CommitRequest): CommitPlan {
    return planCommit(this.table.get(request.group), request, {
      topics: this.#options.topics(),
      nameOf: this.#nameOf,
      nowMs: this.#options.nowMs(),
      isTransactional: true,
    })
  }

  fetch(request: FetchOffsetsRequest): { readonly partitions: readonly FetchedOffset[] } {
    return { partitions: fetchOffsets(this.table.offsets, request, this.#options.topics()) }
  }

  /** Throws GROUP_NOT_FOUND, NON_EMPTY_GROUP and UNSUPPORTED. */
  deleteGroups(groups: readonly string[]): void {
    const plans = new Map(
      groups.map((group) => [group, planGroupDeletion(this.table.get(group), group, this.table.offsets)]),
    )
    for (const [group, records] of plans) {
      this.#append(group, records)
      this.#timers.forget(group)
    }
  }

  /**
   * Puts a group elsewhere, in one batch: all or, where it throws, none. Throws what `planAlteration` throws. Members go on
   * from there by themselves if they are to be moved: what they commit before they have heard of it does not count.
   */
  alterOffsets(request: AlterOffsetsRequest): void {
    const context = { topics: this.#options.topics(), nameOf: this.#nameOf, nowMs: this.#options.nowMs() }
    this.#append(request.group, planAlteration(this.table.get(request.group), request, this.table.offsets, context))
  }

  /** All or, where it throws, none. Throws GROUP_NOT_FOUND and GROUP_SUBSCRIBED_TO_TOPIC. */
  deleteOffsets(request: { readonly group: string; readonly partitions: readonly NamedPartition[] }): void {
    const { group, partitions } = request
    this.#append(group, planOffsetDeletion(this.table.get(group), group, partitions, this.table.offsets))
  }

  describe(request: { readonly groups: readonly string[] }): { readonly groups: readonly DescribedGroup[] } {
    return { groups: request.groups.map((group) => this.table.describe(group, this.#nameOf)) }
  }

  list(request: { readonly types?: readonly GroupType[] } = {}): { readonly groups: readonly ListedGroup[] } {
    return { groups: this.table.list(request.types) }
  }

  /** Forgets all groups' commits of a topic that is gone; its members hear of it at their next heartbeat. */
  topicDeleted(name: string, topicId: string): void {
    const held = new Set(this.table.consumerGroups().flatMap((group) => [...group.owners.keys()].map(topicIdOf)))
    const topics = this.#options.topics()
    for (const id of this.#names.keys()) if (topics.byId(id) === undefined && !held.has(id)) this.#names.delete(id)
    for (const { group, records } of this.table.offsets.tombstonesOfTopic(name, topicId)) this.#append(group, records)
  }

  /**
   * Empties every group, one batch each: whoever was in it belonged to a process that is gone, and must not keep its
   * partitions from this one's members for a whole session. Commits stay. Static members are away for what is left of
   * their session, since that process was silent for `silentForMs`: they come back by their instance id (KIP-345).
   */
  removeMembersOfPreviousOwner(silentForMs: number = Number.POSITIVE_INFINITY): void {
    for (const group of this.table.all()) {
      if (group.state === 'Empty') continue
      if (group instanceof ConsumerGroup) this.#restart(group, silentForMs)
      else if (group instanceof ClassicGroup) {
        this.#append(group.groupId, [classicGroupRecord(group.groupId, group.emptied(this.#options.nowMs()))])
      }
    }
  }

  #restart(group: ConsumerGroup, silentForMs: number): void {
    const members = [...group.members.values()]
    const isInSession = silentForMs < this.#config.sessionTimeoutMs
    const away = members.filter(({ instanceId }) => isInSession && instanceId !== null)
    const gone = members.filter((member) => !away.includes(member)).map(({ memberId }) => memberId)
    const draft = new GroupDraft(group)
    if (gone.length > 0) removeMembers(draft, gone)
    for (const member of away) leaveForAWhile(draft, member)
    this.#append(group.groupId, draft.records)
    const current = this.table.get(group.groupId)
    if (!(current instanceof ConsumerGroup)) return
    for (const { memberId } of away) this.#timers.renew(current, memberId, this.#options.loopClock() - silentForMs)
  }

  #leave(request: HeartbeatRequest): HeartbeatResponse {
    const draft = this.#draftFor(request)
    const member = findLeaving(draft.group, request)
    if (request.memberEpoch === STATIC_LEAVE_EPOCH) leaveForAWhile(draft, member)
    else removeMembers(draft, [member.memberId])
    this.#append(request.group, draft.records)
    return { memberId: request.memberId, memberEpoch: request.memberEpoch, heartbeatIntervalMs: 0, assignment: null }
  }

  #remove(group: ConsumerGroup, memberIds: readonly string[]): void {
    const draft = new GroupDraft(group)
    removeMembers(draft, memberIds)
    this.#append(group.groupId, draft.records)
  }

  /** The group a heartbeat is for. A first join makes it, or makes it of an empty classic or simple one. */
  #draftFor(request: HeartbeatRequest): GroupDraft {
    const group = this.table.get(request.group)
    if (group instanceof ConsumerGroup) return new GroupDraft(group)
    if (request.memberEpoch !== JOIN_EPOCH) {
      throw new TidemarkError('GROUP_NOT_FOUND', `There is no consumer group ${request.group}: join again.`)
    }
    const draft = new GroupDraft(new ConsumerGroup(request.group))
    if (group === undefined) return draft
    if (!(group instanceof ClassicGroup) || group.state !== 'Empty') {
      const type = group instanceof ClassicGroup ? 'classic' : group.type
      throw new TidemarkError(
        'GROUP_NOT_FOUND',
        `Group ${request.group} is a ${type} group, not a consumer group: stop its members and delete it, or use another name.`,
      )
    }
    draft.noClassicGroup()
    return draft
  }

  #append(group: string, records: readonly CoordinatorRecord[]): void {
    if (records.length > 0) this.#options.append(group, records)
  }

  readonly #nameOf = (topicId: string): string | undefined => {
    const name = this.#options.topics().byId(topicId)?.name
    if (name === undefined) return this.#names.get(topicId)
    this.#names.set(topicId, name)
    return name
  }
}
