import type { FetchedPartition } from '../broker/broker.ts'
import { fromPartitionError } from '../broker/partition-error.ts'
import { TidemarkError } from '../errors.ts'
import { BATCH_HEADER_BYTES, RecordBatch } from '../record/record-batch.ts'
import { AbortedTransactions } from './aborted-transactions.ts'
import { FetchedBatch, type Serdes } from './fetched-batch.ts'
import type { ProcessedPrefix } from './processed.ts'

/** One answer's bytes, and how far they were handed out. */
interface Chunk {
  readonly bytes: Buffer
  position: number
  readonly aborted: AbortedTransactions
}

/** Where the log cannot be read, and where it goes on, as far as that is known. */
interface Damage {
  readonly error: TidemarkError
  readonly nextOffset: number | undefined
}

/** Told what stands between the loop and its next record: throws, or returns to go on at `toOffset`. */
export type DamageJudge = (
  problem: TidemarkError,
  place: { readonly topic: string; readonly partition: number },
  fromOffset: number,
  toOffset: number | undefined,
) => void

/**
 * What was fetched of one partition and not handed out yet. Bytes are checked when their turn comes, so records before
 * a damaged batch are handed out before the damage is told.
 */
export class PartitionBuffer {
  readonly prefix: ProcessedPrefix
  readonly serdes: Serdes
  /** The next offset to ask for. */
  fetchOffset: number
  /** Where the next batch to hand out begins at the earliest. */
  position: number
  /** Records from here on are not wanted. */
  endOffset = Number.POSITIVE_INFINITY
  /** The end of what could be read, when it was last asked for. */
  readableEnd = Number.POSITIVE_INFINITY
  bufferedBytes = 0
  /** Nothing is handed out, what is buffered stays. */
  isPaused = false
  /** Given up: whoever still holds it is to forget it. */
  isRemoved = false
  readonly #judge: DamageJudge
  #chunks: Chunk[] = []
  #open: FetchedBatch | undefined
  #damage: Damage | undefined

  constructor(prefix: ProcessedPrefix, serdes: Serdes, offset: number, judge: DamageJudge) {
    this.prefix = prefix
    this.serdes = serdes
    this.fetchOffset = offset
    this.position = offset
    this.#judge = judge
  }

  get topic(): string {
    return this.prefix.topic
  }

  get partition(): number {
    return this.prefix.partition
  }

  /** Whether everything that is wanted was handed out. */
  get isFinished(): boolean {
    return this.#open === undefined && this.position >= this.endOffset
  }

  /** Whether there was nothing more to read when it was last asked. */
  get isCaughtUp(): boolean {
    return this.#open === undefined && this.#chunks.length === 0 && this.fetchOffset >= this.readableEnd
  }

  /** Whether `take` may have something, be it bad news. */
  get hasMore(): boolean {
    return this.#open !== undefined || this.#chunks.length > 0 || this.#damage !== undefined
  }

  /** Whether more can be asked for now. Nothing is read past damage before it has been told. */
  wants(maxBufferedBytes: number): boolean {
    return this.bufferedBytes * 2 <= maxBufferedBytes && this.fetchOffset < this.endOffset && this.#damage === undefined
  }

  /** Takes an answer in. */
  add(answer: FetchedPartition, end: number): void {
    this.readableEnd = end
    if (answer.error !== null) {
      const { topic, partition } = this
      const error = fromPartitionError(answer.error, { topic, partition, offset: this.fetchOffset })
      this.#damage = { error, nextOffset: answer.nextReadableOffset }
      return
    }
    const { records } = answer
    if (records.length === 0) {
      if (answer.nextReadableOffset !== undefined) this.#passHole(answer.nextReadableOffset)
      return
    }
    const all =
      records instanceof Buffer ? records : Buffer.from(records.buffer, records.byteOffset, records.byteLength)
    const bytes = this.#measure(all)
    if (bytes.length === 0) return
    this.bufferedBytes += bytes.length
    this.#chunks.push({ bytes, position: 0, aborted: new AbortedTransactions(answer.abortedTransactions) })
  }

