import { TidemarkError } from '../errors.ts'
import type { RecordBatch } from '../record/record-batch.ts'
import { partitionOfKey } from '../topic/partitioner.ts'

/** So many different keys agree by chance once in a million times, even with two partitions. */
const ENOUGH_KEYS = 20
const MAX_RECORDS = 5000

/**
 * Where the keys of a partition belong by Kafka's partitioner: a hint at which partition it is. Looks no further than it
 * must: one key that belongs here, or keys of two other partitions, and there is nothing to tell.
 */
export class KeyHome {
  readonly #partition: number
  readonly #partitionCount: number
  readonly #keys = new Set<string>()
  #records = 0
  #home: number | undefined
  #isOpen: boolean

  constructor(partition: number, partitionCount: number) {
    this.#partition = partition
    this.#partitionCount = partitionCount
    this.#isOpen = partitionCount > 1
  }

  /** The other partition to which all keys belong; undefined where they say nothing. */
  get elsewhere(): number | undefined {
    return this.#keys.size >= ENOUGH_KEYS ? this.#home : undefined
  }

  visit(batch: RecordBatch): void {
    if (!this.#isOpen || batch.isControl) return
    try {
      for (const { key } of batch.records()) if (this.#isOpen) this.#note(key)
    } catch (error) {
      // Records that cannot be decoded are reported as such.
      if (!(error instanceof TidemarkError)) throw error
    }
  }

  #note(key: Buffer | null): void {
    this.#records += 1
    if (key !== null) {
      const home = partitionOfKey(key, this.#partitionCount)
      this.#home ??= home
      if (home === this.#partition || home !== this.#home) {
        this.#home = undefined
        this.#keys.clear()
        this.#isOpen = false
        return
      }
      this.#keys.add(key.toString('latin1'))
    }
    if (this.#keys.size >= ENOUGH_KEYS || this.#records >= MAX_RECORDS) this.#isOpen = false
  }
}
