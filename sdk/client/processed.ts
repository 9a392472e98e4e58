import type { FetchedRecord } from './fetched-record.ts'

/** Who wants to know that a prefix has moved on: the committer. */
export interface ProgressListener {
  /** Called after `prefix.offset` has changed. On the path of every record: be quick. */
  advanced(prefix: ProcessedPrefix): void
}

const NOBODY: ProgressListener = { advanced: () => {} }
const FIRST_CAPACITY = 16

/**
 * What is processed of one partition, as long as this consumer has it: always a contiguous prefix of the records handed
 * out. Records may be done in any order; the prefix ends before the first that is not.
 *
 * Undone records stand in a ring, oldest first. In a plain loop there is at most one.
 */
export class ProcessedPrefix {
  readonly topic: string
  readonly partition: number
  /** What a commit says: the next offset to read. −1 until it is known where to start. */
  offset = -1
  /** The epoch of the batch before `offset`; −1 where nothing was processed yet. */
  leaderEpoch = -1
  /** Processed records no commit has been issued for. */
  uncommitted = 0
  /** What the last issued commit says, answered or not. */
  issuedOffset = -1
  /** Undefined: what it had beside the offset is not committed. */
  issuedMetadata: string | undefined = ''
  /** What a commit says beside the offset. */
  metadataNow: () => string = () => ''
  /** What stood beside the offset where the group starts. */
  foundMetadata = ''
  /** What is committed for certain, and what is so even after a power loss. */
  committedOffset = -1
  durableOffset = -1
  /** A transaction is about to commit it: nobody else may meanwhile. */
  isHeld = false
  /** False once the partition is given up, lost or closed: nothing counts any more. */
  isOpen = true
  /** How often the group was sent elsewhere. */
  restarts = 0

  private readonly listener: ProgressListener
  private ring: (FetchedRecord | undefined)[] = new Array(FIRST_CAPACITY)
  private mask = FIRST_CAPACITY - 1
  private head = 0
  private tail = 0
  /** Where the offsets after the last record handed out were found to hold no records (markers, aborted, compacted). */
  private passedOffset = -1
  private passedEpoch = -1
  #controller: AbortController | undefined
  /** It was closed with records undone. */
  #leftUndone = false
  #waiting: (() => void)[] = []
  #isCut = false

  constructor(topic: string, partition: number, listener: ProgressListener = NOBODY) {
    this.topic = topic
    this.partition = partition
    this.listener = listener
  }

  /** Records handed out and not processed. */
  get undone(): number {
    return this.tail - this.head
  }

  /** The first of them: nothing behind it can be committed. */
  get firstUndone(): number | undefined {
    return this.head === this.tail || !this.isOpen ? undefined : this.ring[this.head & this.mask]!.offset
  }

  /** Behind the last one handed out; −1 until it is known where to start. */
  get nextOffset(): number {
    if (this.head === this.tail || !this.isOpen) return this.offset
    return Math.max(this.ring[(this.tail - 1) & this.mask]!.offset + 1, this.passedOffset)
  }

  /** Whether the last issued commit is behind. */
  get hasMoved(): boolean {
    return (
      this.isOpen && !this.isHeld && (this.offset !== this.issuedOffset || this.metadataNow() !== this.issuedMetadata)
    )
  }

  /** Aborts when the partition is given up with records undone. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#leftUndone) this.#controller.abort()
    }
    return this.#controller.signal
  }

  /** Where the group starts. `remember`: the next commit says so, although nothing was processed yet. */
  startAt(offset: number, leaderEpoch: number, remember: boolean): void {
    this.offset = offset
    this.leaderEpoch = leaderEpoch
    if (!remember) this.issuedOffset = this.committedOffset = this.durableOffset = offset
    else if (this.isOpen) this.listener.advanced(this)
  }

  /** The group goes on elsewhere: what was handed out so far no longer counts, and the next commit says so. */
  restartAt(offset: number): void {
    this.clear()
    this.restarts++
    this.uncommitted = 0
    this.passedOffset = this.passedEpoch = -1
    this.committedOffset = this.durableOffset = -1
    this.wake()
    this.startAt(offset, -1, true)
  }

