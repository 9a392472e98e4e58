import type { Isolation, TopicMetadata, TopicPartition } from '../broker/broker.ts'
import { TidemarkError } from '../errors.ts'
import { Breath } from './breath.ts'
import type { ClientContext, Finishable } from './client-context.ts'
import { DEFAULT_CONSUME, type OnDamage } from './consume-options.ts'
import { damageJudge } from './damage-judge.ts'
import { Fetcher } from './fetcher.ts'
import { keepingAlive } from './keep-alive.ts'
import type { LoopSource } from './loop-source.ts'
import {
  boolean,
  checkOptions,
  count,
  listOf,
  type OptionKinds,
  oneOf,
  position,
  signal,
  wholeNumber,
} from './option-check.ts'
import { PartitionBuffer } from './partition-buffer.ts'
import { offsetsAt, type PartitionOffset, type Position } from './position.ts'
import { ProcessedPrefix } from './processed.ts'
import { RecordLoop } from './record-loop.ts'
import { readableRange } from './start-positions.ts'
import type { ConsumedTopic } from './subscription.ts'

/** What of a topic is read, and how. Everything has a default. */
export interface ReadOptions {
  /** Where to start in every partition. Default 'earliest'. */
  readonly from?: Position | undefined
  /** Where to stop, this record not included. Default: nowhere with `follow`, else the end as it is at the start. */
  readonly to?: Position | undefined
  /**
   * Whether to wait for records that are still to come. Default true, since a topic has no end, unless `to` is given.
   * false: stops at the end as it is at the start.
   */
  readonly follow?: boolean | undefined
  /** Which partitions. Default: all. */
  readonly partitions?: readonly number[] | undefined
  /** The loop ends after this many records. Default: never. */
  readonly limit?: number | undefined
  /** Ends the loop quietly. */
  readonly signal?: AbortSignal | undefined
  /** 'read_uncommitted': records of open and aborted transactions are handed out, too. Default 'read_committed'. */
  readonly isolation?: Isolation | undefined
  /** What to do at damaged bytes. Default 'throw'. */
  readonly onDamage?: OnDamage | undefined
  /** Read ahead per partition, in bytes. Default 2 MiB. */
  readonly maxBufferedBytes?: number | undefined
}

/** A topic whose partitions can be asked for. */
export interface ReadTopic extends ConsumedTopic {
  partitions(): Promise<readonly TopicPartition[]>
}

const READ_KINDS: OptionKinds<ReadOptions> = {
  from: position,
  to: position,
  follow: boolean,
  partitions: listOf('partition numbers', wholeNumber(0)),
  limit: count(1),
  signal,
  isolation: oneOf('read_uncommitted', 'read_committed'),
  onDamage: oneOf('throw', 'skip'),
  maxBufferedBytes: count(1),
}

/** @throws {TidemarkError} INVALID_ARGUMENT */
export function checkReadOptions(options: ReadOptions): void {
  checkOptions('read', options, READ_KINDS)
}

/** One walk through a topic without a group: nothing is remembered, nothing committed. */
export class Reading implements LoopSource, Finishable {
  readonly #context: ClientContext
  readonly #topic: ReadTopic
  readonly #options: ReadOptions
  readonly #fetcher: Fetcher
  readonly #breath: Breath
  readonly #isolation: Isolation
  #onInterrupt: () => void = () => {}
  /** Called when everything that was fetched is handed out. */
  onWaiting: () => void = () => {}
  #isEnded = false
  #topicId: string | undefined
  #stopWatching: () => void = () => {}
  #failure: unknown

