import type { InspectOptions } from 'node:util'
import type { Broker, DescribeClusterResponse } from './broker/broker.ts'
import type { RecoveryNote } from './broker/recovery-note.ts'
import { ClientContext } from './client/client-context.ts'
import type { ConsumeOptions } from './client/consume-options.ts'
import { Consumer } from './client/consumer.ts'
import { DeadLetters } from './client/dead-letters.ts'
import { Groups } from './client/groups.ts'
import { type LagOptions, type LagRow, readLag, type WatchLagOptions, watchLag } from './client/lag.ts'
import type { Logger } from './client/logger.ts'
import { checkArgument, listOf, object } from './client/option-check.ts'
import { printed, SHOW } from './client/printed.ts'
import { Table } from './client/table.ts'
import { type AnyTopic, type RecordOf, Topic, type TopicOptions } from './client/topic.ts'
import { type PatternOptions, TopicPattern } from './client/topic-pattern.ts'
import type { TopicRecord } from './client/topic-record.ts'
import { Topics } from './client/topics.ts'
import type { TransactionOptions } from './client/transaction.ts'
import { checkTransaction, type TransactionBody } from './client/transactions.ts'
import type { Environment } from './environment/environment.ts'
import { TidemarkError } from './errors.ts'
import { type Health, readHealth } from './inspect/health.ts'
import type { HealthOptions } from './inspect/health-options.ts'
import { Survey } from './inspect/survey.ts'

/** What `open` hands over. */
export interface TidemarkParts {
  readonly broker: Broker
  readonly environment: Environment
  readonly clientId: string
  readonly logger?: Logger | undefined
  readonly recovery: () => readonly RecoveryNote[]
  /** Whether anybody leads the groups now, so that their members can be alive. Default: yes. */
  readonly isLed?: () => boolean
  /** Lets go of the broker. */
  readonly release: () => Promise<void>
}

/** Options of a topic whose values are bytes. */
export type BytesTopicOptions = Omit<TopicOptions<string | null, Uint8Array>, 'value' | 'key'>

/**
 * An opened directory: its topics, its groups, how far they are. Made by `open`; `await using` closes it.
 */
export class Tidemark implements AsyncDisposable {
  /** Lists, describes, creates, grows, configures and deletes topics. */
  readonly topics: Topics
  /** Lists and describes groups; reads, writes and deletes what they committed. */
  readonly groups: Groups
  readonly #context: ClientContext
  readonly #recovery: () => readonly RecoveryNote[]
  readonly #release: () => Promise<void>
  readonly #isLed: () => boolean
  #closing: Promise<void> | undefined

