import type { ReadableStream } from 'node:stream/web'
import type { InspectOptions } from 'node:util'
import type { TopicPartition } from '../broker/broker.ts'
import { TidemarkError } from '../errors.ts'
import { BatchLoop } from './batch-loop.ts'
import type { ClientContext } from './client-context.ts'
import { type CheckedConsumeOptions, type ConsumeOptions, checkConsumeOptions } from './consume-options.ts'
import type { ConsumerStatus } from './consumer-status.ts'
import { Consumption } from './consumption.ts'
import type { FetchedRecord } from './fetched-record.ts'
import { type Handler, HandlerRun } from './handler-run.ts'
import type { LoopOptions } from './loop-source.ts'
import {
  checkArgument,
  checkOption,
  checkOptions,
  count,
  listOf,
  milliseconds,
  type OptionKinds,
  object,
  position as positionKind,
} from './option-check.ts'
import type { Position } from './position.ts'
import { printed, SHOW } from './printed.ts'
import { RecordLoop } from './record-loop.ts'
import {
  checkStreamOptions,
  type RecordReadable,
  readableOf,
  type StreamOptions,
  webStreamOf,
} from './record-stream.ts'
import { checkHandler, checkRunOptions, type RunOptions } from './run-options.ts'
import type { ConsumedTopics } from './subscription.ts'
import type { TopicBatch } from './topic-batch.ts'
import { TopicPattern } from './topic-pattern.ts'
import type { TransactionOptions } from './transaction.ts'
import { checkTransaction, type TransactionBody } from './transactions.ts'

/** How a consumer's records are put together into batches. */
export interface BatchesOptions {
  /** The most records in a batch. Default 1,000. */
  readonly maxRecords?: number
  /** How long, in milliseconds, a batch that has a record waits for more. Default 0: it does not. */
  readonly maxWaitMs?: number
}

const DEFAULT_MAX_RECORDS = 1_000
const BATCHES_KINDS: OptionKinds<BatchesOptions> = { maxRecords: count(1), maxWaitMs: milliseconds(0) }
const CLOSE_KINDS = { timeoutMs: milliseconds(0) }
const PARTITIONS = listOf('{ topic, partition }', object(''))

/**
 * A member of a group that reads its share of one or more topics: `for await (const record of consumer)`.
 *
 * It joins when the first record is asked for and can be looped over once. What is processed is committed behind the
 * loop, always as a prefix without holes; the record in hand when a loop is left by `break`, `return` or an error is
 * handed out again to whoever goes on, unless it was `done()`.
 */
export class Consumer<R> implements AsyncIterable<R>, AsyncDisposable {
  /** The group it is a member of. */
  readonly group: string
  readonly #context: ClientContext
  readonly #options: CheckedConsumeOptions
  readonly #consumption: Consumption
  readonly #saysNext: boolean
  #countsNext: boolean
  #isUsed = false
  /** What the loop has in hand. */
  #recordsInHand: () => readonly FetchedRecord[] = () => []

  /** @throws {TidemarkError} INVALID_ARGUMENT, INVALID_GROUP_ID */
  constructor(context: ClientContext, topics: ConsumedTopics, options: ConsumeOptions) {
    this.#context = context
    this.#options = checkConsumeOptions(options)
    this.group = this.#options.group
    this.#saysNext = options.processed === 'next'
    this.#countsNext = this.#options.processed === 'next'
    if (!(topics instanceof TopicPattern) && topics.length === 0)
      throw new TidemarkError('INVALID_ARGUMENT', 'consume needs at least one topic.')
    this.#consumption = new Consumption(context, topics, this.#options)
  }

  /** The partitions it has at this moment. */
  get assignment(): readonly TopicPartition[] {
    return this.#consumption.assignment
  }

  /**
   * What it is doing, partition by partition, and why not more: where a body has been running for long, what is paused,
   * waits for `done()` or is to be given up, who has what it waits for.
   */
  async status(): Promise<ConsumerStatus> {
    return await this.#consumption.status()
  }

