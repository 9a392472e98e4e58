import { assert } from '../assert.ts'
import type { Randomness } from '../environment/environment.ts'
import { murmur2 } from './murmur2.ts'

/** Kafka's default `batch.size`: after so many bytes the records without a key go on in another partition. */
export const STICKY_BYTES = 16_384

/** The partition of a key, over all partitions of the topic, as Kafka's producer and kcat's `murmur2` choose it. */
export function partitionOfKey(key: Uint8Array, partitionCount: number): number {
  return (murmur2(key) & 0x7fff_ffff) % partitionCount
}

/**
 * Chooses the partitions of one topic's records. Records with a key follow their key; those without stick to a random
 * partition until 16,384 bytes went there, so that they fill few batches instead of trickling into all.
 */
export class Partitioner {
  readonly #random: Pick<Randomness, 'number'>
  readonly #stickyBytes: number
  #sticky = -1
  #bytesThere = 0

  constructor(random: Pick<Randomness, 'number'>, options: { stickyBytes?: number } = {}) {
    this.#random = random
    this.#stickyBytes = options.stickyBytes ?? STICKY_BYTES
  }

  /** `sizeBytes`: what the record takes in a batch; only counted for records without a key. */
  partition(key: Uint8Array | null, sizeBytes: number, partitionCount: number): number {
    assert(partitionCount > 0, 'a topic without partitions')
    if (key !== null) return partitionOfKey(key, partitionCount)
    if (this.#sticky < 0 || this.#sticky >= partitionCount || this.#bytesThere >= this.#stickyBytes) {
      this.#sticky = Math.floor(this.#random.number() * partitionCount)
      this.#bytesThere = 0
    }
    this.#bytesThere += sizeBytes
    return this.#sticky
  }
}
