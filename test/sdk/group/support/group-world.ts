import { GroupCoordinator } from '../../../../sdk/group/coordinator.ts'
import { decodeCurrentAssignment } from '../../../../sdk/group/current-assignment-record.ts'
import type { GroupConfig } from '../../../../sdk/group/group-config.ts'
import { decodeGroupEpoch } from '../../../../sdk/group/group-epoch-record.ts'
import type { HeartbeatRequest, HeartbeatResponse, NamedPartition } from '../../../../sdk/group/heartbeat-request.ts'
import { decodeTargetEpoch } from '../../../../sdk/group/target-record.ts'
import type { TopicLookup, TopicShape } from '../../../../sdk/group/topic-lookup.ts'
import type { CoordinatorRecord } from '../../../../sdk/offsets/coordinator-record.ts'
import { decodeOffsetCommit } from '../../../../sdk/offsets/offset-commit-record.ts'
import { parseRecordKey } from '../../../../sdk/offsets/record-key.ts'
import { StrictReplay } from './strict-replay.ts'

/** Topics, clocks, and a coordinator whose every batch must be one that a broker would accept. */
export class GroupWorld {
  readonly batches: { group: string; records: readonly CoordinatorRecord[] }[] = []
  coordinator: GroupCoordinator
  /** Makes appends fail, as a full disk does. */
  failing = false
  /** For groups that a broker began, which the strict replay has not followed. */
  skipStrict = false
  loopMs = 0
  wallMs = 1_700_000_000_000
  readonly #config: Partial<GroupConfig>
  readonly #topics = new Map<string, TopicShape>()
  readonly #strict = new StrictReplay()
  #topicsMade = 0

  constructor(config: Partial<GroupConfig> = {}) {
    this.#config = config
    this.coordinator = this.#start()
  }

  createTopic(name: string, partitionCount: number): string {
    const topicId = Buffer.alloc(16, 0x40 + (this.#topicsMade++ % 64)).toString('base64url')
    this.#topics.set(name, { name, topicId, partitionCount })
    return topicId
  }

  growTopic(name: string, partitionCount: number): void {
    this.#topics.set(name, { ...this.topic(name), partitionCount })
  }

  deleteTopic(name: string): void {
    const { topicId } = this.topic(name)
    this.#topics.delete(name)
    this.coordinator.topicDeleted(name, topicId)
  }

  topic(name: string): TopicShape {
    const topic = this.#topics.get(name)
    if (topic === undefined) throw new Error(`no topic ${name}`)
    return topic
  }

  topicNames(): string[] {
    return [...this.#topics.keys()]
  }

  advance(ms: number): void {
    this.loopMs += ms
    this.wallMs += ms
    this.coordinator.expire(this.loopMs)
  }

  /** A new coordinator that knows only what was written. */
  restart(): void {
    const { batches } = this
    this.coordinator = this.#start()
    for (const { records } of batches) for (const record of records) this.#replay(record)
  }

  /** Records that were there before, such as a broker's; not checked. */
  seed(records: readonly CoordinatorRecord[]): void {
    this.batches.push({ group: '', records })
    for (const record of records) this.#replay(record)
  }

  /** The records written by `action`, as `summary` prints them; one batch, or none. */
  written(action: () => unknown): string {
    const before = this.batches.length
    action()
    return this.batches
      .slice(before)
      .map(({ records }) => summary(records))
      .join(' || ')
  }

  #start(): GroupCoordinator {
    const topics: TopicLookup = {
      byName: (name) => this.#topics.get(name),
      byId: (topicId) => [...this.#topics.values()].find((topic) => topic.topicId === topicId),
    }
    return new GroupCoordinator({
      append: (group, records) => {
        if (this.failing) throw new Error('disk full')
        if (!this.skipStrict) this.#strict.replay(records)
        this.batches.push({ group, records })
        for (const record of records) this.#replay(record)
      },
      topics: () => topics,
      loopClock: () => this.loopMs,
      nowMs: () => this.wallMs,
      config: this.#config,
    })
  }

  #replay(record: CoordinatorRecord): void {
    this.coordinator.replay(record, { offsetsPartition: 0, producerId: -1, logOffset: 0 })
  }
}

/** A member as a test drives it, one heartbeat at a time. */
export class GroupMember {
  readonly memberId: string
  epoch = 0
  owned: string[] = []
  last: HeartbeatResponse | undefined
  readonly #world: GroupWorld
  readonly #fixed: Partial<HeartbeatRequest> & { readonly subscribedTopicNames: readonly string[] }

  constructor(
    world: GroupWorld,
    memberId: string,
    fixed: Partial<HeartbeatRequest> & { readonly subscribedTopicNames: readonly string[] },
  ) {
    this.#world = world
    this.memberId = memberId
    this.#fixed = fixed
  }

  join(): string {
    this.owned = []
    return this.#send({ memberEpoch: 0, rebalanceTimeoutMs: 300_000, owned: [], ...this.#fixed })
  }

  /** A plain heartbeat that reports nothing. */
  beat(changes: Partial<HeartbeatRequest> = {}): string {
    return this.#send(changes)
  }

  /** Takes the last assignment as it is and says so. */
  ack(): string {
    this.owned = [...this.assigned]
    return this.#send({ owned: partitionsOf(this.owned) })
  }

  leave(epoch: -1 | -2 = -1): string {
    const { instanceId = null } = this.#fixed
    return this.#send({ memberEpoch: epoch, instanceId })
  }

  /** The last assignment it was told, as `t-0`. */
  assigned: string[] = []

  #send(changes: Partial<HeartbeatRequest>): string {
    return this.#world.written(() => {
      this.last = this.#world.coordinator.heartbeat({
        group: 'g',
        memberId: this.memberId,
        memberEpoch: this.epoch,
        clientId: 'test',
        clientHost: '/127.0.0.1',
        rebalanceTimeoutMs: -1,
        subscribedTopicNames: null,
        owned: null,
        ...changes,
      })
      this.epoch = this.last.memberEpoch
      if (this.last.assignment !== null) this.assigned = namesOf(this.last.assignment)
    })
  }
}

export function namesOf(partitions: readonly NamedPartition[]): string[] {
  return partitions.map(({ topic, partition }) => `${topic}-${partition}`)
}

export function partitionsOf(names: Iterable<string>): NamedPartition[] {
  return [...names].map((name) => {
    const dash = name.lastIndexOf('-')
    return { topic: name.slice(0, dash), partition: Number(name.slice(dash + 1)) }
  })
}

/** One word per record: type, whose, what. `5a` member a, `3=2` group epoch 2, `8a:2/0 s0 +3-1` epochs, state, held and pending. */
export function summary(records: readonly CoordinatorRecord[]): string {
  return records.map(word).join(', ')
}

function word({ key: bytes, value }: CoordinatorRecord): string {
  const key = parseRecordKey(bytes)
  const whose = key.kind === 'member' ? key.memberId : key.kind === 'offset' ? ` ${key.topic}-${key.partition}` : ''
  const what = `${key.type}${whose}`
  if (value === null) return `${what} x`
  if (key.type === 1) return `${what}=${decodeOffsetCommit(value).offset}`
  if (key.type === 3) return `${what}=${decodeGroupEpoch(value).epoch}`
  if (key.type === 6) return `${what}=${decodeTargetEpoch(value).assignmentEpoch}`
  if (key.type !== 8) return what
  const { memberEpoch, previousMemberEpoch, state, assigned, pendingRevocation } = decodeCurrentAssignment(value)
  return `${what}:${memberEpoch}/${previousMemberEpoch} s${state} +${assigned.size}-${pendingRevocation.size}`
}
