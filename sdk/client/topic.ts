import type { Writable } from 'node:stream'
import type { InspectOptions } from 'node:util'
import type { TopicPartition } from '../broker/broker.ts'
import type { CodecName } from '../record/compression.ts'
import { noSuchTopic } from '../topic/topic-name.ts'
import type { ClientContext } from './client-context.ts'
import type { ConsumeOptions } from './consume-options.ts'
import { Consumer } from './consumer.ts'
import { DeclaredTopic, type TopicDeclaration } from './declared-topic.ts'
import type { Serdes } from './fetched-batch.ts'
import {
  checkArgument,
  checkOptions,
  count,
  listOf,
  type OptionKind,
  type OptionKinds,
  object,
  oneOf,
  position as positionKind,
  serde,
  signal,
  wholeNumber,
} from './option-check.ts'
import { offsetsAt, type PartitionOffset, type Position } from './position.ts'
import { printed, SHOW } from './printed.ts'
import { Producer, type RecordToSend, type SentAll, type SentBatch, type SentRecord } from './producer.ts'
import { checkReadOptions, Reading, type ReadOptions } from './reading.ts'
import { writableOf } from './record-stream.ts'
import type { LaneSource } from './send-lanes.ts'
import { bytes, defaultKey, type Serde } from './serde.ts'
import type { TopicRecord } from './topic-record.ts'

/** What a program says a topic is like, how its keys and values are written, and how they are sent. */
export interface TopicOptions<KO, VO, KI = KO, VI = VO> extends TopicDeclaration {
  /** Default: bytes as they are. */
  readonly value?: Serde<VO, VI> | undefined
  /** Default: text, or null. */
  readonly key?: Serde<KO, KI> | undefined
  /** How batches are compressed: 'gzip', 'snappy', 'lz4' or 'zstd'. Default 'none'. */
  readonly compression?: CodecName | undefined
  /** Un-awaited sends may hold this many bytes, then they fail with SEND_QUEUE_FULL. Default 64 MiB. */
  readonly maxQueuedBytes?: number | undefined
}

const DEFAULT_MAX_QUEUED_BYTES = 64 * 1024 * 1024
const TOPIC_KINDS: OptionKinds<TopicOptions<never, never>> = {
  value: serde,
  key: serde,
  compression: oneOf('none', 'gzip', 'snappy', 'lz4', 'zstd'),
  maxQueuedBytes: count(1),
  partitions: wholeNumber(1),
  create: oneOf('ifMissing', 'never'),
  configs: object("an object of texts, such as { 'retention.ms': '86400000' }"),
  survives: oneOf('power-loss', 'process-crash'),
}
const SEND_ALL_KINDS = { signal }
const RECORDS: OptionKind = {
  expected: 'a list, an iterable or a stream of records',
  accepts: (value) =>
    typeof value === 'object' && value !== null && (Symbol.iterator in value || Symbol.asyncIterator in value),
}

/**
 * A handle of a topic: records are sent through it, consumed by groups, or simply read. Making one does nothing; the
 * topic is created as declared by the first `send`, `consume` or `read`, in a directory, never on a cluster.
 */
export class Topic<N extends string = string, KO = string | null, VO = Uint8Array, KI = KO, VI = VO> {
  /** What it is called. */
  readonly name: N
  /** How its records are decoded. */
  readonly serdes: Serdes
  readonly #context: ClientContext
  readonly #options: TopicOptions<KO, VO, KI, VI>
  readonly #declared: DeclaredTopic
  #producer: Producer<N, KI, VI> | undefined

  /** @throws {TidemarkError} INVALID_TOPIC, INVALID_ARGUMENT */
  constructor(context: ClientContext, name: N, options: TopicOptions<KO, VO, KI, VI> = {}) {
    checkOptions('topic', options, TOPIC_KINDS)
    this.name = name
    this.serdes = {
      key: (options.key ?? defaultKey) as Serde<unknown, never>,
      value: (options.value ?? defaultValue) as Serde<unknown, never>,
    }
    this.#context = context
    this.#options = options
    this.#declared = new DeclaredTopic(context, name, options)
  }

  /**
   * Makes sure the topic is there as declared, before anything is sent or consumed.
   * @throws {TidemarkError} UNKNOWN_TOPIC, TOPIC_DIFFERS, INVALID_CONFIG, INVALID_PARTITIONS, READ_ONLY
   */
  async ensure(): Promise<{ created: boolean }> {
    return await this.#declared.ensure()
  }

  /**
   * Sends a record and resolves when it survives what the answer's `survives` says. Records sent in one go share a
   * batch and a flush. Order is kept per partition; a send that fails does not stop those behind it.
   * @throws {TidemarkError} ENCODE_FAILED, SEND_QUEUE_FULL, MESSAGE_TOO_LARGE, UNKNOWN_TOPIC, TOPIC_DIFFERS, STORAGE_ERROR
   */
  send(record: RecordToSend<KI, VI>): Promise<SentRecord<N>> {
    return this.#sending().send(record)
  }