  /** The batch whose records come next; the same one until it is `finish`ed. Throws what the judge throws, again and again. */
  take(): FetchedBatch | undefined {
    while (this.#open === undefined) {
      const chunk = this.#chunks[0]
      if (chunk === undefined) {
        if (this.#damage !== undefined) this.#passDamage(this.#damage)
        return undefined
      }
      if (chunk.position >= chunk.bytes.length) {
        this.#chunks.shift()
        this.bufferedBytes -= chunk.bytes.length
        continue
      }
      this.#open = this.#openBatch(chunk)
    }
    return this.#open
  }

  /** Nothing wanted is left in the batch that was taken. */
  finish(batch: FetchedBatch): void {
    if (this.#open !== batch) return
    this.#open = undefined
    this.#moveTo(batch.nextOffset, batch.leaderEpoch)
  }

  /** The batch that was taken is damaged inside; the next `take` says so. */
  abandon(batch: FetchedBatch, error: TidemarkError): void {
    this.#open = undefined
    this.#stopAt(error, batch.nextOffset)
  }

  #openBatch(chunk: Chunk): FetchedBatch | undefined {
    const batch = new RecordBatch(chunk.bytes, chunk.position)
    chunk.position += batch.sizeBytes
    try {
      batch.checkValid({ topic: this.topic, partition: this.partition })
      const isHidden = chunk.aborted.covers(batch) || batch.isControl
      if (!isHidden && batch.nextOffset > this.position && batch.baseOffset < this.endOffset) {
        return new FetchedBatch(batch, this.prefix, this.serdes, { from: this.position, to: this.endOffset })
      }
      this.#moveTo(batch.nextOffset, batch.partitionLeaderEpoch)
    } catch (error) {
      if (!(error instanceof TidemarkError)) throw error
      const isLast = chunk.position >= chunk.bytes.length
      const following = isLast ? undefined : new RecordBatch(chunk.bytes, chunk.position).baseOffset
      this.#stopAt(error, this.#offsetBehind(batch, following))
    }
    return undefined
  }

  /**
   * Behind a damaged batch: its own word, unless that is damaged too. Where the one that follows it begins higher, whoever
   * has the log finds out what is between them: its length may be what is wrong.
   */
  #offsetBehind({ nextOffset }: RecordBatch, following: number | undefined): number | undefined {
    return nextOffset > this.position && nextOffset <= (following ?? this.readableEnd) ? nextOffset : following
  }

  /** Forgets what is buffered behind the damage: it is asked for again if the judge goes on. */
  #stopAt(error: TidemarkError, nextOffset: number | undefined): void {
    this.#chunks = []
    this.bufferedBytes = 0
    this.#damage = { error, nextOffset }
  }

  #passDamage({ error, nextOffset }: Damage): void {
    this.#judge(error, this, this.position, nextOffset)
    if (nextOffset === undefined) throw error
    this.#damage = undefined
    this.position = Math.max(this.position, nextOffset)
    this.fetchOffset = this.position
    // Whatever stood there is not known, nor is the epoch of the batch before the next record.
    this.prefix.pass(this.position, -1)
  }

  /** Where nothing is buffered any more, going on costs nothing; otherwise it is asked again. */
  #passHole(nextOffset: number): void {
    if (this.hasMore) return
    this.fetchOffset = Math.max(this.fetchOffset, nextOffset)
    this.#moveTo(this.fetchOffset, -1)
  }

  #moveTo(offset: number, leaderEpoch: number): void {
    const position = Math.min(offset, this.endOffset)
    if (position <= this.position) return
    this.position = position
    this.prefix.pass(position, leaderEpoch)
  }

  /** Finds out where the bytes end in offsets; what is not a whole batch any more is left to the next fetch. */
  #measure(bytes: Buffer): Buffer {
    let position = 0
    let next = this.fetchOffset
    while (position + BATCH_HEADER_BYTES <= bytes.length) {
      const batch = new RecordBatch(bytes, position)
      const end = position + batch.sizeBytes
      if (batch.sizeBytes < BATCH_HEADER_BYTES || end > bytes.length) break
      next = batch.nextOffset
      position = end
    }
    if (position === 0) {
      const message = `What is stored at offset ${this.fetchOffset} of ${this.topic}-${this.partition} is no record batch.`
      const { topic, partition, fetchOffset: offset } = this
      this.#stopAt(new TidemarkError('CORRUPT_BATCH', message, { topic, partition, offset }), undefined)
    }
    this.fetchOffset = Math.max(next, this.fetchOffset)
    return bytes.subarray(0, position)
  }
}