  constructor(context: ClientContext, topic: ReadTopic, options: ReadOptions) {
    this.#context = context
    this.#topic = topic
    this.#options = options
    this.#isolation = options.isolation ?? DEFAULT_CONSUME.isolation
    this.#breath = new Breath(context)
    this.#fetcher = new Fetcher(context, {
      isolation: this.#isolation,
      maxBufferedBytes: options.maxBufferedBytes ?? DEFAULT_CONSUME.maxBufferedBytes,
      onError: (buffer, error) => void this.#cannotFetch(buffer, error),
      onFailure: (error) => this.#fail(error),
    })
  }

  get isOver(): boolean {
    return (
      this.#isEnded || (this.#failure === undefined && this.#stops && this.#fetcher.buffers.every((b) => b.isFinished))
    )
  }

  /** The one loop over it. */
  loop<R>(): RecordLoop<R> {
    const loop = new RecordLoop<R>(this, {
      limit: this.#options.limit ?? Number.POSITIVE_INFINITY,
      countsNext: true,
      maxUndone: Number.POSITIVE_INFINITY,
    })
    this.#onInterrupt = () => loop.interrupt()
    return loop
  }

  /** Behind what was handed out of each partition, or was found to hold no records. */
  get positions(): readonly PartitionOffset[] {
    return this.#fetcher.buffers.map(({ topic, partition, position: offset }) => ({ topic, partition, offset }))
  }

  /** Where what can be read ends now, in every partition. */
  async ends(): Promise<readonly PartitionOffset[]> {
    return await offsetsAt(this.#context.openBroker, await this.#topic.partitions(), 'latest', this.#isolation)
  }

  async start(): Promise<void> {
    const { signal } = this.#options
    if (signal?.aborted === true) this.#isEnded = true
    if (this.#isEnded) return
    this.#context.addConsumer(this)
    signal?.addEventListener('abort', this.#end)
    await this.#topic.ensure()
    this.#topicId = (await this.#describe())?.topicId
    await this.#add(await this.#wantedPartitions(), this.#options.from ?? 'earliest')
    if (this.#isEnded) return
    this.#stopWatching = this.#context.broker.onTopicsChanged((names) => {
      if (names !== null && !names.includes(this.#topic.name)) return
      this.#lookAgain().catch((error: unknown) => this.#fail(error))
    })
    // What changed before somebody watched.
    await this.#lookAgain()
  }

  async #add(partitions: readonly TopicPartition[], from: Position): Promise<void> {
    const { broker, environment } = this.#context
    const starts = await offsetsAt(broker, partitions, from, this.#isolation)
    const ends = this.#stops ? await offsetsAt(broker, partitions, this.#options.to ?? 'latest', this.#isolation) : []
    const judge = damageJudge(environment, this.#options.onDamage ?? 'throw')
    const buffers = starts.map(({ topic, partition, offset }, index) => {
      const buffer = new PartitionBuffer(new ProcessedPrefix(topic, partition), this.#topic.serdes, offset, judge)
      buffer.endOffset = ends[index]?.offset ?? Number.POSITIVE_INFINITY
      return buffer
    })
    // A fetch says so by itself, but where the walk stops at the end there may be none.
    if (this.#stops && typeof from === 'object' && 'offset' in from) await this.#checkStarts(buffers)
    if (this.#isEnded) return
    for (const buffer of buffers) {
      if (!this.#fetcher.buffers.some(({ partition }) => partition === buffer.partition)) this.#fetcher.add(buffer)
    }
  }

  /** The topic may be gone, or another one by now, or have grown: what is new in it is read from its beginning. */
  async #lookAgain(): Promise<void> {
    const found = await this.#describe()
    if (this.#isEnded) return
    const { name } = this.#topic
    if (found?.topicId !== this.#topicId) {
      const message = `Topic "${name}" was deleted while it was read. Read it anew if there is one of that name again.`
      throw new TidemarkError('UNKNOWN_TOPIC', message, { topic: name })
    }
    if (this.#stops || this.#options.partitions !== undefined) return
    const known = this.#fetcher.buffers.map(({ partition }) => partition)
    const added = found!.partitions.filter(({ partition }) => !known.includes(partition))
    if (added.length === 0) return
    const { from = 'earliest' } = this.#options
    const isSince = typeof from === 'object' && 'timestampMs' in from
    await this.#add(
      added.map(({ partition }) => ({ topic: name, partition })),
      isSince ? from : 'earliest',
    )
  }

  async #describe(): Promise<TopicMetadata | undefined> {
    const { name } = this.#topic
    const { topics } = await this.#context.broker.metadata({ topics: [name] })
    return topics.find((topic) => topic.name === name)
  }

  take(): PartitionBuffer | undefined {
    if (this.#failure !== undefined) throw this.#failure
    return this.#fetcher.take(Number.POSITIVE_INFINITY)
  }

  async wait(): Promise<void> {
    this.onWaiting()
    // It may have come to its end just now, by passing what was left of the last batch: nothing would wake it.
    if (this.#failure !== undefined || this.isOver) return
    await keepingAlive(this.#context.environment.timers, this.#fetcher.changed())
  }

  breathe(): Promise<void> | undefined {
    return this.#breath.take()
  }

  async finish(): Promise<void> {
    await this.close()
  }

  async close(): Promise<void> {
    this.#end()
    this.#stopWatching()
    this.#fetcher.close()
    this.#options.signal?.removeEventListener('abort', this.#end)
    this.#context.removeConsumer(this)
  }

  get #stops(): boolean {
    return this.#options.to !== undefined || this.#options.follow === false
  }

  async #wantedPartitions(): Promise<readonly TopicPartition[]> {
    const all = await this.#topic.partitions()
    const wanted = this.#options.partitions
    if (wanted === undefined) return all
    for (const partition of wanted) {
      if (all.some((each) => each.partition === partition)) continue
      const { name } = this.#topic
      const message = `Topic "${name}" has the partitions 0 to ${all.length - 1}; ${partition} is none of them.`
      throw new TidemarkError('UNKNOWN_TOPIC', message, { topic: name, partition })
    }
    return all.filter(({ partition }) => wanted.includes(partition))
  }

  readonly #end = (): void => {
    this.#isEnded = true
    this.#onInterrupt()
    this.#fetcher.wake()
  }

  /** @throws {TidemarkError} OFFSET_OUT_OF_RANGE */
  async #checkStarts(buffers: readonly PartitionBuffer[]): Promise<void> {
    for (const buffer of buffers) {
      const range = await readableRange(this.#context.broker, buffer)
      if (buffer.fetchOffset < range[0] || buffer.fetchOffset > range[1]) throw outOfRange(buffer, range)
    }
  }

  async #cannotFetch(buffer: PartitionBuffer, error: TidemarkError): Promise<void> {
    try {
      // Whatever went wrong: the topic may be another one.
      await this.#lookAgain()
    } catch (gone) {
      return this.#fail(gone)
    }
    if (error.code !== 'OFFSET_OUT_OF_RANGE') return this.#fail(error)
    try {
      this.#fail(outOfRange(buffer, await readableRange(this.#context.broker, buffer), error))
    } catch {
      this.#fail(error)
    }
  }

  #fail(error: unknown): void {
    this.#failure ??= error
    this.#onInterrupt()
    this.#fetcher.wake()
  }
}

function outOfRange(buffer: PartitionBuffer, [start, end]: readonly [number, number], cause?: unknown): TidemarkError {
  const { topic, partition, fetchOffset: offset } = buffer
  const message = `Offset ${offset} of ${topic}-${partition} cannot be read: the log begins at ${start} and ends at ${end}.`
  return new TidemarkError('OFFSET_OUT_OF_RANGE', message, { topic, partition, offset, cause })
}
