import { TidemarkError } from '../errors.ts'
import { BatchBuilder } from '../record/batch-builder.ts'
import type { CodecName } from '../record/compression.ts'
import type { Header } from '../record/header.ts'
import type { ClientContext } from './client-context.ts'
import { watchSend } from './diagnostics.ts'
import { PendingBatch } from './pending-batch.ts'
import type { SendLane } from './send-lane.ts'
import type { LaneSource } from './send-lanes.ts'

/** A record as bytes, with what it will take in a batch at most. */
export interface EncodedRecord {
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: readonly Header[] | undefined
  readonly timestampMs: number
  readonly sizeBytes: number
}

export interface SendQueueOptions {
  readonly topic: string
  readonly codec: CodecName
  readonly lanes: LaneSource
  /** The topic was not there. */
  readonly onUnknownTopic: () => void
}

/** How long a record waits for others: until the current tick is over, or until the event loop turns. */
export type Linger = 'tick' | 'turn'

export interface PlaceInBatch {
  readonly batch: PendingBatch
  readonly index: number
}

/** What waits for one partition. */
interface PartitionQueue {
  readonly partition: number
  readonly builder: BatchBuilder
  /** Being filled. */
  open: PendingBatch | undefined
  /** Full, and too many are under way. */
  readonly full: PendingBatch[]
  readonly lane: SendLane
  /** Called when the lane has room. */
  readonly onFree: () => void
}

/** Larger batches are not faster; more records a batch than this save nothing. */
const MAX_BATCH_BYTES = 1024 * 1024
/** What compressing may add where it saves nothing. */
const COMPRESSION_RESERVE = 0.01

/**
 * Gathers the records of one topic into a batch per partition. What is sent in one go, before anything is awaited,
 * goes out together; while batches are under way the next one fills.
 */
export class SendQueue {
  readonly #context: ClientContext
  readonly #options: SendQueueOptions
  private readonly queues: (PartitionQueue | undefined)[] = []
  private readonly touched: PartitionQueue[] = []
  private isScheduled = false
  private maxBatchBytes = MAX_BATCH_BYTES
  /** Bytes handed over and not answered yet. */
  queuedBytes = 0
  #draining: { readonly toBytes: number; readonly resolve: () => void }[] = []

  constructor(context: ClientContext, options: SendQueueOptions) {
    this.#context = context
    this.#options = options
  }

  /** The broker refuses larger batches. One record alone may be larger here: it is for the broker to judge. */
  limitBatches(maxMessageBytes: number): void {
    const limit = Math.min(MAX_BATCH_BYTES, maxMessageBytes)
    this.maxBatchBytes = this.#options.codec === 'none' ? limit : Math.floor(limit * (1 - COMPRESSION_RESERVE))
  }

  /** Counts bytes in before they are appended. */
  reserve(sizeBytes: number): void {
    this.queuedBytes += sizeBytes
  }

  /** Counts bytes out that will not be appended after all. */
  release(sizeBytes: number): void {
    this.queuedBytes -= sizeBytes
    if (this.#draining.length > 0) this.#wakeDrained()
  }

  /**
   * Adds a reserved record. It goes out as soon as the program awaits something ('tick') or, where every record of a
   * source comes in a tick of its own, when the event loop turns ('turn').
   */
  append(partition: number, record: EncodedRecord, linger: Linger): PlaceInBatch {
    const queue = this.queueOf(partition)
    const { builder } = queue
    if (queue.open !== undefined && builder.sizeBytes + record.sizeBytes > this.maxBatchBytes) {
      queue.full.push(this.seal(queue, queue.open))
      this.send(queue)
    }
    if (queue.open === undefined) {
      queue.open = this.openBatch(partition)
      this.touched.push(queue)
      this.schedule(linger)
    }
    builder.append(record.key, record.value, record.headers, record.timestampMs)
    queue.open.queuedBytes += record.sizeBytes
    return { batch: queue.open, index: queue.open.recordCount++ }
  }

  private queueOf(partition: number): PartitionQueue {
    const known = this.queues[partition]
    if (known !== undefined) return known
    const { topic, codec, lanes } = this.#options
    const queue: PartitionQueue = {
      partition,
      builder: new BatchBuilder({ codec }),
      open: undefined,
      full: [],
      lane: lanes.lane(topic, partition),
      onFree: () => this.send(queue),
    }
    this.queues[partition] = queue
    return queue
  }

  private openBatch(partition: number): PendingBatch {
    const batch = new PendingBatch(partition)
    batch.onAnswer = (error) => {
      if (error instanceof TidemarkError && error.code === 'UNKNOWN_TOPIC') this.#options.onUnknownTopic()
      this.release(batch.queuedBytes)
    }
    return batch
  }

  /** Resolves when at most `toBytes` are unanswered, however the answers were. */
  drained(toBytes: number): Promise<void> {
    if (this.queuedBytes <= toBytes) return Promise.resolve()
    return new Promise((resolve) => this.#draining.push({ toBytes, resolve }))
  }

  /** Sends what waits for more, as far as it may be under way. */
  flush(): void {
    for (const queue of this.touched.splice(0)) this.send(queue)
  }

  private schedule(linger: Linger): void {
    if (linger === 'tick') queueMicrotask(() => this.flush())
    else if (!this.isScheduled) {
      this.isScheduled = true
      void this.#context.environment.timers.yield().then(() => {
        this.isScheduled = false
        this.flush()
      })
    }
  }

  /** The records of the open batch as they will be stored; the builder is free for the next. */
  private seal(queue: PartitionQueue, batch: PendingBatch): PendingBatch {
    queue.open = undefined
    try {
      batch.bytes = queue.builder.build({
        hasCrc: false,
        isTransactional: this.#options.lanes.transactionalId !== undefined,
      })
    } finally {
      queue.builder.reset()
    }
    return batch
  }

  /** Sends what there is, as far as it may be under way. */
  private send(queue: PartitionQueue): void {
    const { lane } = queue
    while (lane.isFree) {
      const batch = queue.full.shift() ?? (queue.open === undefined ? undefined : this.seal(queue, queue.open))
      if (batch === undefined) return
      watchSend(batch.sent, this.#context.environment.clock, {
        topic: this.#options.topic,
        partition: batch.partition,
        records: batch.recordCount,
      })
      lane.send(batch)
    }
    if (queue.open !== undefined || queue.full.length > 0) lane.whenFree(queue.onFree)
  }

  #wakeDrained(): void {
    const waiting = this.#draining
    this.#draining = waiting.filter(({ toBytes }) => this.queuedBytes > toBytes)
    for (const { toBytes, resolve } of waiting) if (this.queuedBytes <= toBytes) resolve()
  }
}
