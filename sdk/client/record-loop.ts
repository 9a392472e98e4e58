import { TidemarkError } from '../errors.ts'
import type { FetchedBatch } from './fetched-batch.ts'
import type { FetchedRecord } from './fetched-record.ts'
import type { LoopOptions, LoopSource } from './loop-source.ts'
import type { PartitionBuffer } from './partition-buffer.ts'

/**
 * Records handed out of one partition, and without looking at the clock. A body of 1 ms without an `await` keeps others
 * waiting for so many milliseconds. And since partitions take such short turns they move on together, so that the commit
 * that is due for one carries nearly as much of the others: with whole batches as turns it is 20 % more commit bytes.
 */
const RECORDS_PER_BREATH = 64

type Result<R> = IteratorResult<R, undefined>

/**
 * The iterator under `for await`, one record at a time. Written by hand: an async generator costs twice as much. While
 * the batch in `batch` has records, `next` answers from it and touches nothing else; whoever has a reason to stop that
 * calls `interrupt`.
 */
export class RecordLoop<R> implements AsyncIterator<R, undefined> {
  private readonly source: LoopSource
  private readonly options: LoopOptions
  private batch: FetchedBatch | undefined
  private buffer: PartitionBuffer | undefined
  /** With `countsNext`: the record whose body runs. */
  private inHand: FetchedRecord | undefined
  /** Those before it, where records were asked for without waiting for the one before. */
  private readonly alsoInHand: FetchedRecord[] = []
  private left: number
  private breath = RECORDS_PER_BREATH
  /** Calls of `next` that are looking for a record or wait behind one that does; the last of them. */
  private searches = 0
  private lastSearch: Promise<unknown> = Promise.resolve()
  private isStarted = false
  private isDone = false

  constructor(source: LoopSource, options: LoopOptions) {
    this.source = source
    this.options = options
    this.left = options.limit
  }

  next(): Promise<Result<R>> {
    const { inHand } = this
    if (inHand !== undefined) {
      this.inHand = undefined
      if (this.alsoInHand.length > 0) for (const record of this.alsoInHand.splice(0)) record.done()
      inHand.done()
    }
    if (this.searches === 0 && this.breath-- > 0) {
      const record = this.nextNow()
      if (record !== undefined) return Promise.resolve(this.handOut(record, this.batch!))
    }
    return this.searchInTurn()
  }

  /** The loop was left by `break`, `return` or an error: the record in hand does not count, unless it was `done()`. */
  async return(): Promise<Result<R>> {
    this.interrupt()
    this.isDone = true
    this.inHand = undefined
    await this.source.finish('left')
    return { done: true, value: undefined }
  }

  /** Those whose bodies run. */
  get recordsInHand(): readonly FetchedRecord[] {
    return this.inHand === undefined ? [] : [...this.alsoInHand, this.inHand]
  }

  /** The next record is looked for anew, wherever this one came from. */
  interrupt(): void {
    this.batch = undefined
    this.buffer = undefined
  }

  private handOut(record: FetchedRecord, batch: FetchedBatch): Result<R> {
    const { options } = this
    batch.prefix.handOut(record)
    if (options.countsNext) {
      if (this.inHand !== undefined) this.alsoInHand.push(this.inHand)
      this.inHand = record
    } else if (batch.prefix.undone >= options.maxUndone) this.interrupt()
    if (--this.left <= 0) this.interrupt()
    return { value: record as R, done: false }
  }

  private searchInTurn(): Promise<Result<R>> {
    const search = this.searches++ === 0 ? this.search() : this.lastSearch.then(() => this.search())
    this.lastSearch = search.catch(() => {})
    return search
  }

  private async search(): Promise<Result<R>> {
    try {
      if (this.isDone) return { done: true, value: undefined }
      if (!this.isStarted) {
        this.isStarted = true
        await this.source.start()
      }
      return await this.findOrEnd()
    } catch (error) {
      this.isDone = true
      await this.source.finish('failed')
      throw error
    } finally {
      // Before the caller goes on, so that its next call is answered from the batch at once.
      this.searches--
    }
  }

  private async findOrEnd(): Promise<Result<R>> {
    for (;;) {
      this.breath = RECORDS_PER_BREATH
      const breath = this.source.breathe()
      if (breath !== undefined) await breath
      if (this.left <= 0 || this.source.isOver) {
        this.isDone = true
        this.interrupt()
        await this.source.finish('ended')
        return { done: true, value: undefined }
      }
      this.interrupt()
      const record = this.nextNow()
      if (record !== undefined) return this.handOut(record, this.batch!)
      // Throws what stands between the loop and its next record, if anything does.
      if (this.source.take() === undefined) await this.source.wait()
    }
  }

  /** The next record if it is here already. Undefined otherwise, also where there is bad news: `search` tells it. */
  private nextNow(): FetchedRecord | undefined {
    try {
      return this.batch?.next() ?? this.nextOfAnother()
    } catch (error) {
      this.giveUpBatch(error)
      return undefined
    }
  }

  private nextOfAnother(): FetchedRecord | undefined {
    if (!this.isStarted || this.left <= 0 || this.source.isOver) return undefined
    for (;;) {
      if (this.batch !== undefined) this.buffer!.finish(this.batch)
      this.interrupt()
      this.buffer = this.source.take()
      this.batch = this.buffer?.take()
      if (this.batch === undefined) return undefined
      const record = this.batch.next()
      if (record !== undefined) return record
    }
  }

  /** Damage inside a batch: its partition's next `take` says so. Anything else is said by whoever said it, again. */
  private giveUpBatch(error: unknown): void {
    if (this.batch !== undefined && error instanceof TidemarkError) this.buffer!.abandon(this.batch, error)
    this.interrupt()
  }
}