  /**
   * Sends many records at once, cheaper than one by one: all of them are encoded before any is sent. Those of one
   * partition are one batch, so all or none of them survive, as long as they fit into `max.message.bytes`.
   * @throws {TidemarkError} as `send`
   */
  async sendBatch(records: readonly RecordToSend<KI, VI>[]): Promise<SentBatch<N>> {
    const example = 'sendBatch([{ value: … }, { value: … }])'
    checkArgument('sendBatch', 'records', records, listOf('records', object('')), example)
    return await this.#sending().sendBatch(records)
  }

  /**
   * Sends whatever an iterable or a stream gives, no faster than it can be written, and resolves when all of it survives.
   * After a failure it stops reading; what was sent before stays sent. When the signal aborts or the directory is closed
   * it ends at once, even while it waits for the source, whose `return()` is called; `error.sent` is what it had sent.
   * @throws {TidemarkError} as `send`, ABORTED, CLOSED
   */
  async sendAll(
    records: Iterable<RecordToSend<KI, VI>> | AsyncIterable<RecordToSend<KI, VI>>,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<SentAll<N>> {
    checkArgument('sendAll', 'records', records, RECORDS, 'sendAll(records)')
    checkOptions('sendAll', options, SEND_ALL_KINDS)
    return await this.#sending().sendAll(records, options.signal)
  }

  /**
   * A stream of Node's in object mode that sends what is written to it, as `sendAll` does: it takes no more than can be
   * written, emits 'finish' when all of it survives, and 'error' when something failed.
   */
  writable(): Writable {
    return writableOf((records: AsyncIterable<RecordToSend<KI, VI>>, signal) => this.sendAll(records, { signal }))
  }

  /** Resolves when every record handed to `send` is answered, however it was answered. */
  async flush(): Promise<void> {
    await this.#producer?.flush()
  }

  /**
   * A consumer of this topic for a group: `for await (const record of topic.consume({ group }))`.
   * @throws {TidemarkError} INVALID_ARGUMENT, INVALID_GROUP_ID
   */
  consume(options: ConsumeOptions): Consumer<TopicRecord<N, KO, VO>> {
    this.#context.checkOpen()
    return new Consumer(this.#context, [this], options)
  }

  /**
   * Reads records without a group: nothing is remembered. Each loop over it starts anew. With `follow` (the default) it
   * never ends by itself.
   * @throws {TidemarkError} INVALID_ARGUMENT; the loop: UNKNOWN_TOPIC, OFFSET_OUT_OF_RANGE, CORRUPT_BATCH
   */
  read(options: ReadOptions = {}): AsyncIterable<TopicRecord<N, KO, VO>> {
    checkReadOptions(options)
    return {
      [Symbol.asyncIterator]: () => new Reading(this.#context, this, options).loop<TopicRecord<N, KO, VO>>(),
    }
  }

  /** The offset of a position in every partition: where it begins, where it ends, what was first after a time. */
  async offsets(position: Position): Promise<PartitionOffset[]> {
    checkArgument('offsets', 'position', position, positionKind, "offsets('latest')")
    await this.ensure()
    return await offsetsAt(this.#context.broker, await this.partitions(), position)
  }

  /** @throws {TidemarkError} UNKNOWN_TOPIC */
  async partitions(): Promise<readonly TopicPartition[]> {
    this.#context.checkOpen()
    const found = await this.#declared.describe()
    if (found === undefined) throw noSuchTopic(this.name)
    return found.partitions.map(({ partition }) => ({ topic: this.name, partition }))
  }

  /** What `JSON.stringify` shows of it. */
  toJSON(): object {
    return { name: this.name }
  }

  /** @internal What `console.log` shows of it. */
  [SHOW](depth: number | null, options: InspectOptions): string {
    return printed('Topic', { name: this.name }, depth, options)
  }

  /** Whether this is a topic of the Tidemark object that has this context. */
  static belongs(topic: unknown, context: ClientContext): topic is AnyTopic {
    return typeof topic === 'object' && topic !== null && #context in topic && topic.#context === context
  }

  #sending(): Producer<N, KI, VI> {
    if (this.#producer !== undefined) return this.#producer
    this.#producer = this.producerIn(this.#context.lanes)
    this.#context.addProducer(this.#producer)
    return this.#producer
  }

  /** @internal Whether it is of the Tidemark object that has this context. */
  belongsTo(context: ClientContext): boolean {
    return this.#context === context
  }

  /** @internal What sends its records by lanes of somebody's own. */
  producerIn(lanes: LaneSource): Producer<N, KI, VI> {
    const { compression, maxQueuedBytes } = this.#options
    return new Producer<N, KI, VI>(this.#context, {
      lanes,
      topic: this.#declared,
      key: this.serdes.key as Serde<unknown, KI>,
      value: this.serdes.value as Serde<unknown, VI>,
      codec: compression ?? 'none',
      maxQueuedBytes: maxQueuedBytes ?? DEFAULT_MAX_QUEUED_BYTES,
    })
  }
}

/** A topic of any name, key and value. */
export type AnyTopic = Topic<string, unknown, unknown, never, never>

/** The records of a topic, or of any of several. */
export type RecordOf<T> =
  T extends Topic<infer N, infer KO, infer VO, infer _KI, infer _VI> ? TopicRecord<N, KO, VO> : never

/** What values are unless a topic says otherwise. */
export const defaultValue: Serde<Uint8Array> = bytes
