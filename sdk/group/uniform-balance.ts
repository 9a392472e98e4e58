import type { AssignableMember, Assignment } from './assignor.ts'
import { type PartitionId, partitionId } from './partition-id.ts'

/** Kafka stops here too: with very odd subscriptions, levelling can go on for long with little gain. */
const MAX_ROUNDS = 16

interface Topic {
  readonly topicId: string
  /** Numbers of the members that name it. */
  readonly subscribers: readonly number[]
  /** The owner's number per partition, −1 while nobody has it. */
  readonly owners: Int32Array
}

/** Who owns what while the uniform assignor levels members with different subscriptions. Members are numbered. */
export class UniformBalance {
  readonly #members: readonly AssignableMember[]
  readonly #topics: readonly Topic[]
  readonly #topicById: ReadonlyMap<string, Topic>
  /** Partitions per member, over all topics. */
  readonly #loads: Int32Array

  constructor(members: readonly AssignableMember[], partitionCounts: ReadonlyMap<string, number>) {
    this.#members = members
    this.#loads = new Int32Array(members.length)
    this.#topics = [...partitionCounts]
      .map(([topicId, count]) => ({
        topicId,
        subscribers: [...members.keys()].filter((number) => members[number]?.topicIds.has(topicId)),
        owners: new Int32Array(count).fill(-1),
      }))
      .filter((topic) => topic.subscribers.length > 0)
      .sort(hardestFirst)
    this.#topicById = new Map(this.#topics.map((topic) => [topic.topicId, topic]))
  }

  give(topicId: string, partition: number, member: number): void {
    const topic = this.#topicById.get(topicId)
    if (topic !== undefined) this.#move(topic, partition, member)
  }

  /** Partitions without an owner go to the least loaded member that names their topic. */
  giveOut(): void {
    for (const topic of this.#topics) {
      for (const [partition, owner] of topic.owners.entries()) {
        if (owner === -1) this.#move(topic, partition, this.#leastLoaded(topic))
      }
    }
  }

  /** Moves partitions from the most to the least loaded, topic by topic, until a whole round changes nothing. */
  level(): void {
    const shared = this.#topics.filter((topic) => topic.subscribers.length > 1)
    let lastMoved: Topic | undefined = shared[0]
    for (let round = 0; round < MAX_ROUNDS; round++) {
      for (const topic of shared) {
        if (round > 0 && topic === lastMoved) return
        if (this.#levelTopic(topic)) lastMoved = topic
      }
    }
  }

  assignment(): Assignment {
    const owned = this.#members.map(() => new Set<PartitionId>())
    for (const { topicId, owners } of this.#topics) {
      for (const [partition, owner] of owners.entries()) owned[owner]?.add(partitionId(topicId, partition))
    }
    return new Map(this.#members.map((member, number) => [member.memberId, owned[number] ?? new Set()]))
  }

  #levelTopic(topic: Topic): boolean {
    let moved = false
    const partitionsOf = new Map<number, number[]>(topic.subscribers.map((number) => [number, []]))
    for (const [partition, owner] of topic.owners.entries()) partitionsOf.get(owner)?.push(partition)
    for (;;) {
      const from = this.#mostLoaded(topic, partitionsOf)
      const to = this.#leastLoaded(topic)
      if (from === undefined || this.#loadOf(from) - this.#loadOf(to) <= 1) return moved
      const partition = partitionsOf.get(from)?.pop()
      if (partition === undefined) return moved
      this.#move(topic, partition, to)
      moved = true
    }
  }

  #leastLoaded(topic: Topic): number {
    return topic.subscribers.reduce((least, number) => (this.#loadOf(number) < this.#loadOf(least) ? number : least))
  }

  /** Of those that have a partition of the topic to give; among equals the last. What was received is not given on. */
  #mostLoaded(topic: Topic, partitionsOf: ReadonlyMap<number, readonly number[]>): number | undefined {
    let most: number | undefined
    for (const number of topic.subscribers) {
      if ((partitionsOf.get(number)?.length ?? 0) === 0) continue
      if (most === undefined || this.#loadOf(number) >= this.#loadOf(most)) most = number
    }
    return most
  }

  #move(topic: Topic, partition: number, to: number): void {
    const from = topic.owners[partition] ?? -1
    if (from !== -1) this.#loads[from] = this.#loadOf(from) - 1
    topic.owners[partition] = to
    this.#loads[to] = this.#loadOf(to) + 1
  }

  #loadOf(member: number): number {
    return this.#loads[member] ?? 0
  }
}

/** Topics with many partitions for few members first, while there is still room to compensate elsewhere. */
function hardestFirst(a: Topic, b: Topic): number {
  const perSubscriber = b.owners.length / b.subscribers.length - a.owners.length / a.subscribers.length
  if (perSubscriber !== 0) return perSubscriber
  if (a.subscribers.length !== b.subscribers.length) return a.subscribers.length - b.subscribers.length
  return a.topicId < b.topicId ? -1 : 1
}
