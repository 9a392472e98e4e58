import type { ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, TopicPartition } from '../broker/broker.ts'
import type { Timer } from '../environment/environment.ts'
import { TidemarkError } from '../errors.ts'
import { JOIN_EPOCH, LEAVE_EPOCH, STATIC_LEAVE_EPOCH } from '../group/member-epoch.ts'
import { randomUuid } from '../record/uuid.ts'
import type { ClientContext } from './client-context.ts'
import { keepingAlive } from './keep-alive.ts'

export interface MemberOptions {
  readonly group: string
  /** A static member: it may be away for a while without losing its partitions. */
  readonly instanceId?: string | undefined
  readonly rebalanceTimeoutMs: number
  readonly serverAssignor?: string | undefined
}

/** What happens to a member, one at a time. */
export interface MemberEvents {
  /** These are to be given up: resolves when nobody works on them and what was done is committed. */
  revoke(partitions: readonly TopicPartition[]): Promise<void>
  /** These are ours from now on. */
  assign(partitions: readonly TopicPartition[]): void
  /** The group knows that what it gave us is what we have. */
  agreed(): void
  /** Ours still, but somebody moved the group there: what was handed out no longer counts, and its commit says where to go on. */
  move(partitions: readonly TopicPartition[]): void
  /** Everything was given to others: nothing of it may be committed. */
  lose(): void
  /** The group will not have this member. */
  fail(error: TidemarkError): void
}

/** Join at once, leave, leave for a while: Kafka's special member epochs. */
const UNCHANGED = -1
const RETRY_MS = 100
const MAX_RETRY_MS = 5_000

/** One consumer in its group: joins, heartbeats on a timer, follows the assignment and leaves (KIP-848). */
export class GroupMember {
  readonly memberId: string
  readonly #context: ClientContext
  readonly #options: MemberOptions
  readonly #events: MemberEvents
  #epoch = JOIN_EPOCH
  #topics: readonly string[] = []
  /** What the group was told last. */
  #toldTopics: readonly string[] | undefined
  #owned: readonly TopicPartition[] = []
  /** What the group last said is ours; undefined until it did. */
  #target: readonly TopicPartition[] | undefined
  /** What was last reported as owned, and has arrived. */
  #reported: readonly TopicPartition[] | undefined
  #isReconciling = false
  /** After a failure everything is said again. */
  #saysAll = true
  #timer: Timer | undefined
  #beating: Promise<void> | undefined
  #beatsAgain = false
  #retryMs = RETRY_MS
  #isLeaving = false

  constructor(context: ClientContext, options: MemberOptions, events: MemberEvents) {
    this.#context = context
    this.#options = options
    this.#events = events
    this.memberId = randomUuid(context.environment.random)
  }

  /** 0 until the group has answered, and while thrown out. */
  get memberEpoch(): number {
    return this.#epoch
  }

  /** Whether the group has said what is ours and that is what we have. */
  get isSettled(): boolean {
    return this.#target !== undefined && !this.#isReconciling && this.#target === this.#reported
  }

  /** Joins, or tells the group of other topics; looks what it has to say. Failures go to `fail`. */
  subscribe(topics: readonly string[]): void {
    this.#topics = topics
    this.beatNow()
  }

  /** Heartbeats without waiting for the timer; once more if a heartbeat is under way. */
  beatNow(): void {
    if (this.#isLeaving) return
    if (this.#beating !== undefined) {
      this.#beatsAgain = true
      return
    }
    this.#timer?.cancel()
    this.#beating = this.#beat().finally(() => {
      this.#beating = undefined
      if (!this.#beatsAgain) return
      this.#beatsAgain = false
      this.beatNow()
    })
  }

  /** A topic is gone. What the group gives us of that name from now on is of another. */
  forgetTopic(topic: string): void {
    const isLeft = (each: TopicPartition) => each.topic !== topic
    const isWhole = this.#owned === this.#target
    this.#owned = this.#owned.filter(isLeft)
    this.#target = isWhole ? this.#owned : this.#target?.filter(isLeft)
  }

