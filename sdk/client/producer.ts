import type { Survives } from '../broker/broker.ts'
import { TidemarkError } from '../errors.ts'
import type { CodecName } from '../record/compression.ts'
import type { Header } from '../record/header.ts'
import { Partitioner } from '../topic/partitioner.ts'
import { Breath } from './breath.ts'
import type { ClientContext, Finishable } from './client-context.ts'
import type { DeclaredTopic, TopicShape } from './declared-topic.ts'
import { nearestName } from './nearest-name.ts'
import { shown } from './option-check.ts'
import type { PartitionOffset } from './position.ts'
import { RecordSource } from './record-source.ts'
import type { LaneSource } from './send-lanes.ts'
import { type EncodedRecord, type PlaceInBatch, SendQueue } from './send-queue.ts'
import { Sending } from './sending.ts'
import { encode, type Serde } from './serde.ts'

/** A record to be sent. */
export interface RecordToSend<K, V> {
  /** Records with the same key go to the same partition, in order. Default null: any partition. */
  readonly key?: K | undefined
  /** null, where the topic's serde takes it, is a tombstone. */
  readonly value: V
  /** Default: chosen by the key as Kafka's producer does. */
  readonly partition?: number | undefined
  /** Milliseconds since 1970. Default now. */
  readonly timestampMs?: number | undefined
  /** Default: none. */
  readonly headers?: HeadersToSend | undefined
}

/** Text becomes UTF-8. */
export type HeaderValue = string | Uint8Array | null

/** A list, in which keys may repeat, or an object. */
export type HeadersToSend =
  | readonly { readonly key: string; readonly value: HeaderValue }[]
  | Readonly<Record<string, HeaderValue>>

/** Where a record went, and what it survives from now on. */
export interface SentRecord<N extends string = string> {
  /** Where it went. */
  readonly topic: N
  /** The partition of it. */
  readonly partition: number
  /** Its number in the partition. */
  readonly offset: number
  /** Milliseconds since 1970: as sent or, with `message.timestamp.type=LogAppendTime`, as stored. */
  readonly timestampMs: number
  /** What it survives from now on. */
  readonly survives: Survives
}

/** Where the records of `sendBatch` went: `partitions[i]` and `offsets[i]` belong to the i-th record. */
export interface SentBatch<N extends string = string> {
  /** Where they went. */
  readonly topic: N
  /** The partition of each record, in the order sent. */
  readonly partitions: readonly number[]
  /** The offset of each record in its partition, in the order sent. */
  readonly offsets: readonly number[]
  /** What all of them survive from now on. */
  readonly survives: Survives
}

/** What `sendAll` did. */
export interface SentAll<N extends string = string> {
  /** Where they went. */
  readonly topic: N
  /** How many records were sent. */
  readonly count: number
  /** The last offset it wrote in each partition it wrote to. */
  readonly lastOffsets: readonly PartitionOffset[]
}

export interface ProducerOptions<KI, VI> {
  readonly topic: DeclaredTopic
  readonly key: Serde<unknown, KI>
  readonly value: Serde<unknown, VI>
  readonly codec: CodecName
  readonly maxQueuedBytes: number
  readonly lanes: LaneSource
}

/** Two varints, a varlong and what else a record needs besides its bytes, at most. */
const RECORD_OVERHEAD_BYTES = 36
const HEADER_OVERHEAD_BYTES = 10
/** Enough to keep several batches under way. */
const SEND_ALL_QUEUED_BYTES = 8 * 1024 * 1024
const RECORD_FIELDS = ['key', 'value', 'partition', 'timestampMs', 'headers']
const RECORDS_PER_BREATH = 256

/** Sends the records of one topic handle: encodes, chooses partitions, hands over to the queue. */
export class Producer<N extends string, KI, VI> implements Finishable {
  readonly #context: ClientContext
  readonly #options: ProducerOptions<KI, VI>
  readonly #partitioner: Partitioner
  readonly #queue: SendQueue
  #shape: TopicShape | undefined
  /** Sends that wait for the topic, in order. */
  #waiting: { readonly go: () => void; readonly fail: (error: unknown) => void }[] = []
  #isPreparing = false
  readonly #stopWatching: () => void
  /** Ends each `sendAll` that is under way. */
  readonly #interrupts = new Set<(reason: TidemarkError) => void>()
  #isClosed = false

