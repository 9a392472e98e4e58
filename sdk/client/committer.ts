import type { Broker, OffsetCommitRequest, OffsetCommitResponse, Survives } from '../broker/broker.ts'
import { fromPartitionError } from '../broker/partition-error.ts'
import type { Timer } from '../environment/environment.ts'
import { TidemarkError } from '../errors.ts'
import type { ClientContext } from './client-context.ts'
import { watchCommit } from './diagnostics.ts'
import { pause } from './pause.ts'
import type { ProcessedPrefix, ProgressListener } from './processed.ts'

/** When what was processed is committed without being asked. */
export interface CommitOptions {
  /** As soon as a partition has this many processed and uncommitted records. Default 1,000. */
  readonly everyRecords?: number | undefined
  /** At the latest this many milliseconds after something was processed. Default 5,000. */
  readonly intervalMs?: number | undefined
  /** When the loop has caught up, but not more often than every so many milliseconds. Default 1,000. */
  readonly idleMs?: number | undefined
}

/** The same, settled. */
export interface CommitRules {
  readonly everyRecords: number
  readonly intervalMs: number
  readonly idleMs: number
}

export const DEFAULT_COMMIT: CommitRules = { everyRecords: 1_000, intervalMs: 5_000, idleMs: 1_000 }

/** Who commits. */
export interface CommittingMember {
  readonly memberId: string
  readonly memberEpoch: number
  /** The broker thinks otherwise: ask it at once. */
  beatNow(): void
}

export interface CommitterEvents {
  /** No more records are to be handed out until what was committed is written: see `writing`. */
  waits(): void
  /** A commit was refused for good. */
  failed(error: unknown): void
}

interface Sent {
  readonly prefix: ProcessedPrefix
  readonly offset: number
  readonly metadata: string
  readonly records: number
}

const RETRY_MS = 100
const MAX_RETRY_MS = 5_000
/** How often a commit that somebody waits for is tried: with growing pauses, a second and a half. */
const MAX_ATTEMPTS = 5

/**
 * Writes down what is processed. One commit carries every partition that moved. An owner has appended a commit when the
 * call that asks for it returns, so a due commit is there before the loop gets its next record; a broker that answers
 * later is asked for one commit at a time.
 */
export class Committer implements ProgressListener {
  readonly #context: ClientContext
  readonly #group: string
  readonly #options: CommitRules | 'manual'
  readonly #member: () => CommittingMember
  readonly #events: CommitterEvents
  readonly #prefixes = new Set<ProcessedPrefix>()
  /** A hot field: `options.everyRecords`, or never. */
  private readonly everyRecords: number
  /** Runs from the first record no commit was issued for. */
  private timer: Timer | undefined
  #idleTimer: Timer | undefined
  #idleAtMs = Number.NEGATIVE_INFINITY
  /** While it runs, commits fail: nothing is issued for a due commit. */
  #retryTimer: Timer | undefined
  /** Resolves when it is over, or something has changed meanwhile. */
  #retried = Promise.withResolvers<void>()
  #retryMs = RETRY_MS
  #inFlight = 0
  /** Settles when every commit issued so far is answered. */
  #answered: Promise<void> = Promise.resolve()
  /** What kind of broker has taken the last commit. */
  #answeredBy: Broker['kind']
  /** Due, but one was in flight. */
  #isDue = false
  #isClosed = false

  constructor(
    context: ClientContext,
    options: { readonly group: string; readonly commit: CommitRules | 'manual' },
    member: () => CommittingMember,
    events: CommitterEvents,
  ) {
    this.#context = context
    this.#group = options.group
    this.#options = options.commit
    this.#member = member
    this.#answeredBy = context.broker.kind
    this.#events = events
    this.everyRecords = options.commit === 'manual' ? Number.POSITIVE_INFINITY : options.commit.everyRecords
  }

  get isManual(): boolean {
    return this.#options === 'manual'
  }

  add(prefix: ProcessedPrefix): void {
    this.#prefixes.add(prefix)
  }

  remove(prefix: ProcessedPrefix): void {
    this.#prefixes.delete(prefix)
    this.#wake()
  }

  advanced(prefix: ProcessedPrefix): void {
    if (prefix.uncommitted >= this.everyRecords) this.#commitDue()
    else if (this.timer === undefined) this.#startTimer()
  }