  /** Use `open`. */
  constructor(parts: TidemarkParts) {
    this.#recovery = parts.recovery
    this.#release = parts.release
    this.#isLed = parts.isLed ?? (() => true)
    this.#context = new ClientContext(parts)
    this.topics = new Topics(this.#context)
    this.groups = new Groups(this.#context)
  }

  /**
   * What this process is to the directory: its 'owner', which writes the files; a 'neighbour', for which the owner, another
   * process, does all that; a 'follower' (opened with `readOnly`), which reads along. A neighbour becomes the owner when the
   * owner goes and it is the first to take its place.
   */
  get kind(): Broker['kind'] {
    return this.#context.broker.kind
  }

  /**
   * What had to be mended after a crash, is damaged or missing; empty if nothing. Grows: after an orderly stop a partition is
   * looked at when it is first used, after a crash all are when the directory is opened. It is the owner who mends: for all
   * others it is empty.
   */
  get recovery(): readonly RecoveryNote[] {
    return this.#recovery()
  }

  /**
   * A handle of a topic. Making one does nothing; the topic is created as declared when it is first sent to, consumed or
   * read.
   *
   * @throws {TidemarkError} INVALID_TOPIC, INVALID_ARGUMENT.
   */
  topic<const N extends string>(name: N, options?: BytesTopicOptions): Topic<N, string | null, Uint8Array>
  topic<const N extends string, VO, VI, KO = string | null, KI = KO>(
    name: N,
    options: TopicOptions<KO, VO, KI, VI>,
  ): Topic<N, KO, VO, KI, VI>
  topic<const N extends string>(name: N, options: BytesTopicOptions | TopicOptions<never, never> = {}): Topic<N> {
    return new Topic(this.#context, name, options as TopicOptions<string | null, Uint8Array>)
  }

  /**
   * One group over several topics; records are told apart by `record.topic`.
   *
   * @throws {TidemarkError} INVALID_ARGUMENT, INVALID_GROUP_ID.
   */
  consume<const T extends readonly AnyTopic[]>(topics: T, options: ConsumeOptions): Consumer<RecordOf<T[number]>>
  /**
   * One group over all topics whose names match, those included that are created while it runs; Kafka's own are not.
   * It is matched here, so it means the same everywhere, and waits where nothing matches yet.
   *
   * @throws {TidemarkError} INVALID_ARGUMENT, INVALID_GROUP_ID.
   */
  consume<VO = Uint8Array, KO = string | null>(
    pattern: RegExp,
    options: ConsumeOptions & PatternOptions<KO, VO>,
  ): Consumer<TopicRecord<string, KO, VO>>
  consume(
    topics: readonly AnyTopic[] | RegExp,
    options: ConsumeOptions & PatternOptions<unknown, unknown>,
  ): Consumer<unknown> {
    this.#context.checkOpen()
    if (topics instanceof RegExp) {
      const { key, value, ...rest } = Object(options) as typeof options
      return new Consumer(this.#context, new TopicPattern(topics, { key, value }), rest)
    }
    this.#checkTopics(topics)
    return new Consumer(this.#context, topics, options)
  }

  /**
   * The newest value of each key of a topic, in memory and kept up to date; resolves when it has all there is by now. Made
   * for topics with `cleanup.policy=compact`.
   *
   * @throws {TidemarkError} INVALID_ARGUMENT, UNKNOWN_TOPIC, CORRUPT_BATCH, DECODE_FAILED.
   */
  async table<N extends string, KO, VO, KI, VI>(
    topic: Topic<N, KO, VO, KI, VI>,
  ): Promise<Table<KO, Exclude<VO, null>, KI>> {
    const example = "table(tide.topic('settings', { value: nullable(json()) }))"
    checkArgument('table', 'a topic', topic, object('a topic'), example)
    this.#checkTopic('table', topic, example)
    return await Table.open(this.#context, topic)
  }

  /**
   * A topic that `run` sent dead letters to (`onFailure: { deadLetter }`): lists them, and sends them back.
   *
   * @throws {TidemarkError} INVALID_TOPIC.
   */
  deadLetters(topic: string): DeadLetters {
    return new DeadLetters(this.#context, topic)
  }

  /**
   * Which process owns the directory, and which others are connected to it. Those are not known (null) where the owner takes
   * no neighbours, such as a real broker, or does not answer.
   */
  async describeCluster(): Promise<DescribeClusterResponse> {
    return await this.#context.openBroker.describeCluster({})
  }

  /**
   * What `body` sends through `tx`, to any of the topics, becomes visible as a whole or not at all. When `body` throws, or the
   * process dies before it resolves, readers of committed records (the default) see nothing of it. Several may run at once.
   * To consume and send in one step there is `consumer.transaction`.
   *
   * @throws {TidemarkError} what `body` throws; PRODUCER_FENCED after `timeoutMs`; and as `topic.send`. Where the commit itself
   *   fails otherwise, as by STORAGE_ERROR, it may count or not.
   */
  async transaction<T>(body: TransactionBody<T>, options: TransactionOptions = {}): Promise<T> {
    checkTransaction(body, options)
    this.#context.checkOpen()
    return await this.#context.transactions.run(body, options)
  }

  /**
   * How far groups are behind: one row per group and partition that is committed or held, as Kafka's tools
   * print them. Partitions of its topics that a group never committed and no member holds have none. Commits are read
   * before the ends.
   *
   * @throws {TidemarkError} STORAGE_ERROR, CORRUPT_BATCH.
   */
  async lag(options: LagOptions = {}): Promise<LagRow[]> {
    return await readLag(this.#context, options)
  }

  /** The rows now, and again whenever one of them has changed (looked at every 250 ms), until the signal aborts. */
  watchLag(options: WatchLagOptions = {}): AsyncIterable<LagRow[]> {
    return watchLag(this.#context, options)
  }

  /**
   * Which groups are in trouble, by rules that name their evidence: stuck on a record, stalled, falling behind, nobody
   * there, retention about to delete what is unread, records lost and more; with rates, trend, the time until each has
   * caught up and the age of the oldest record it has not processed. Told from what is stored, so nothing needs to have
   * watched; only reads.
   *
   * @throws {TidemarkError} GROUP_NOT_FOUND, INVALID_ARGUMENT, STORAGE_ERROR, CORRUPT_BATCH.
   */
  async health(options: HealthOptions = {}): Promise<Health> {
    return await readHealth(this.#context, options, this.#isLed)
  }

  /**
   * For whoever looks at every group, or at one, again and again, as a screen does: each `look()` tells rows of lag and health of all
   * of them, and costs what has changed since the one before. Asks nothing between looks.
   *
   * @throws {TidemarkError} INVALID_ARGUMENT.
   */
  survey(options: HealthOptions = {}): Survey {
    return new Survey(this.#context, options, this.#isLed)
  }

  /**
   * Sends what was handed to `send`, commits and ends every consumer, and lets go of the directory; durable when it
   * resolves. Calling it again does nothing.
   *
   * Where another process owns the directory and does not answer, since it is stopped, it waits for 5 s and a goodbye of one
   * more, and then gives up: it rejects with REQUEST_TIMED_OUT where something was sent and not acknowledged or processed and
   * not committed.
   *
   * @throws {TidemarkError} STORAGE_ERROR, OWNERSHIP_LOST, REQUEST_TIMED_OUT.
   */
  close(): Promise<void> {
    this.#closing ??= this.#context.close().finally(this.#release)
    return this.#closing
  }

  /** What `JSON.stringify` shows of it. */
  toJSON(): object {
    const { kind, recovery } = this
    return { kind, recovery }
  }

  /** @internal What `console.log` shows of it. */
  [SHOW](depth: number | null, options: InspectOptions): string {
    return printed('Tidemark', this.toJSON(), depth, options)
  }

  #checkTopics(topics: unknown): void {
    const example = "consume([tide.topic('payments'), tide.topic('refunds')], { group: 'fraud' })"
    const kind = listOf('topics, or a RegExp', object('a topic'))
    checkArgument('consume', 'topics', topics, kind, example)
    for (const topic of topics as readonly unknown[]) this.#checkTopic('consume', topic, example)
  }

  #checkTopic(call: string, topic: unknown, example: string): void {
    if (Topic.belongs(topic, this.#context)) return
    const { name } = topic as { name?: unknown }
    const what = typeof name === 'string' ? `topic "${name}"` : 'one of the topics'
    const message = `${call}: ${what} is not of this Tidemark object. Make it with its own topic(): ${example}.`
    throw new TidemarkError('INVALID_ARGUMENT', message)
  }

  /** `await using`: the same as `close()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