  /** What was handed out and not done comes again. */
  rewind(): void {
    this.clear()
    this.restarts++
    this.passedOffset = this.passedEpoch = -1
    this.wake()
  }

  /** Everything before `offset` is processed, and a transaction has committed it. */
  committedElsewhere(offset: number, leaderEpoch: number): void {
    if (!this.isOpen) return
    while (this.head !== this.tail && this.ring[this.head & this.mask]!.offset < offset) {
      this.ring[this.head & this.mask]!.isProcessed = true
      this.ring[this.head++ & this.mask] = undefined
    }
    this.offset = this.issuedOffset = this.committedOffset = this.durableOffset = offset
    this.leaderEpoch = leaderEpoch
    this.issuedMetadata = ''
    this.uncommitted = 0
    if (this.head === this.tail) this.wake()
  }

  handOut(record: FetchedRecord): void {
    if (this.tail - this.head > this.mask) this.grow()
    this.ring[this.tail++ & this.mask] = record
  }

  /** The record counts from now on. Again, or too late, it does nothing. */
  done(record: FetchedRecord): void {
    if (record.isProcessed || !this.isOpen) return
    record.isProcessed = true
    if (this.ring[this.head & this.mask] === record) this.advance()
  }

  /** The first `count` of `records` count from now on, all at once. They were handed out in this order. */
  doneAll(records: readonly FetchedRecord[], count: number): void {
    if (!this.isOpen) return
    for (let index = 0; index < count; index++) records[index]!.isProcessed = true
    if (this.head !== this.tail && this.ring[this.head & this.mask]!.isProcessed) this.advance()
  }

  /** There are no records from the last one handed out up to `offset`; the batch before it has `leaderEpoch`. */
  pass(offset: number, leaderEpoch: number): void {
    if (this.#isCut) return
    this.passedOffset = offset
    this.passedEpoch = leaderEpoch
    if (this.head !== this.tail || !this.isOpen || offset <= this.offset) return
    this.offset = offset
    this.leaderEpoch = leaderEpoch
    this.listener.advanced(this)
  }

  /** Resolves when nothing handed out is undone, or none of it counts any more. */
  settled(): Promise<void> {
    if (this.head === this.tail || !this.isOpen) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  /**
   * Whatever is undone will not be done here, nor anything behind it: whoever goes on gets it again. It is settled now,
   * and what was processed can still be committed.
   */
  cut(): void {
    this.#isCut = true
    this.clear()
    this.wake()
  }

  /** From now on nothing counts. What is still undone learns it by its signal. */
  close(): void {
    if (!this.isOpen) return
    this.isOpen = false
    this.#leftUndone = this.head !== this.tail
    if (this.#leftUndone) this.#controller?.abort()
    this.ring = []
    this.wake()
  }

  private advance(): void {
    const { ring, mask } = this
    let last: FetchedRecord
    do {
      last = ring[this.head & mask]!
      ring[this.head++ & mask] = undefined
      this.uncommitted++
    } while (this.head !== this.tail && ring[this.head & mask]!.isProcessed)
    this.offset = last.offset + 1
    this.leaderEpoch = last.leaderEpoch
    if (this.head === this.tail) {
      if (this.passedOffset > this.offset) {
        this.offset = this.passedOffset
        this.leaderEpoch = this.passedEpoch
      }
      if (this.#waiting.length > 0) this.wake()
    }
    this.listener.advanced(this)
  }

  private clear(): void {
    while (this.head !== this.tail) this.ring[this.head++ & this.mask] = undefined
  }

  private wake(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve()
  }

  private grow(): void {
    const grown: (FetchedRecord | undefined)[] = new Array((this.mask + 1) * 2)
    const mask = grown.length - 1
    for (let at = this.head; at < this.tail; at++) grown[at & mask] = this.ring[at & this.mask]
    this.ring = grown
    this.mask = mask
  }
}