  /** What stands beside an offset is to be remembered before anything else happens. */
  commitNow(): void {
    this.#commitDue()
  }

  /** The loop waits for records: nothing is left to process. */
  caughtUp(): void {
    if (this.#options === 'manual' || this.#idleTimer !== undefined || !this.#hasMoved()) return
    const { clock, timers } = this.#context.environment
    const waitMs = this.#idleAtMs + this.#options.idleMs - clock.monotonicMs()
    if (waitMs > 0) {
      this.#idleTimer = timers.after(waitMs, () => {
        this.#idleTimer = undefined
        this.#idleAtMs = clock.monotonicMs()
        this.#commitDue()
      })
      return
    }
    this.#idleAtMs = clock.monotonicMs()
    this.#commitDue()
  }

  /**
   * Commits what is processed now and resolves when that survives what is asked. A refusal that may pass is retried,
   * with what is processed then. `again`: also what was committed before, but perhaps not to survive that.
   */
  async commit(survives: Survives, options: { readonly again: boolean }): Promise<void> {
    if (!this.#answersAtOnce) await this.#answered
    for (let attempt = 1; ; attempt++) {
      const wanted = [...this.#prefixes].filter((prefix) => {
        return prefix.hasMoved || (options.again && prefix.isOpen && prefix.offset !== prefix.durableOffset)
      })
      if (wanted.length === 0) return
      try {
        return await this.#issue(wanted, survives)
      } catch (error) {
        if (!(error instanceof TidemarkError) || !error.retriable || attempt === MAX_ATTEMPTS) throw error
        await pause(this.#context.environment.timers, RETRY_MS * 2 ** (attempt - 1))
      }
    }
  }

  /**
   * What is processed now, of whoever will process nothing more; with `manual` nothing.
   * @throws {TidemarkError} also REQUEST_TIMED_OUT, where nobody answers
   */
  async commitAtEnd(): Promise<void> {
    if (this.isManual) return
    const unanswered = `What group "${this.#group}" has processed and not committed may be handed out again.`
    await this.#context.unlessSilent(this.commit('power-loss', { again: false }), unanswered)
  }

  /** No commit is issued any more unless somebody asks for it. */
  close(): void {
    this.#isClosed = true
    this.timer?.cancel()
    this.#idleTimer?.cancel()
    this.#retryTimer?.cancel()
    this.#retryTimer = undefined
    this.#wake()
  }

  /**
   * Resolves when the process next door has written what was committed, or a commit that was refused is tried again: until
   * then no more records are to be handed out, or more of them than `everyRecords` might come again. The one takes as long
   * as a system call or two. Otherwise undefined.
   */
  get writing(): Promise<void> | undefined {
    if (this.#inFlight > 0 && this.#isAnswerAwaited) return this.#answered
    return this.#retryTimer !== undefined && this.#isFull ? this.#retried.promise : undefined
  }

  /** An owner that has just become one does not know its predecessor's members any more, and that is an answer, too. */
  get #isAnswerAwaited(): boolean {
    const { kind } = this.#context.broker
    return kind === 'neighbour' || (kind === 'owner' && this.#answeredBy !== 'owner')
  }

  /** Whether some partition has as much uncommitted as it may. */
  get #isFull(): boolean {
    for (const { isOpen, uncommitted } of this.#prefixes) if (isOpen && uncommitted >= this.everyRecords) return true
    return false
  }

  #wake(): void {
    this.#retried.resolve()
    this.#retried = Promise.withResolvers()
  }

  /** Whether a commit is written when the call returns, so that several may be on their way. */
  get #answersAtOnce(): boolean {
    return this.#context.broker.kind === 'owner'
  }

  #hasMoved(): boolean {
    for (const prefix of this.#prefixes) if (prefix.hasMoved) return true
    return false
  }

  #startTimer(): void {
    if (this.#options === 'manual' || this.#isClosed) return
    this.timer = this.#context.environment.timers.after(this.#options.intervalMs, () => {
      this.timer = undefined
      this.#commitDue()
    })
  }

  #commitDue(): void {
    if (this.#options === 'manual' || this.#isClosed) return
    if (this.#retryTimer !== undefined) {
      if (this.#isFull) this.#events.waits()
      return
    }
    if (this.#inFlight > 0 && !this.#answersAtOnce) {
      this.#isDue = true
      return
    }
    const moved = [...this.#prefixes].filter((prefix) => prefix.hasMoved)
    if (moved.length > 0) this.#issue(moved, 'process-crash').catch((error: unknown) => this.#retryLater(error))
  }

  #retryLater(error: unknown): void {
    if (this.#isClosed) return
    if (!(error instanceof TidemarkError) || !error.retriable) {
      this.#events.failed(error)
      return
    }
    this.#retryTimer ??= this.#context.environment.timers.after(this.#retryMs, () => {
      this.#retryTimer = undefined
      this.#commitDue()
      this.#wake()
    })
    if (this.#isFull) this.#events.waits()
    this.#retryMs = Math.min(this.#retryMs * 2, MAX_RETRY_MS)
  }

  /** Asks the broker before it returns; from then on these records are no longer uncommitted, unless that fails. */
  #issue(prefixes: readonly ProcessedPrefix[], survives: Survives): Promise<void> {
    const sent = prefixes.map((prefix) => {
      return { prefix, offset: prefix.offset, metadata: prefix.metadataNow(), records: prefix.uncommitted }
    })
    const { memberId, memberEpoch } = this.#member()
    const offsets = sent.map(({ prefix: { topic, partition, offset, leaderEpoch }, metadata }) => {
      return { topic, partition, offset, leaderEpoch, metadata }
    })
    for (const { prefix, metadata } of sent) {
      prefix.issuedOffset = prefix.offset
      prefix.issuedMetadata = metadata
      prefix.uncommitted = 0
    }
    this.#isDue = false
    this.#inFlight++
    const issued = this.#send({ group: this.#group, memberId, memberEpoch, survives, offsets }, sent)
    this.#answered = Promise.allSettled([this.#answered, issued]).then(() => {})
    if (this.writing !== undefined) this.#events.waits()
    watchCommit(issued, this.#context.environment.clock, () => ({
      group: this.#group,
      memberId,
      survives,
      offsets: offsets.map(({ topic, partition, offset }) => ({ topic, partition, offset })),
    }))
    return issued
  }

  async #send(request: OffsetCommitRequest, sent: readonly Sent[]): Promise<void> {
    try {
      this.#record(sent, await this.#context.broker.offsetCommit(request), request.survives)
    } catch (error) {
      for (const each of sent) takeBack(each)
      // The member may have been told more since; or it was thrown out and does not know yet.
      const code = error instanceof TidemarkError ? error.code : undefined
      const isOutdated = code === 'STALE_MEMBER_EPOCH' || code === 'UNKNOWN_MEMBER_ID' || code === 'FENCED_MEMBER_EPOCH'
      if (isOutdated) this.#member().beatNow()
      throw error
    } finally {
      this.#inFlight--
    }
    this.#retryMs = RETRY_MS
    this.#answeredBy = this.#context.broker.kind
    if (this.#isDue && !this.#isClosed) this.#commitDue()
  }

  /** Throws the first refusal, when every partition's answer is written down. */
  #record(sent: readonly Sent[], answer: OffsetCommitResponse, survives: Survives): void {
    let refusal: TidemarkError | undefined
    for (const { prefix, offset } of sent) {
      const { topic, partition } = prefix
      const found = answer.partitions.find((each) => each.partition === partition && each.topic === topic)
      if (found?.error) {
        refusal ??= fromPartitionError(found.error, { topic, partition, offset })
        continue
      }
      prefix.committedOffset = Math.max(prefix.committedOffset, offset)
      if (survives === 'power-loss') prefix.durableOffset = Math.max(prefix.durableOffset, offset)
    }
    if (refusal !== undefined) throw refusal
  }
}

/** Part of a commit that failed: unless a later one was issued, its records are uncommitted again. */
function takeBack({ prefix, offset, metadata, records }: Sent): void {
  if (prefix.issuedMetadata === metadata && metadata !== '') prefix.issuedMetadata = undefined
  if (prefix.issuedOffset !== offset || prefix.committedOffset === offset) return
  prefix.issuedOffset = prefix.committedOffset
  prefix.uncommitted += records
}
