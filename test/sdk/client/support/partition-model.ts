import { expect } from 'vitest'
import { type CommittedPosition, isSamePosition } from '../../../../sdk/offsets/reset-metadata.ts'

/** The newest reset of a partition, as an undo must find it. */
export interface ModelReset {
  readonly atMs: number
  readonly before: CommittedPosition | null
  hasMovedOn: boolean
}

/** What is true of a group in one partition, told without looking at the code under test. */
export class PartitionModel {
  readonly topic: string
  readonly partition: number
  committed: CommittedPosition | null = null
  reset: ModelReset | undefined
  /** Who has a record of it in hand. */
  holder: object | undefined
  /** Everything below counts as read: the start, or where the group was put last. */
  #base = 0
  #processed = new Set<number>()
  /** Where the group was before each reset, by what the reset's commit carries. */
  readonly #resets = new Map<string, CommittedPosition | null>()

  constructor(topic: string, partition: number) {
    this.topic = topic
    this.partition = partition
  }

  get name(): string {
    return `${this.topic}-${this.partition}`
  }

  /** A record reaches a loop: everything before it must have been processed since the group was put somewhere. */
  handedOut(offset: number, holder: object, where: string): void {
    const isSecond = this.holder !== undefined && this.holder !== holder
    // Not by comparing the members: to print what differs between them would take minutes.
    expect(isSecond, `${where}: ${this.name}@${offset} goes to a second member`).toBe(false)
    this.#checkProcessedUpTo(offset, `${where}: ${this.name}@${offset} is handed out`)
    this.holder = holder
  }

  processed(offset: number): void {
    this.#processed.add(offset)
  }

  /** A member's commit was accepted. */
  committedBy(position: CommittedPosition, atMs: number, where: string): void {
    const from = this.committed?.offset ?? 0
    expect(position.offset, `${where}: ${this.name} goes back`).toBeGreaterThanOrEqual(from)
    this.#checkProcessedUpTo(position.offset, `${where}: ${this.name} is committed at ${position.offset}`)
    this.#nowAt(position, atMs)
  }

  /** Somebody put the group elsewhere: by a reset, or back. */
  putTo(position: CommittedPosition | null, atMs: number, way: 'reset' | 'undo'): void {
    if (way === 'reset' && position !== null) this.#resets.set(position.metadata, this.committed)
    this.#nowAt(position, atMs)
    this.#base = position?.offset ?? 0
    this.#processed = new Set()
    this.holder = undefined
  }

  get processedToEnd(): number {
    let offset = this.#base
    while (this.#processed.has(offset)) offset++
    return offset
  }

  #nowAt(position: CommittedPosition | null, atMs: number): void {
    if (this.reset !== undefined) {
      // Whoever comes to stand exactly where the group was before has undone it, be it by reading.
      if (!this.reset.hasMovedOn && isSamePosition(position, this.reset.before)) this.reset = undefined
      else this.reset.hasMovedOn = true
    }
    const before = position === null ? undefined : this.#resets.get(position.metadata)
    if (before !== undefined) this.reset = { atMs, before, hasMovedOn: false }
    this.committed = position
  }

  #checkProcessedUpTo(offset: number, what: string): void {
    for (let each = this.#base; each < offset; each++) {
      if (!this.#processed.has(each)) expect.fail(`${what} before ${each} was processed`)
    }
  }
}