  constructor(context: ClientContext, options: ProducerOptions<KI, VI>) {
    this.#context = context
    this.#options = options
    this.#partitioner = new Partitioner(context.environment.random)
    this.#queue = new SendQueue(context, {
      topic: options.topic.name,
      codec: options.codec,
      lanes: options.lanes,
      onUnknownTopic: () => this.#forgetShape(),
    })
    this.#stopWatching = context.broker.onTopicsChanged((names) => {
      if (names === null || names.includes(options.topic.name)) this.#forgetShape()
    })
  }

  send(record: RecordToSend<KI, VI>): Promise<SentRecord<N>> {
    try {
      const encoded = this.#encode(record, this.#context.environment.clock.nowMs())
      this.#reserve(encoded.sizeBytes, 1)
      if (this.#shape !== undefined) return this.#sendNow(record.partition, encoded)
      return this.#whenReady(encoded.sizeBytes, () => this.#sendNow(record.partition, encoded))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  async sendBatch(records: readonly RecordToSend<KI, VI>[]): Promise<SentBatch<N>> {
    const nowMs = this.#context.environment.clock.nowMs()
    const encoded = records.map((record) => this.#encode(record, nowMs))
    const sizeBytes = encoded.reduce((sum, each) => sum + each.sizeBytes, 0)
    this.#reserve(sizeBytes, records.length)
    const append = () => this.#appendAll(records, encoded, sizeBytes)
    const places = this.#shape !== undefined ? append() : await this.#whenReady(sizeBytes, append)
    const partitions: number[] = []
    const offsets: number[] = []
    let survives: Survives = 'power-loss'
    for (const { batch, index } of places) {
      const receipt = batch.receipt ?? (await batch.sent)
      partitions.push(batch.partition)
      offsets.push(receipt.baseOffset + index)
      if (receipt.survives !== 'power-loss') survives = receipt.survives
    }
    return { topic: this.#options.topic.name as N, partitions, offsets, survives }
  }

  async sendAll(
    records: Iterable<RecordToSend<KI, VI>> | AsyncIterable<RecordToSend<KI, VI>>,
    signal: AbortSignal | undefined,
  ): Promise<SentAll<N>> {
    this.#checkOpen()
    const topic = this.#options.topic.name as N
    const source = new RecordSource(records)
    const sending = new Sending()
    sending.onFailure = (error) => source.stop(error)
    const reasons: TidemarkError[] = []
    const interrupt = (reason: TidemarkError) => {
      reasons.push(reason)
      source.stop(reason)
    }
    const abort = () => {
      interrupt(new TidemarkError('ABORTED', 'sendAll was aborted by its signal.', { cause: signal?.reason }))
    }
    if (signal?.aborted === true) abort()
    signal?.addEventListener('abort', abort)
    this.#interrupts.add(interrupt)
    try {
      await this.#drain(source, sending)
    } catch (error) {
      const reason = reasons.find((each) => each === error)
      if (reason === undefined) throw error
      await sending.settled()
      throw sending.interrupted(reason, topic)
    } finally {
      signal?.removeEventListener('abort', abort)
      this.#interrupts.delete(interrupt)
    }
    return { topic, count: sending.count, lastOffsets: sending.lastOffsets(topic) }
  }

  async #drain(source: RecordSource<RecordToSend<KI, VI>>, sending: Sending): Promise<void> {
    const breath = new Breath(this.#context)
    try {
      await this.#ready()
      for (;;) {
        const next = source.next()
        const { done, value } = next instanceof Promise ? await next : next
        if (done === true) break
        if (this.#shape === undefined) await this.#ready()
        if (!this.#add(value, sending)) continue
        if (this.#queue.queuedBytes > SEND_ALL_QUEUED_BYTES) await this.#queue.drained(SEND_ALL_QUEUED_BYTES / 2)
        await breath.take()
      }
    } catch (error) {
      await source.leave()
      throw error
    } finally {
      this.#queue.flush()
    }
    await this.#queue.drained(0)
    await sending.settled()
  }

  /** Resolves when everything handed over is answered, however it was answered. */
  async flush(): Promise<void> {
    await this.#queue.drained(0)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#stopWatching()
    for (const interrupt of this.#interrupts) interrupt(this.#closed())
    await this.flush()
  }

  #encode(record: RecordToSend<KI, VI>, nowMs: number): EncodedRecord {
    const { topic, key: keySerde, value: valueSerde } = this.#options
    if (record?.value === undefined) throw withoutValue(record, topic.name)
    const key = encode(keySerde, record.key, 'key', topic.name)
    const value = encode(valueSerde, record.value, 'value', topic.name)
    const timestampMs = record.timestampMs ?? nowMs
    if (!Number.isSafeInteger(timestampMs)) {
      throw new TidemarkError('INVALID_ARGUMENT', `timestampMs is ${timestampMs}; it must be whole milliseconds.`)
    }
    let sizeBytes = RECORD_OVERHEAD_BYTES + (key === null ? 0 : key.length) + (value === null ? 0 : value.length)
    if (record.headers === undefined) return { key, value, headers: undefined, timestampMs, sizeBytes }
    const headers = headersOf(record.headers, topic.name)
    for (const header of headers) {
      sizeBytes += HEADER_OVERHEAD_BYTES + Buffer.byteLength(header.key) + (header.value?.length ?? 0)
    }
    return { key, value, headers, timestampMs, sizeBytes }
  }

  #checkOpen(): void {
    if (this.#isClosed) throw this.#closed()
  }

  #closed(): TidemarkError {
    return new TidemarkError('CLOSED', `Topic "${this.#options.topic.name}" was closed: nothing more can be sent.`)
  }

  /** @throws {TidemarkError} SEND_QUEUE_FULL, CLOSED */
  #reserve(sizeBytes: number, records: number): void {
    this.#checkOpen()
    const { queuedBytes } = this.#queue
    const { maxQueuedBytes } = this.#options
    if (queuedBytes > 0 && queuedBytes + sizeBytes > maxQueuedBytes) {
      const message =
        `${queuedBytes} bytes wait to be sent; with ${records === 1 ? 'this record' : `these ${records} records`} it would be ` +
        `more than maxQueuedBytes (${maxQueuedBytes}). Await what send() returns, or use sendAll().`
      throw new TidemarkError('SEND_QUEUE_FULL', message, { topic: this.#options.topic.name })
    }
    this.#queue.reserve(sizeBytes)
  }

  /** @throws {TidemarkError} UNKNOWN_TOPIC where there is no such partition */
  #choose(partition: number | undefined, record: EncodedRecord): number {
    const { partitionCount } = this.#shape!
    if (partition === undefined) return this.#partitioner.partition(record.key, record.sizeBytes, partitionCount)
    if (Number.isInteger(partition) && partition >= 0 && partition < partitionCount) return partition
    const { name } = this.#options.topic
    const message = `Topic "${name}" has the partitions 0 to ${partitionCount - 1}; ${partition} is none of them.`
    throw new TidemarkError('UNKNOWN_TOPIC', message, { topic: name, partition })
  }

  /** One record of `sendAll`; true every now and then, when it is time to see how it goes. */
  #add(record: RecordToSend<KI, VI>, sending: Sending): boolean {
    const encoded = this.#encode(record, this.#context.environment.clock.nowMs())
    const partition = this.#choose(record.partition, encoded)
    this.#queue.reserve(encoded.sizeBytes)
    sending.add(this.#queue.append(partition, encoded, 'turn').batch)
    return sending.count % RECORDS_PER_BREATH === 0 || this.#queue.queuedBytes > SEND_ALL_QUEUED_BYTES
  }

  #sendNow(partition: number | undefined, record: EncodedRecord): Promise<SentRecord<N>> {
    const { batch, index } = this.#appendAll([{ partition }], [record], record.sizeBytes)[0]!
    return batch.sent.then(({ baseOffset, logAppendTimeMs, survives }) => ({
      topic: this.#options.topic.name as N,
      partition: batch.partition,
      offset: baseOffset + index,
      timestampMs: logAppendTimeMs >= 0 ? logAppendTimeMs : record.timestampMs,
      survives,
    }))
  }

  /** Appends all of them or, where one names a wrong partition, none. */
  #appendAll(
    asked: readonly { readonly partition?: number | undefined }[],
    records: readonly EncodedRecord[],
    reservedBytes: number,
  ): PlaceInBatch[] {
    try {
      const partitions = records.map((record, index) => this.#choose(asked[index]!.partition, record))
      return records.map((record, index) => this.#queue.append(partitions[index]!, record, 'tick'))
    } catch (error) {
      this.#queue.release(reservedBytes)
      throw error
    }
  }

  /** Runs `action` as soon as the topic is there, in the order of the calls. */
  #whenReady<T>(reservedBytes: number, action: () => T | Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const go = () => {
        try {
          resolve(action())
        } catch (error) {
          reject(error)
        }
      }
      const fail = (error: unknown) => {
        this.#queue.release(reservedBytes)
        reject(error)
      }
      this.#waiting.push({ go, fail })
      void this.#prepare()
    })
  }

  async #ready(): Promise<void> {
    if (this.#shape === undefined) await this.#whenReady(0, () => undefined)
  }

  async #prepare(): Promise<void> {
    if (this.#isPreparing) return
    this.#isPreparing = true
    try {
      const shape = await this.#options.topic.shape()
      await this.#options.lanes.ready()
      this.#accept(shape)
      for (const { go } of this.#waiting.splice(0)) go()
    } catch (error) {
      for (const { fail } of this.#waiting.splice(0)) fail(error)
    } finally {
      this.#isPreparing = false
    }
  }

  #accept(shape: TopicShape): void {
    this.#shape = shape
    this.#queue.limitBatches(shape.maxMessageBytes)
  }

  /** The next send asks, and creates the topic anew where it is gone. */
  #forgetShape(): void {
    this.#shape = undefined
    this.#options.topic.forget()
  }
}

/** A tombstone deletes what was known of its key, so it is never what a misspelt name sends. */
function withoutValue(record: unknown, topic: string): TidemarkError {
  const example = 'send({ key: …, value: … })'
  if (typeof record !== 'object' || record === null) {
    return new TidemarkError('INVALID_ARGUMENT', `A record is an object, not ${shown(record)}: ${example}.`, { topic })
  }
  const near = Object.keys(record).find((name) => nearestName(name, RECORD_FIELDS) === 'value')
  const hint = near === undefined || near === 'value' ? '' : ` Did you mean value by ${near}?`
  const message = `A record for topic "${topic}" has no value.${hint} A tombstone says so: { key, value: null }.`
  return new TidemarkError('ENCODE_FAILED', message, { topic })
}

/** Of a `Map` or a fetch's `Headers` nothing would be sent, without a word. */
function isObjectOfHeaders(headers: unknown): headers is Readonly<Record<string, HeaderValue>> {
  return typeof headers === 'object' && headers !== null && !(Symbol.iterator in headers)
}

function noHeaders(headers: unknown, topic: string): never {
  const message = `The headers of a record are ${shown(headers)}; they must be an object such as { trace: 'abc' }, or a list of { key, value }.`
  throw new TidemarkError('ENCODE_FAILED', message, { topic })
}

/** Kafka allows a header key to repeat, an object does not: both are taken. @throws {TidemarkError} ENCODE_FAILED */
function headersOf(headers: HeadersToSend, topic: string): readonly Header[] {
  const entries = Array.isArray(headers)
    ? headers.map((header: Partial<Header> | null) => [header?.key, header?.value] as const)
    : Object.entries(isObjectOfHeaders(headers) ? headers : noHeaders(headers, topic))
  return entries.map(([key, value]) => {
    if (typeof key !== 'string')
      throw new TidemarkError('ENCODE_FAILED', 'The key of a header must be text.', { topic })
    if (value === null || value instanceof Uint8Array) return { key, value }
    if (typeof value === 'string') return { key, value: Buffer.from(value, 'utf8') }
    const message = `The header "${key}" is ${typeof value}; it must be text, bytes or null.`
    throw new TidemarkError('ENCODE_FAILED', message, { topic })
  })
}
