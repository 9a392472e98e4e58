import type { HeldPartitions } from './current-assignment-record.ts'
import { type PartitionId, partitionOf, topicIdOf } from './partition-id.ts'

/** What a member says it owns, or that it does not say. Requests name topics, so records' ids are turned into names. */
export class OwnedPartitions {
  readonly #names: ReadonlySet<string> | null
  readonly #nameOf: (topicId: string) => string | undefined

  constructor(
    owned: readonly { readonly topic: string; readonly partition: number }[] | null,
    nameOf: (topicId: string) => string | undefined,
  ) {
    this.#names = owned && new Set(owned.map(({ topic, partition }) => `${topic}:${partition}`))
    this.#nameOf = nameOf
  }

  get isEmpty(): boolean {
    return this.#names?.size === 0
  }

  /** Whether it may still use one of `partitions`: always, if it did not say. */
  mayHold(partitions: HeldPartitions): boolean {
    for (const id of partitions.keys()) if (this.mayHoldOne(id)) return true
    return false
  }

  mayHoldOne(id: PartitionId): boolean {
    return this.#names === null || this.#names.has(this.#name(id))
  }

  /** Whether it said what it owns, and all of that is among `held`. */
  isWithin(...held: readonly HeldPartitions[]): boolean {
    if (this.#names === null) return false
    const names = new Set<string>()
    for (const partitions of held) for (const id of partitions.keys()) names.add(this.#name(id))
    for (const name of this.#names) if (!names.has(name)) return false
    return true
  }

  #name(id: PartitionId): string {
    return `${this.#nameOf(topicIdOf(id)) ?? topicIdOf(id)}:${partitionOf(id)}`
  }
}
