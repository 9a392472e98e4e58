import { expect } from 'vitest'
import type { TopicRecord } from '../../../sdk/index.ts'

type Handed = Pick<TopicRecord, 'partition' | 'offset'>

/** How a loop over a topic ended, as far as its group's progress goes. */
export type LoopEnd =
  /** Left with a record in hand, which does not count. */
  | { readonly how: 'left'; readonly inHand: Handed }
  /** Whatever was handed out counts. */
  | { readonly how: 'ended' }
  /** The process was stopped with a record in hand. */
  | { readonly how: 'killed'; readonly inHand: Handed }

/** Where a group may go on in a partition, and where the loop under way is. */
interface Place {
  /** What was committed and flushed for sure. */
  durable: number
  least: number
  most: number
  /** Where this loop began, undefined as long as it has nothing of this partition. */
  start: number | undefined
  next: number
}

/**
 * What a group has processed by the rules: nothing is skipped; what is handed out again is what nobody can know to be done,
 * and after a killed process at most `everyRecords` of a partition.
 */
export class GroupProgress {
  readonly group: string
  readonly everyRecords: number
  readonly #places: Place[]

  constructor(group: string, everyRecords: number, partitions: number) {
    this.group = group
    this.everyRecords = everyRecords
    this.#places = Array.from({ length: partitions }, () => ({
      durable: 0,
      least: 0,
      most: 0,
      start: undefined,
      next: 0,
    }))
  }

  /** The loop was given a record. */
  handOut({ partition, offset }: Handed): void {
    const place = this.#places[partition]!
    if (place.start === undefined) {
      const range = `${place.least} to ${place.most}`
      expect(
        offset,
        `${this.group} goes on in partition ${partition} at ${offset}, not at ${range}`,
      ).toBeGreaterThanOrEqual(place.least)
      expect(
        offset,
        `${this.group} goes on in partition ${partition} at ${offset}, not at ${range}`,
      ).toBeLessThanOrEqual(place.most)
      place.start = offset
    } else {
      expect(offset, `${this.group} in partition ${partition}`).toBe(place.next)
    }
    place.next = offset + 1
  }

  /** `commit()` has resolved with a record in hand: what was before it survives everything. */
  committed(inHand: Handed): void {
    for (const [partition, place] of this.#places.entries()) {
      if (place.start === undefined) continue
      place.start = place.next - (partition === inHand.partition ? 1 : 0)
      place.durable = place.start
    }
  }

  /** The directory was just opened: what it says is on the disk. */
  opened(commits: readonly { readonly partition: number; readonly offset: number }[]): void {
    for (const [partition, place] of this.#places.entries()) {
      place.durable = commits.find((commit) => commit.partition === partition)?.offset ?? 0
    }
  }

  /** The power fails; commits that nobody waited for may be gone. To be called for every group, after the loop's end. */
  losePower(): void {
    for (const place of this.#places) place.least = Math.min(place.least, place.durable)
  }

  end(end: LoopEnd): void {
    for (const [partition, place] of this.#places.entries()) {
      const { start, next } = place
      place.start = undefined
      if (start === undefined) continue
      const isInHand = end.how !== 'ended' && end.inHand.partition === partition
      place.most = next - (isInHand ? 1 : 0)
      if (end.how === 'killed') place.least = Math.max(start, next - this.everyRecords)
      else place.least = place.most
    }
  }

  /** Every group has been handed out everything. */
  expectAll(ends: readonly number[]): void {
    expect(
      this.#places.map(({ next }) => next),
      `${this.group} has seen everything`,
    ).toEqual(ends)
  }
}
