import type { Timers } from '../environment/environment.ts'
import { TidemarkError } from '../errors.ts'
import type { FetchedBatch } from './fetched-batch.ts'
import type { FetchedRecord } from './fetched-record.ts'
import type { LoopOptions, LoopSource } from './loop-source.ts'
import type { PartitionBuffer } from './partition-buffer.ts'
import { TopicBatch } from './topic-batch.ts'

export interface BatchLoopOptions extends LoopOptions {
  readonly maxRecords: number
  /** How long a batch waits to be filled. */
  readonly maxWaitMs: number
}

type Result<R> = IteratorResult<TopicBatch<R>, undefined>

/** The iterator under `for await (const batch of consumer.batches())`. */
export class BatchLoop<R> implements AsyncIterator<TopicBatch<R>, undefined> {
  readonly #source: LoopSource
  readonly #timers: Timers
  readonly #options: BatchLoopOptions
  /** With `countsNext`: the batch whose body runs. */
  #inHand: TopicBatch<R> | undefined
  #left: number
  #lastSearch: Promise<unknown> = Promise.resolve()
  #isStarted = false
  #isDone = false

  constructor(source: LoopSource, timers: Timers, options: BatchLoopOptions) {
    this.#source = source
    this.#timers = timers
    this.#options = options
    this.#left = options.limit
  }

  next(): Promise<Result<R>> {
    this.#inHand?.done()
    this.#inHand = undefined
    const search = this.#lastSearch.then(() => this.#search())
    this.#lastSearch = search.catch(() => {})
    return search
  }

  /** The loop was left: the batch in hand does not count, but for what was `done()`. */
  async return(): Promise<Result<R>> {
    this.#isDone = true
    this.#inHand = undefined
    await this.#source.finish('left')
    return { done: true, value: undefined }
  }

  /** Those of the batch whose body runs. */
  get recordsInHand(): readonly FetchedRecord[] {
    return (this.#inHand?.records ?? []) as readonly unknown[] as readonly FetchedRecord[]
  }

  async #search(): Promise<Result<R>> {
    if (this.#isDone) return { done: true, value: undefined }
    try {
      if (!this.#isStarted) {
        this.#isStarted = true
        await this.#source.start()
      }
      for (;;) {
        const breath = this.#source.breathe()
        if (breath !== undefined) await breath
        if (this.#left <= 0 || this.#source.isOver) break
        const buffer = this.#source.take()
        if (buffer === undefined) await this.#source.wait()
        else {
          const { restarts } = buffer.prefix
          const records = await this.#collect(buffer)
          const isWanted = buffer.prefix.isOpen && buffer.prefix.restarts === restarts
          if (records.length > 0 && isWanted) return this.#handOut(buffer, records)
        }
      }
      this.#isDone = true
      await this.#source.finish('ended')
      return { done: true, value: undefined }
    } catch (error) {
      this.#isDone = true
      await this.#source.finish('failed')
      throw error
    }
  }

  #handOut(buffer: PartitionBuffer, records: readonly FetchedRecord[]): Result<R> {
    this.#left -= records.length
    const batch = new TopicBatch<R>(buffer.prefix, records)
    if (this.#options.countsNext) this.#inHand = batch
    return { value: batch, done: false }
  }

  /** What there is of one partition and, with `maxWaitMs`, what comes soon, up to `maxRecords`. */
  async #collect(buffer: PartitionBuffer): Promise<FetchedRecord[]> {
    const { maxRecords, maxUndone, maxWaitMs } = this.#options
    const wanted = Math.min(maxRecords, this.#left, maxUndone - buffer.prefix.undone)
    const records: FetchedRecord[] = []
    collectNow(buffer, wanted, records)
    if (records.length === wanted || maxWaitMs <= 0) return records
    let isLate = false
    const deadline = Promise.withResolvers<void>()
    const timer = this.#timers.after(maxWaitMs, () => {
      isLate = true
      deadline.resolve()
    })
    while (records.length < wanted && !isLate && !buffer.isRemoved && !this.#source.isOver && !buffer.isFinished) {
      await Promise.race([this.#source.wait(), deadline.promise])
      collectNow(buffer, wanted, records)
    }
    timer.cancel()
    return records
  }
}

/** Damage ends the batch; it is told when the next one is asked for. */
function collectNow(buffer: PartitionBuffer, wanted: number, records: FetchedRecord[]): void {
  if (buffer.isRemoved) return
  try {
    for (let batch = buffer.take(); batch !== undefined; batch = buffer.take()) {
      collectFrom(batch, buffer, wanted, records)
      if (records.length === wanted) return
      buffer.finish(batch)
    }
  } catch (error) {
    if (records.length === 0) throw error
  }
}

function collectFrom(batch: FetchedBatch, buffer: PartitionBuffer, wanted: number, records: FetchedRecord[]): void {
  try {
    while (records.length < wanted) {
      const record = batch.next()
      if (record === undefined) return
      buffer.prefix.handOut(record)
      records.push(record)
    }
  } catch (error) {
    if (!(error instanceof TidemarkError)) throw error
    buffer.abandon(batch, error)
  }
}