  /**
   * Record by record. Its `next` rejects with whatever stands between the loop and its next record, after what was
   * processed is committed and the group is left.
   */
  [Symbol.asyncIterator](): AsyncIterator<R, undefined> {
    this.#use()
    const loop = new RecordLoop<R>(this.#consumption, this.#loopOptions())
    this.#consumption.onInterrupt = () => loop.interrupt()
    this.#recordsInHand = () => loop.recordsInHand
    return loop
  }

  /**
   * Batch by batch, each with records of one partition. A batch counts when the next one is asked for, or as far as
   * `batch.done(index)` says.
   */
  batches(options: BatchesOptions = {}): AsyncIterable<TopicBatch<R>> {
    checkOptions('batches', options, BATCHES_KINDS)
    const { maxRecords = DEFAULT_MAX_RECORDS, maxWaitMs = 0 } = options
    return {
      [Symbol.asyncIterator]: () => {
        this.#use()
        const { timers } = this.#context.environment
        const loop = new BatchLoop<R>(this.#consumption, timers, { ...this.#loopOptions(), maxRecords, maxWaitMs })
        this.#recordsInHand = () => loop.recordsInHand
        return loop
      },
    }
  }

  /**
   * A stream of Node's in object mode. Streams ask for records ahead of their work, so only `record.done()` says that one
   * is processed, whatever else the options say by default. Destroying it commits what is done and leaves the group; after
   * an end of its own (`limit`, `signal`, `follow: false`) `done()` goes on counting.
   * @throws {TidemarkError} INVALID_ARGUMENT, with `processed: 'next'` too
   */
  readable(options: StreamOptions = {}): RecordReadable<R> {
    checkStreamOptions('readable', options)
    return readableOf(this.#streamLoop('readable'), options)
  }

  /** The same as a stream of the web, which asks for nothing ahead. Cancelling it is like destroying the other. */
  readableStream(): ReadableStream<R> {
    return webStreamOf(this.#streamLoop('readableStream'))
  }

  /**
   * Calls `handler` for every record: several at a time (`concurrency`), each key in order, again where it fails (`retry`),
   * and does what `onFailure` says when the last attempt has failed. A record counts as processed when what the handler
   * answers has resolved, and only the prefix without holes is committed, as with a loop.
   *
   * Resolves when `limit`, `signal`, `follow: false` or `close()` ends it and what was begun is through; what was handed
   * out and not begun comes again. Rejects with the error of a record that stopped it, when what runs beside it is through
   * and committed.
   *
   * @throws {TidemarkError} INVALID_ARGUMENT, with `processed: 'next'` too, and whatever a loop throws
   */
  async run(handler: Handler<R>, options: RunOptions<R> = {}): Promise<void> {
    checkHandler(handler)
    const checked = checkRunOptions(options, this.#context.environment.random)
    if (this.#saysNext) {
      const message = "run: a record counts when its handler is through with it. Leave out processed: 'next'."
      throw new TidemarkError('INVALID_ARGUMENT', message)
    }
    const run = new HandlerRun<R>(this.#context, this.#consumption, handler, checked, this.#options)
    this.#use()
    this.#consumption.countDone({ callsDone: true })
    await run.run()
  }

  /**
   * Exactly once: what `body` sends through `tx`, and that the record or batch the loop has in hand is processed, become true
   * together, in one step, or not at all. To be called in the body of a `for await` loop, over the consumer or, cheaper by
   * far, over its `batches()`.
   *
   * When it resolves, all of it survives what the topics' `survives` says. When `body` throws, the process dies, or the
   * partition is lost to another member meanwhile, nothing of it counts: readers of committed records (the default) never
   * see what was sent, and the input is handed out again, here too where the loop goes on after the error.
   *
   * Only what goes through `tx` is a part of it: a side effect elsewhere happens as often as the body runs.
   * @throws {TidemarkError} what `body` throws; INVALID_ARGUMENT outside of a loop and where only `done()` counts;
   *   PRODUCER_FENCED after `timeoutMs`; STALE_MEMBER_EPOCH where the partition was lost; and as `topic.send`. After any
   *   other error of the commit itself it may count or not: the loop ends with it, and the next one goes on rightly.
   */
  async transaction<T>(body: TransactionBody<T>, options: TransactionOptions = {}): Promise<T> {
    if (!this.#countsNext) {
      const message =
        "transaction: it takes what a loop has in hand, so it needs a 'for await' loop and processed: 'next', the default."
      throw new TidemarkError('INVALID_ARGUMENT', message)
    }
    checkTransaction(body, options)
    return await this.#consumption.transaction(body, options, this.#recordsInHand())
  }

  /**
   * Commits what is processed by now; survives a power loss when it resolves. Needed only with `commit: 'manual'`. It
   * works in the loop and after one that came to its end by itself. After one that was left by `break` or closed it can do
   * nothing more: it throws CLOSED where a record that was handed out is not committed.
   * @throws {TidemarkError} STALE_MEMBER_EPOCH, UNKNOWN_MEMBER_ID, FENCED_MEMBER_EPOCH (the partitions are others' now),
   * STORAGE_ERROR, OWNERSHIP_LOST, CLOSED
   */
  async commit(): Promise<void> {
    await this.#consumption.commit()
  }

  /** Hands out no more of these partitions (default: all it has) until `resume`. The others go on. */
  pause(partitions: readonly TopicPartition[] = this.assignment): void {
    checkOption('pause: partitions', partitions, PARTITIONS)
    this.#consumption.pause(partitions, true)
  }

  /** Hands out these partitions again (default: all it has). */
  resume(partitions: readonly TopicPartition[] = this.assignment): void {
    checkOption('resume: partitions', partitions, PARTITIONS)
    this.#consumption.pause(partitions, false)
  }

  /**
   * Goes on at another place of a partition it has, and commits that place from now on. What was handed out of the
   * partition before no longer counts, the record in hand included. Resolves when the next record comes from there.
   * @throws {TidemarkError} INVALID_ARGUMENT where it does not have the partition, OFFSET_OUT_OF_RANGE
   */
  async seek(partition: TopicPartition, position: Position): Promise<void> {
    const example = "seek({ topic: 'payments', partition: 0 }, 'earliest')"
    checkArgument('seek', 'a partition', partition, object('{ topic, partition }'), example)
    checkArgument('seek', 'a position', position, positionKind, example)
    await this.#consumption.seek(partition, position)
  }

  /**
   * Ends the loop, commits what is processed (unless `commit: 'manual'`) and leaves the group. What is in hand counts
   * only if it is done within `timeoutMs` (default 0). The commit survives a power loss when this resolves. Calling it
   * again does nothing.
   * @throws {TidemarkError} STORAGE_ERROR, OWNERSHIP_LOST, where the commit failed; REQUEST_TIMED_OUT, as leaving a loop does,
   *   where the process that owns the directory has not answered for 5 s: what was to be committed may be or not
   */
  async close(options: { readonly timeoutMs?: number } = {}): Promise<void> {
    checkOptions('close', options, CLOSE_KINDS)
    await this.#consumption.close(options.timeoutMs)
  }

  /** `await using`: the same as `close()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** What `JSON.stringify` shows of it. */
  toJSON(): object {
    const { group, assignment } = this
    return { group, assignment }
  }

  /** @internal What `console.log` shows of it. */
  [SHOW](depth: number | null, options: InspectOptions): string {
    const assignment = this.assignment.map(({ topic, partition }) => `${topic}-${partition}`)
    return printed('Consumer', { group: this.group, assignment }, depth, options)
  }

  #streamLoop(call: string): AsyncIterator<R, undefined> {
    if (this.#saysNext) {
      const message = `${call}: a stream asks for records ahead of its work. Leave out processed: 'next', and call record.done().`
      throw new TidemarkError('INVALID_ARGUMENT', message)
    }
    this.#countsNext = false
    this.#consumption.countDone()
    return this[Symbol.asyncIterator]()
  }

  #loopOptions(): LoopOptions {
    const { limit, maxUndone } = this.#options
    const countsNext = this.#countsNext
    return { limit, countsNext, maxUndone: countsNext ? Number.POSITIVE_INFINITY : maxUndone }
  }

  #use(): void {
    if (this.#isUsed) {
      throw new TidemarkError('INVALID_ARGUMENT', 'A consumer can be looped over once: call consume() again.')
    }
    this.#isUsed = true
  }
}
