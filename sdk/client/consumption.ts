import type { TopicPartition } from '../broker/broker.ts'
import { TidemarkError } from '../errors.ts'
import { Assignment } from './assignment.ts'
import { Breath } from './breath.ts'
import type { ClientContext, Finishable } from './client-context.ts'
import { Committer } from './committer.ts'
import type { CheckedConsumeOptions } from './consume-options.ts'
import { type ConsumerStatus, partitionStatus, whyNothing } from './consumer-status.ts'
import { ConsumerWarnings } from './consumer-warnings.ts'
import { damageJudge } from './damage-judge.ts'
import type { FetchedRecord } from './fetched-record.ts'
import { Fetcher } from './fetcher.ts'
import { hasWholeShare } from './group-share.ts'
import { InHandWatch } from './in-hand-watch.ts'
import { InputTransaction } from './input-transaction.ts'
import { keepingAlive } from './keep-alive.ts'
import type { LoopEnd, LoopSource } from './loop-source.ts'
import { GroupMember } from './member.ts'
import type { PartitionBuffer } from './partition-buffer.ts'
import type { Position } from './position.ts'
import type { ProcessedPrefix, ProgressListener } from './processed.ts'
import { StartPositions } from './start-positions.ts'
import { type ConsumedTopics, Subscription } from './subscription.ts'
import { byPartition } from './topic-partition.ts'
import type { TransactionOptions } from './transaction.ts'
import type { TransactionBody, TransactionFailure } from './transactions.ts'

const RETRY_MS = 100

/**
 * One consumer at work: its member keeps its place in the group, its assignment says which partitions are its, its
 * fetcher reads them, its committer writes down what is processed.
 *
 * States: idle → running → (draining: the loop has ended, and its last records are still worked on, or are to be
 * committed by hand) → closing → closed.
 */
export class Consumption implements LoopSource, Finishable {
  readonly subscription: Subscription
  readonly #context: ClientContext
  readonly #options: CheckedConsumeOptions
  readonly #member: GroupMember
  readonly #assignment: Assignment
  readonly #fetcher: Fetcher
  readonly #committer: Committer
  readonly #breath: Breath
  readonly #watch: InHandWatch
  readonly #warnings: ConsumerWarnings
  /** Set by whoever iterates: what it has in hand may no longer be what comes next. */
  onInterrupt: () => void = () => {}
  /** Set by whoever keeps records back before they are begun: nothing more of these partitions is to be. */
  onLeaving: (prefixes: readonly ProcessedPrefix[]) => void = () => {}
  /** Set by whoever has something under way that must be through before the group is left. */
  onClosing: () => Promise<unknown> = () => Promise.resolve()
  #state: 'idle' | 'running' | 'draining' | 'closing' | 'closed' = 'idle'
  /** The signal was aborted, or a loop without `follow` has seen everything. */
  #isEnding = false
  /** The former. */
  #isStopped = false
  #failure: { readonly error: unknown } | undefined
  #closing: Promise<void> | undefined
  /** The loop waits for records. */
  #isParked = false
  /** Only `done()` says that a record is processed. */
  #countsDone: boolean
  /** Partitions with something processed that was never committed, when it was closed. */
  #leftBehind = 0
  /** The first record that was handed out and not done by then. */
  #leftUndone: string | undefined

