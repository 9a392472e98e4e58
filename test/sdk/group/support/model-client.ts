import type { HeartbeatRequest, HeartbeatResponse, NamedPartition } from '../../../../sdk/group/heartbeat-request.ts'
import { partitionId } from '../../../../sdk/group/partition-id.ts'
import type { GroupWorld } from './group-world.ts'
import { namesOf, partitionsOf } from './group-world.ts'

/** A partition a client was told to work on: the topic's id at that time, and its own epoch. */
export interface Holding {
  readonly id: string
  readonly epoch: number
}

/**
 * A consumer as a group sees it, with everything that goes wrong: answers that get lost, assignments it takes its time
 * over, silence. What it really works on is `holdings`.
 */
export class ModelClient {
  readonly memberId: string
  readonly instanceId: string | null
  topics: readonly string[]
  epoch = 0
  /** By name, `t-0`. */
  readonly holdings = new Map<string, Holding>()
  /** Told, but not taken yet. */
  pending: ReadonlyMap<string, Holding> | undefined
  /** Whether it heard every answer since the group took it in, so that it knows since when it has what. */
  heardAll = true
  /** The last assignment it was told. */
  #told = new Map<string, Holding>()
  mustReport = false
  /** Where the group was moved, and the epoch from which on the client has it again, until it has heard of that. */
  readonly unheard = new Map<string, number>()
  /** Moves it heard of. */
  heard = 0
  /** Answers lost one after the other. */
  lost = 0
  intervalMs = 0
  readonly #world: GroupWorld
  readonly #assignor: string | null

  constructor(
    world: GroupWorld,
    memberId: string,
    options: { topics: readonly string[]; instanceId: string | null; assignor: string | null },
  ) {
    this.#world = world
    this.memberId = memberId
    this.instanceId = options.instanceId
    this.topics = options.topics
    this.#assignor = options.assignor
  }

  /** Joins where it has no epoch, otherwise a plain heartbeat, which reports what it owns if it has to or `reports`. */
  beat(options: { loses?: boolean; reports?: boolean } = {}): void {
    const { epoch } = this
    if (epoch === 0) this.drop()
    const isFull = epoch === 0 || this.lost > 0
    const reports = isFull || this.mustReport || options.reports === true
    const response = this.#send({
      memberEpoch: epoch,
      rebalanceTimeoutMs: isFull ? 300_000 : -1,
      subscribedTopicNames: isFull ? this.topics : null,
      owned: reports ? partitionsOf(this.holdings.keys()) : null,
      serverAssignor: isFull ? this.#assignor : null,
      instanceId: this.instanceId,
    })
    if (options.loses === true) {
      this.lost++
      this.heardAll = false
      this.pending = undefined
      return
    }
    this.#take(response, reports)
  }

  subscribe(topics: readonly string[]): void {
    this.topics = topics
    this.#take(this.#send({ subscribedTopicNames: topics }), false)
  }

  /** Takes the assignment it was told; the next heartbeat says so. */
  install(): void {
    if (this.pending === undefined) return
    this.holdings.clear()
    for (const [name, holding] of this.pending) this.holdings.set(name, holding)
    for (const name of [...this.unheard.keys()]) if (!this.holdings.has(name)) this.unheard.delete(name)
    this.pending = undefined
    this.mustReport = true
  }

  /** A topic is gone before the client took its partitions. */
  forget(topic: string): void {
    if (this.pending === undefined) return
    this.pending = new Map([...this.pending].filter(([name]) => !name.startsWith(`${topic}-`)))
  }

  leave(epoch: -1 | -2): void {
    this.#send({ memberEpoch: epoch, instanceId: this.instanceId })
    this.drop()
  }

  /** Everything is lost: it must join again. */
  drop(): void {
    this.holdings.clear()
    this.unheard.clear()
    this.#told = new Map()
    this.pending = undefined
    this.mustReport = false
    this.epoch = 0
    this.lost = 0
  }

  #hear(moved: readonly NamedPartition[]): void {
    const names = new Set(namesOf(moved))
    for (const [name, epoch] of this.unheard) {
      const told = this.#told.get(name)
      if (told !== undefined) this.#told.set(name, { ...told, epoch })
      const holding = this.holdings.get(name)
      if (holding === undefined) continue
      const isThere = this.#world.topicNames().some((topic) => name.startsWith(`${topic}-`))
      if (isThere && !names.has(name))
        throw new Error(`${this.memberId} is not told that the group was moved in ${name}`)
      this.holdings.set(name, { ...holding, epoch })
    }
    for (const name of names) {
      const isNews = this.unheard.has(name) || !this.holdings.has(name)
      if (!isNews) throw new Error(`${this.memberId} is told again of ${name}`)
    }
    this.heard += names.size
    this.unheard.clear()
  }

  #send(changes: Partial<HeartbeatRequest>): HeartbeatResponse {
    return this.#world.coordinator.heartbeat({
      group: 'g',
      memberId: this.memberId,
      memberEpoch: this.epoch,
      clientId: 'model',
      clientHost: '/127.0.0.1',
      rebalanceTimeoutMs: -1,
      subscribedTopicNames: null,
      owned: null,
      ...changes,
    })
  }

  #take(response: HeartbeatResponse, reported: boolean): void {
    this.lost = 0
    this.epoch = response.memberEpoch
    this.intervalMs = response.heartbeatIntervalMs
    if (reported) this.mustReport = false
    this.#hear(response.moved ?? [])
    if (response.assignment === null) return
    // A topic may be deleted between the answer and its arrival; a client then has nothing to open.
    const partitions = response.assignment.filter(({ topic }) => this.#world.topicNames().includes(topic))
    const told = partitions.map(({ topic, partition }): [string, Holding] => {
      const name = `${topic}-${partition}`
      const id = partitionId(this.#world.topic(topic).topicId, partition)
      // It cannot tell a topic from one that had the name before: what it works on, it goes on working on.
      const known = this.holdings.get(name) ?? this.#told.get(name)
      const isSame = known !== undefined && (this.holdings.has(name) || known.id === id)
      return [name, isSame ? known : { id, epoch: this.epoch }]
    })
    this.#told = new Map(told)
    this.pending = this.#told
  }
}