  /** Gives everything up at once. Nothing is committed here. Never rejects: a group that cannot be told will find out. */
  async leave(): Promise<void> {
    if (this.#isLeaving) return
    this.#isLeaving = true
    this.#timer?.cancel()
    // Somebody waits for it, and another process may have to answer.
    await keepingAlive(this.#context.environment.timers, this.#leaveNow())
  }

  async #leaveNow(): Promise<void> {
    await this.#beating
    if (this.#epoch <= JOIN_EPOCH) return
    const memberEpoch = this.#options.instanceId === undefined ? LEAVE_EPOCH : STATIC_LEAVE_EPOCH
    const request = { ...this.#request(), memberEpoch, subscribedTopicNames: [], owned: [] }
    this.#epoch = JOIN_EPOCH
    await this.#context.broker.consumerGroupHeartbeat(request).catch(() => {})
  }

  async #beat(): Promise<void> {
    const request = this.#request()
    try {
      const answer = await this.#context.broker.consumerGroupHeartbeat(request)
      this.#accept(request, answer)
    } catch (error) {
      this.#refused(error)
    }
  }

  #request(): ConsumerGroupHeartbeatRequest {
    const { group, instanceId, rebalanceTimeoutMs, serverAssignor } = this.#options
    const all = this.#saysAll || this.#epoch === JOIN_EPOCH
    return {
      group,
      memberId: this.memberId,
      memberEpoch: this.#epoch,
      instanceId: instanceId ?? null,
      clientId: this.#context.clientId,
      clientHost: this.#context.clientHost,
      rebalanceTimeoutMs: all ? rebalanceTimeoutMs : UNCHANGED,
      subscribedTopicNames: all || this.#topics !== this.#toldTopics ? this.#topics : null,
      serverAssignor: all ? (serverAssignor ?? null) : null,
      owned: all || this.#owned !== this.#reported ? this.#owned : null,
    }
  }

  #accept(request: ConsumerGroupHeartbeatRequest, answer: ConsumerGroupHeartbeatResponse): void {
    this.#saysAll = false
    this.#retryMs = RETRY_MS
    this.#epoch = answer.memberEpoch
    // Before anything is committed at this epoch.
    if (answer.moved !== undefined) this.#events.move(answer.moved)
    if (request.owned !== null) {
      this.#reported = request.owned
      if (this.isSettled) this.#events.agreed()
    }
    if (request.subscribedTopicNames !== null) this.#toldTopics = request.subscribedTopicNames
    if (this.#isLeaving) return
    this.#beatAfter(answer.heartbeatIntervalMs)
    const { assignment } = answer
    // Said again, since we said everything again: nothing to do, nothing to report.
    if (assignment === null || (this.#target !== undefined && areEqual(this.#target, assignment))) return
    this.#target = assignment
    void this.#reconcile()
  }

  /** Brings what we own to what the group says, and reports it, until both agree. */
  async #reconcile(): Promise<void> {
    if (this.#isReconciling) return
    this.#isReconciling = true
    let applied: readonly TopicPartition[] | undefined
    while (this.#target !== undefined && this.#target !== applied && !this.#isLeaving) {
      const target = this.#target
      const leaving = this.#owned.filter((each) => !includes(target, each))
      if (leaving.length > 0) await this.#events.revoke(leaving)
      this.#owned = this.#owned.filter((each) => includes(target, each))
      // Told otherwise meanwhile, or thrown out: what the group said before is void.
      if (target !== this.#target || this.#isLeaving) continue
      const arriving = target.filter((each) => !includes(this.#owned, each))
      this.#owned = target
      applied = target
      if (arriving.length > 0) this.#events.assign(arriving)
    }
    this.#isReconciling = false
    if (applied !== undefined) this.beatNow()
  }

  #refused(error: unknown): void {
    const known =
      error instanceof TidemarkError ? error : new TidemarkError('STORAGE_ERROR', String(error), { cause: error })
    this.#saysAll = true
    if (this.#isLeaving) return
    if (known.code === 'UNKNOWN_MEMBER_ID' || known.code === 'FENCED_MEMBER_EPOCH') this.#rejoin()
    else if (known.retriable) this.#beatLater()
    else this.#events.fail(known)
  }

  /** Thrown out: whatever we had is others' now. Joins again under the same id, at once unless that fails too. */
  #rejoin(): void {
    const wasJoining = this.#epoch === JOIN_EPOCH
    this.#epoch = JOIN_EPOCH
    this.#target = undefined
    this.#reported = undefined
    this.#owned = []
    this.#events.lose()
    if (wasJoining) this.#beatLater()
    else this.#beatsAgain = true
  }

  #beatLater(): void {
    this.#beatAfter(this.#retryMs)
    this.#retryMs = Math.min(this.#retryMs * 2, MAX_RETRY_MS)
  }

  #beatAfter(delayMs: number): void {
    this.#timer?.cancel()
    this.#timer = this.#context.environment.timers.after(delayMs, () => this.beatNow())
  }
}

function includes(partitions: readonly TopicPartition[], wanted: TopicPartition): boolean {
  return partitions.some(({ topic, partition }) => topic === wanted.topic && partition === wanted.partition)
}

function areEqual(some: readonly TopicPartition[], others: readonly TopicPartition[]): boolean {
  return some.length === others.length && some.every((each) => includes(others, each))
}