  constructor(context: ClientContext, topics: ConsumedTopics, options: CheckedConsumeOptions) {
    this.#context = context
    this.#options = options
    this.#countsDone = options.processed === 'done'
    const { group, isolation, maxBufferedBytes } = options
    const { clock, timers } = context.environment
    this.#breath = new Breath(context)
    this.#warnings = new ConsumerWarnings(context.environment.process, group)
    this.#watch = new InHandWatch(clock, timers, () => this.#assignment.prefixes)
    const fail = (error: unknown) => this.#fail(error)
    this.subscription = new Subscription(context, group, topics, {
      onGone: (topic) => this.#topicGone(topic),
      onFailure: fail,
    })
    this.#fetcher = new Fetcher(context, {
      isolation,
      maxBufferedBytes,
      onError: (buffer, error) => this.#cannotFetch(buffer, error),
      onFailure: fail,
    })
    const commits = { waits: () => this.onInterrupt(), failed: fail }
    this.#committer = new Committer(context, options, () => this.#member, commits)
    this.#assignment = this.#createAssignment(group, fail)
    const { instanceId, rebalanceTimeoutMs, assignor: serverAssignor } = options
    const wanted = { group, instanceId, rebalanceTimeoutMs, serverAssignor }
    this.#member = new GroupMember(context, wanted, this.#assignment)
  }

  get group(): string {
    return this.#options.group
  }

  get isOver(): boolean {
    return this.#isEnding || this.#state === 'draining' || this.#state === 'closing' || this.#state === 'closed'
  }

  /** The partitions it has now. */
  get assignment(): readonly TopicPartition[] {
    return this.#assignment.prefixes.map(({ topic, partition }) => ({ topic, partition }))
  }

  /** What is processed of each of them. */
  get prefixes(): readonly ProcessedPrefix[] {
    return this.#assignment.prefixes
  }

  /** What keeps it from going on, if anything does. */
  get failed(): { readonly error: unknown } | undefined {
    return this.#failure
  }

  /** Whether records that were handed out may still be begun: neither an end was asked for nor has something failed. */
  get mayBegin(): boolean {
    return this.#state === 'running' && this.#failure === undefined && !this.#isStopped
  }

  /**
   * Before it starts: whoever takes records asks ahead of its work, so only `done()` counts. `callsDone`: not people but
   * Tidemark calls it, so nobody can have forgotten it.
   */
  countDone({ callsDone = false }: { readonly callsDone?: boolean } = {}): void {
    this.#countsDone = true
    this.#warnings.sawDone = callsDone
  }

  /** Hands out nothing more, as when the signal aborts. */
  stop(): void {
    this.#abort()
  }

  /** What stands beside a partition's offset is committed before anything else happens. */
  commitNow(): void {
    this.#committer.commitNow()
  }

  async status(): Promise<ConsumerStatus> {
    const { group, maxUndone } = this.#options
    const { memberId, memberEpoch } = this.#member
    this.#watch.look()
    const limit = this.#countsDone ? maxUndone : Number.POSITIVE_INFINITY
    const partitions = this.#assignment.owned.map((owned) => {
      return partitionStatus(owned, this.#watch.runningMs(owned.prefix), limit)
    })
    const state = this.#state === 'running' && memberEpoch <= 0 ? 'joining' : this.#state
    const groupNow = async () => (await this.#context.broker.consumerGroupDescribe({ groups: [group] })).groups[0]
    const reason = partitions.length > 0 ? null : await whyNothing(state, memberId, this.subscription, groupNow)
    return { group, memberId, state, reason, partitions: partitions.toSorted(byPartition) }
  }

  async start(): Promise<void> {
    const { signal } = this.#options
    if (signal?.aborted === true) this.#isEnding = this.#isStopped = true
    if (this.isOver) return
    this.#state = 'running'
    this.#context.addConsumer(this)
    this.#watch.start()
    signal?.addEventListener('abort', this.#abort)
    await this.subscription.start(() => {
      if (this.#state === 'running') this.#member.subscribe(this.subscription.names)
    })
    if (!this.isOver) this.#member.subscribe(this.subscription.names)
  }

  take(): PartitionBuffer | undefined {
    if (this.#failure !== undefined) throw this.#failure.error
    if (this.#committer.writing !== undefined) return undefined
    return this.#fetcher.take(this.#countsDone ? this.#options.maxUndone : Number.POSITIVE_INFINITY)
  }

  async wait(): Promise<void> {
    if (this.#failure !== undefined) return
    const { writing } = this.#committer
    if (writing !== undefined) return await keepingAlive(this.#context.environment.timers, writing)
    if (this.#assignment.isCaughtUp) this.#committer.caughtUp()
    if (!this.#options.follow && (await this.#hasSeenAll())) {
      this.#isEnding = true
      const gotNothing = this.#assignment.prefixes.length === 0
      if (gotNothing && this.#context.hasDraining(this.#options.group)) this.#warnings.gotNothing()
      return
    }
    if (this.#countsDone) this.#warnings.stuck(this.#options.maxUndone, this.#assignment.prefixes)
    this.#isParked = true
    await keepingAlive(this.#context.environment.timers, this.#fetcher.changed())
    this.#isParked = false
  }

  breathe(): Promise<void> | undefined {
    return this.#committer.writing ?? this.#breath.take()
  }

  /** After an error its cause is what the loop throws; that closing failed too would hide it. */
  async finish(end: LoopEnd): Promise<void> {
    if (end === 'failed') return await this.close().catch(() => {})
    if (end === 'ended' && this.#state === 'running' && this.#isUnfinished) return await this.#drain()
    await this.close()
  }

  /**
   * What is processed now survives a power loss when this resolves.
   * @throws {TidemarkError} CLOSED where the group is left, and something that was handed out is not committed
   */
  async commit(): Promise<void> {
    if (this.#leftBehind > 0) {
      const message =
        `The consumer of group "${this.#options.group}" has left its group; what it had processed in ${this.#leftBehind} ` +
        'partitions and not committed will be handed out again. Commit in the loop, or before close().'
      throw new TidemarkError('CLOSED', message)
    }
    if (this.#leftUndone !== undefined) {
      const message =
        `What was processed is committed, but ${this.#leftUndone} was in hand when the loop was left, so it does not count ` +
        'and will be handed out again. Call its done() before you leave the loop, or let the loop end by itself (limit).'
      throw new TidemarkError('CLOSED', message)
    }
    await this.#committer.commit('power-loss', { again: true })
    this.#finishDraining()
  }

  /** These records, of a loop, count when the transaction is committed, and come again when it is not. */
  async transaction<T>(
    body: TransactionBody<T>,
    options: TransactionOptions,
    records: readonly FetchedRecord[],
  ): Promise<T> {
    const member = this.#member
    const input = new InputTransaction(this.group, member, this.#assignment, records)
    const failed = (failure: TransactionFailure) => {
      input.failed(failure)
      // Only what the group has committed tells now where to go on.
      if (failure.isUndecided) this.#fail(failure.error)
    }
    const result = await this.#context.transactions.run(body, options, input.offsets, failed)
    input.committed()
    return result
  }

  async seek(place: TopicPartition, position: Position): Promise<void> {
    await this.#assignment.seek(place, position)
  }

  pause(partitions: readonly TopicPartition[], isPaused: boolean): void {
    this.#assignment.pause(partitions, isPaused)
  }

  /** A failure is told to the first who closes. */
  async close(timeoutMs = 0): Promise<void> {
    if (this.#closing !== undefined) return await this.#closing.catch(() => {})
    this.#closing = this.#close(timeoutMs)
    this.#context.leaves(this.#options.group, this.#closing)
    await this.#closing
  }

  async #close(timeoutMs: number): Promise<void> {
    this.#state = 'closing'
    this.subscription.stop()
    this.#watch.stop()
    this.onInterrupt()
    this.onLeaving(this.#assignment.prefixes)
    this.#fetcher.close()
    if (timeoutMs > 0 && this.#assignment.undone > 0) await this.#untilSettled(timeoutMs)
    await this.#context.unlessSilent(this.onClosing()).catch(() => {})
    if (this.#countsDone) this.#warnings.forgotten(this.#assignment.undone)
    this.#committer.close()
    let problem: unknown
    try {
      await this.#committer.commitAtEnd()
    } catch (error) {
      // Unless it is refused because the partitions are others' by now: they will do the rest again.
      if (!(error instanceof TidemarkError) || !error.retriable || error.code === 'REQUEST_TIMED_OUT') problem = error
    }
    const undone = this.#assignment.prefixes.find(({ firstUndone }) => firstUndone !== undefined)
    if (undone !== undefined) this.#leftUndone = `${undone.topic}-${undone.partition}@${undone.firstUndone}`
    this.#leftBehind = this.#assignment.prefixes.filter(({ hasMoved }) => hasMoved).length
    this.#assignment.close()
    // Who is not told finds out when the connection ends.
    await this.#context.unlessSilent(this.#member.leave()).catch(() => {})
    this.#options.signal?.removeEventListener('abort', this.#abort)
    this.#context.removeConsumer(this)
    this.#state = 'closed'
    if (problem !== undefined) throw problem
  }

  /** Whether something is still to come after the loop: `done()` for what it handed out, or a commit by hand. */
  get #isUnfinished(): boolean {
    if (this.#countsDone && this.#assignment.undone > 0) return true
    return this.#committer.isManual && this.#assignment.prefixes.some(({ hasMoved }) => hasMoved)
  }

  /**
   * The loop has come to its end, and something of it is unfinished. `done()` goes on counting, `commit()` goes on
   * committing; when nothing is left, when the partitions are wanted elsewhere, or by `close()`, the group is left.
   */
  async #drain(): Promise<void> {
    this.#state = 'draining'
    this.#context.drains(this.#options.group, this)
    this.onInterrupt()
    this.#fetcher.close()
    this.#assignment.waitsForBodies = false
    await this.#committer.commitAtEnd()
  }

  #closeUnawaited(): void {
    this.close().catch((error: unknown) => this.#warnings.closeFailed(error))
  }

  #finishDraining(): void {
    if (this.#state === 'draining' && !this.#isUnfinished) this.#closeUnawaited()
  }

  async #untilSettled(timeoutMs: number): Promise<void> {
    const late = Promise.withResolvers<void>()
    const timer = this.#context.environment.timers.after(timeoutMs, late.resolve)
    await Promise.race([this.#assignment.settled(), late.promise])
    timer.cancel()
  }

  /** With `follow: false`: whether all of our share of the group's partitions was handed out. */
  async #hasSeenAll(): Promise<boolean> {
    if (!this.#assignment.isFinished || !this.#member.isSettled) return false
    if (await hasWholeShare(this.#context, this.#options.group, this.#member.memberId)) {
      return this.#assignment.isFinished && this.#member.isSettled
    }
    this.#context.environment.timers.after(RETRY_MS, () => this.#fetcher.wake())
    return false
  }

  #createAssignment(group: string, onError: (error: unknown) => void): Assignment {
    const { isolation, whenNew, whenLost, rebalanceTimeoutMs, follow, onDamage } = this.#options
    const starts = new StartPositions(this.#context, { group, isolation, whenNew, whenLost })
    const parts = { context: this.#context, committer: this.#committer, fetcher: this.#fetcher, starts }
    return new Assignment(parts, {
      group,
      memberId: () => this.#member.memberId,
      rebalanceTimeoutMs,
      stopsAtEnd: !follow,
      serdesOf: (topic) => this.subscription.serdesOf(topic),
      judge: damageJudge(this.#context.environment, onDamage),
      progress: () => (this.#countsDone ? this.#doneListener() : this.#committer),
      onChange: () => this.onInterrupt(),
      onMoved: () => this.#finishDraining(),
      onLeaving: (prefixes) => this.onLeaving(prefixes),
      onError,
    })
  }

  #doneListener(): ProgressListener {
    return {
      advanced: (prefix: ProcessedPrefix) => {
        if (prefix.uncommitted > 0) this.#warnings.sawDone = true
        this.#committer.advanced(prefix)
        // There may be room for more, or nothing left to do.
        if (this.#isParked) this.#fetcher.wake()
        if (this.#state === 'draining' && this.#assignment.undone === 0) this.#closeUnawaited()
      },
    }
  }

  readonly #abort = (): void => {
    this.#isEnding = this.#isStopped = true
    this.onInterrupt()
    this.#fetcher.wake()
  }

  #fail(error: unknown): void {
    if (this.#state === 'draining') {
      this.#closeUnawaited()
      return
    }
    this.#failure ??= { error }
    this.onInterrupt()
    this.#fetcher.wake()
  }

  #cannotFetch(buffer: PartitionBuffer, error: TidemarkError): void {
    if (error.code === 'OFFSET_OUT_OF_RANGE') void this.#relocate(buffer)
    else if (!error.retriable) this.#fail(error)
    // The topic is gone: the subscription will say so.
    else this.#context.environment.timers.after(RETRY_MS, () => this.#fetcher.resume(buffer))
  }

  /** Unless the topic is another one by now: then its partition is lost. */
  async #relocate(buffer: PartitionBuffer): Promise<void> {
    await this.subscription.refresh().catch((error: unknown) => this.#fail(error))
    if (!buffer.isRemoved) await this.#assignment.relocate(buffer)
  }

  #topicGone(topic: string): void {
    this.#assignment.loseTopic(topic)
    this.#member.forgetTopic(topic)
  }
}
