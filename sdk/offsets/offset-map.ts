/** Something per group, topic and partition. */
export class OffsetMap<T> {
  readonly #groups = new Map<string, Map<string, Map<number, T>>>()

  get(group: string, topic: string, partition: number): T | undefined {
    return this.#groups.get(group)?.get(topic)?.get(partition)
  }

  set(group: string, topic: string, partition: number, value: T): void {
    const topics = entryOf(this.#groups, group, () => new Map<string, Map<number, T>>())
    entryOf(topics, topic, () => new Map<number, T>()).set(partition, value)
  }

  delete(group: string, topic: string, partition: number): void {
    const topics = this.#groups.get(group)
    const partitions = topics?.get(topic)
    if (topics === undefined || partitions === undefined) return
    partitions.delete(partition)
    if (partitions.size === 0) topics.delete(topic)
    if (topics.size === 0) this.#groups.delete(group)
  }

  hasGroup(group: string): boolean {
    return this.#groups.has(group)
  }

  groups(): IterableIterator<string> {
    return this.#groups.keys()
  }

  *entriesOfGroup(group: string): Generator<{ topic: string; partition: number; value: T }> {
    for (const [topic, partitions] of this.#groups.get(group) ?? []) {
      for (const [partition, value] of partitions) yield { topic, partition, value }
    }
  }

  /** Groups and partitions of one topic. */
  *entriesOfTopic(topic: string): Generator<{ group: string; partition: number; value: T }> {
    for (const [group, topics] of this.#groups) {
      for (const [partition, value] of topics.get(topic) ?? []) yield { group, partition, value }
    }
  }

  *entries(): Generator<{ group: string; topic: string; partition: number; value: T }> {
    for (const group of this.#groups.keys()) {
      for (const entry of this.entriesOfGroup(group)) yield { group, ...entry }
    }
  }
}

/** The value at `key`, made where there is none. */
export function entryOf<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const present = map.get(key)
  if (present !== undefined) return present
  const value = make()
  map.set(key, value)
  return value
}
