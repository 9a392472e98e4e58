import { expect } from 'vitest'
import { TidemarkError } from '../../../../sdk/errors.ts'
import type { ConsumerGroup } from '../../../../sdk/group/consumer-group.ts'
import type { GroupCoordinator } from '../../../../sdk/group/coordinator.ts'
import { partitionId, topicIdOf } from '../../../../sdk/group/partition-id.ts'
import { seededRandom } from '../../../support/seeded-random.ts'
import { GroupWorld } from './group-world.ts'
import { ModelClient } from './model-client.ts'

const TOPICS = ['t', 'u', 'v'] as const
const MAX_CLIENTS = 8

/** One random history of a group, and what must hold after every step of it. */
export class GroupModel {
  readonly world: GroupWorld
  readonly #random: () => number
  readonly #where: string
  readonly #usesRange: boolean
  /** Running clients. Those that were killed or are away are only in the coordinator. */
  #clients: ModelClient[] = []
  #away: string[] = []
  #made = 0
  #restarted = false
  #step = 0
  readonly counts = { beats: 0, commits: 0, refused: 0, fenced: 0, moves: 0, outrun: 0 }

  constructor(seed: number) {
    this.#random = seededRandom(seed)
    this.#where = `seed ${seed}`
    this.#usesRange = seed % 5 === 0
    this.world = new GroupWorld({ assignmentIntervalMs: seed % 7 === 0 ? 1_000 : 0 })
    for (const topic of TOPICS) if (this.#chance(0.8)) this.world.createTopic(topic, 1 + this.#below(6))
  }

  step(): void {
    this.#step++
    const roll = this.#random()
    if (roll < 0.1) this.#join()
    else if (roll < 0.55) this.#beat()
    else if (roll < 0.68) this.#pick()?.install()
    else if (roll < 0.8) this.#commit()
    else if (roll < 0.83) this.#move()
    else if (roll < 0.86) this.#leaveSomehow()
    else if (roll < 0.9) this.#pass(this.#below(50_000))
    else if (roll < 0.94) this.#changeTopics()
    else if (roll < 0.97) this.#changeSubscription()
    else if (roll < 0.99) this.#restart()
    else this.#newOwner()
    this.#check()
  }

  /** Everybody who runs behaves from now on: the group must come to rest, with everything assigned evenly. */
  settle(): void {
    this.#step = -1
    for (let round = 0; round < 20; round++) this.#round()
    this.#dismissDoubles()
    const before = this.world.batches.length
    for (let round = 0; round < 3; round++) this.#round()
    expect(this.world.batches.length, `${this.#where}: a quiet group writes nothing`).toBe(before)
    const state = this.world.coordinator.list().groups.find(({ group }) => group === 'g')?.state ?? 'Empty'
    expect(state, this.#where).toBe(this.#clients.length === 0 ? 'Empty' : 'Stable')
    for (const client of this.#clients) expect(client.intervalMs, this.#where).toBe(500)
    this.#checkEverythingIsRead()
    if (!this.#usesRange) this.#checkBalance()
  }

  /** Two running clients with one instance id: one of them stays out for good. */
  #dismissDoubles(): void {
    const out = this.#clients.filter((client) => client.epoch === 0)
    this.#clients = this.#clients.filter((client) => client.epoch > 0)
    for (const { instanceId } of out) {
      expect(this.#clients.some((client) => instanceId !== null && client.instanceId === instanceId)).toBe(true)
    }
  }

  #round(): void {
    this.world.advance(5_000)
    for (const client of this.#clients) {
      this.#guard(client, () => client.beat())
      client.install()
      this.#guard(client, () => client.beat())
    }
    this.#check()
  }

  #join(): void {
    if (this.#clients.length >= MAX_CLIENTS) return
    const instanceId = this.#chance(0.3) ? `i${this.#below(3)}` : null
    const assignor = this.#usesRange ? 'range' : this.#chance(0.2) ? 'uniform' : null
    const topics = this.#chance(0.7) ? ['t', 'u'] : this.#someTopics()
    const client = new ModelClient(this.world, `m${this.#made++}`, { topics, instanceId, assignor })
    try {
      client.beat()
    } catch (error) {
      expect(error, `${this.#where}: only an instance in use may keep a client out`).toMatchObject({
        code: 'UNRELEASED_INSTANCE_ID',
      })
      return
    }
    this.#away = this.#away.filter((instance) => instance !== instanceId)
    this.#clients.push(client)
  }

  #beat(): void {
    const client = this.#pick()
    if (client === undefined) return
    this.counts.beats++
    const loses = client.epoch > 0 && this.#chance(0.1)
    this.#guard(client, () => client.beat({ loses, reports: this.#chance(0.3) }))
  }

  #leaveSomehow(): void {
    const client = this.#pick()
    if (client === undefined) return
    this.#clients = this.#clients.filter((other) => other !== client)
    if (this.#chance(0.4) || client.epoch === 0) return
    const isAway = client.instanceId !== null && this.#chance(0.6)
    this.#guard(client, () => client.leave(isAway ? -2 : -1))
    if (isAway && client.instanceId !== null) this.#away.push(client.instanceId)
  }

  #changeSubscription(): void {
    const client = this.#pick()
    if (client === undefined || client.epoch === 0 || client.lost > 0) return
    this.#guard(client, () => client.subscribe(this.#someTopics()))
  }

  #changeTopics(): void {
    const name = TOPICS[this.#below(TOPICS.length)] ?? 't'
    if (!this.world.topicNames().includes(name)) this.world.createTopic(name, 1 + this.#below(6))
    else if (this.#chance(0.6)) this.world.growTopic(name, this.world.topic(name).partitionCount + 1 + this.#below(3))
    else {
      this.world.deleteTopic(name)
      for (const client of this.#clients) client.forget(name)
    }
  }

  /** Time passes in small steps, in which most clients come and some do not. */
  #pass(ms: number): void {
    const silent = new Set(this.#clients.filter(() => this.#chance(0.1)))
    for (let left = ms; left > 0; left -= 10_000) {
      this.world.advance(Math.min(left, 10_000))
      for (const client of this.#clients) if (!silent.has(client)) this.#guard(client, () => client.beat())
    }
  }

  /** The log alone must make the same state again. */
  #restart(): void {
    const before = stateOf(this.world.coordinator)
    this.world.restart()
    this.#restarted = true
    expect(stateOf(this.world.coordinator), this.#place()).toBe(before)
  }

  #newOwner(): void {
    this.#restart()
    this.world.coordinator.removeMembersOfPreviousOwner()
    expect(this.#group()?.members.size ?? 0, this.#place()).toBe(0)
  }

  /** A client that cannot go on joins again; one that heard every answer and is still in the group must never have to. */
  #guard(client: ModelClient, action: () => void): void {
    const isMember = this.#group()?.members.has(client.memberId) === true
    // A coordinator that starts anew does not know how a deleted topic was called, so it cannot wait for its release.
    const holdsUnknown = this.#restarted && [...client.holdings.values()].some(({ id }) => !this.#exists(id))
    const mayBeFenced = client.lost > 1 || !isMember || holdsUnknown
    try {
      action()
    } catch (error) {
      if (!(error instanceof TidemarkError)) throw error
      if (client.epoch === 0 && error.code === 'UNRELEASED_INSTANCE_ID') return
      expect(['UNKNOWN_MEMBER_ID', 'FENCED_MEMBER_EPOCH', 'FENCED_INSTANCE_ID'], this.#place()).toContain(error.code)
      expect(mayBeFenced, `${this.#place()}: ${error.message}`).toBe(true)
      this.counts.fenced++
      client.drop()
      // Only a member that is struck out begins with nothing; a fenced one that comes back has what it had.
      if (error.code === 'UNKNOWN_MEMBER_ID') client.heardAll = true
    }
  }

  /** Commits one partition, now and then with an epoch that is not the client's any more. */
  #commit(client: ModelClient | undefined = this.#pick()): void {
    const held = [...(client?.holdings ?? [])]
    const [name, holding] = held.find(([each]) => client?.unheard.has(each)) ?? held.at(-1) ?? []
    if (client === undefined || name === undefined || holding === undefined || client.lost > 0) return
    const memberEpoch = this.#chance(0.4) ? Math.max(0, client.epoch - this.#below(3)) : client.epoch
    const topic = name.slice(0, name.lastIndexOf('-'))
    const partition = Number(name.slice(name.lastIndexOf('-') + 1))
    const offsets = [{ topic, partition, offset: this.#below(1_000), leaderEpoch: -1, metadata: '' }]
    const isMember = this.#group()?.members.has(client.memberId) === true
    const exists = this.world.topicNames().includes(topic) && topicIdOf(holding.id) === this.world.topic(topic).topicId
    let result: string
    try {
      const request = { group: 'g', memberId: client.memberId, memberEpoch, offsets }
      result = this.world.coordinator.commit(request).partitions[0]?.error?.code ?? 'ok'
    } catch (error) {
      result = error instanceof TidemarkError ? error.code : String(error)
    }
    this.counts.commits++
    if (result !== 'ok') this.counts.refused++
    const movedAt = client.unheard.get(name)
    if (isMember && exists && movedAt !== undefined && memberEpoch < movedAt) {
      this.counts.outrun++
      expect(result, `${this.#place()}: a commit from before a move`).toBe('STALE_MEMBER_EPOCH')
    } else if (!isMember) expect(result, this.#place()).toMatch(/UNKNOWN_MEMBER_ID|GROUP_NOT_FOUND/)
    else if (exists && memberEpoch === client.epoch) expect(result, this.#place()).toBe('ok')
    else if (exists && client.instanceId === null && client.heardAll) {
      expect(result, this.#place()).toBe(memberEpoch >= holding.epoch ? 'ok' : 'STALE_MEMBER_EPOCH')
    } else if (!exists && !this.#restarted) expect(result, this.#place()).not.toBe('ok')
  }

  /** Somebody moves the running group: members go on in it, and what they commit before they hear of it does not count. */
  #move(): void {
    const names = this.world.topicNames()
    const topic = names[this.#below(names.length)]
    if (topic === undefined) return
    const partition = this.#below(this.world.topic(topic).partitionCount)
    const position = this.#chance(0.8) ? { offset: this.#below(1_000), leaderEpoch: -1, metadata: 'moved' } : null
    const before = new Map([...(this.#group()?.members ?? [])])
    this.world.coordinator.alterOffsets({ group: 'g', offsets: [{ topic, partition, position }], members: 'move' })
    this.counts.moves++
    const committed = this.world.coordinator.fetch({ group: 'g', partitions: [{ topic, partition }] }).partitions[0]
    expect(committed?.metadata, this.#place()).toBe(position?.metadata)
    const id = partitionId(this.world.topic(topic).topicId, partition)
    for (const member of this.#group()?.members.values() ?? []) {
      expect(before.get(member.memberId)?.memberEpoch, `${this.#place()}: a move takes nobody's place`).toBe(
        member.memberEpoch,
      )
      const since = member.assigned.get(id) ?? member.pendingRevocation.get(id)
      const client = this.#clients.find(({ memberId }) => memberId === member.memberId)
      if (since === undefined || client === undefined) continue
      client.unheard.set(`${topic}-${partition}`, since)
      if (this.#chance(0.3)) this.#commit(client)
    }
  }

  /** Nobody works on what another has: what clients in the group hold is theirs, and theirs alone. */
  #check(): void {
    const group = this.#group()
    const owners = new Map<string, string>()
    for (const member of group?.members.values() ?? []) {
      for (const id of [...member.assigned.keys(), ...member.pendingRevocation.keys()]) {
        if (owners.has(id)) this.#fail(`${id} is held twice`)
        if (group?.owners.get(id) !== member.memberId) this.#fail(`the owner of ${id} is not up to date`)
        owners.set(id, member.memberId)
      }
    }
    if ((group?.owners.size ?? 0) !== owners.size) this.#fail('something has an owner that does not hold it')
    for (const client of this.#clients) {
      if (client.epoch === 0 || group?.members.has(client.memberId) !== true) continue
      for (const [name, { id }] of client.holdings) {
        if (this.#restarted && !this.#exists(id)) continue
        if (owners.get(id) !== client.memberId) this.#fail(`${client.memberId} works on ${name}, which is not its`)
      }
    }
  }

  #checkEverythingIsRead(): void {
    const named = new Set(this.#clients.flatMap((client) => client.topics))
    const expected = this.world
      .topicNames()
      .filter((name) => named.has(name))
      .flatMap((name) =>
        Array.from({ length: this.world.topic(name).partitionCount }, (_, index) => `${name}-${index}`),
      )
    const read = this.#clients.flatMap((client) => [...client.holdings.keys()])
    expect(read.sort(), this.#where).toEqual(expected.sort())
  }

  #checkBalance(): void {
    for (const rich of this.#clients) {
      for (const poor of this.#clients) {
        const couldGive = [...rich.holdings.keys()].some((name) => poor.topics.includes(name.slice(0, 1)))
        if (couldGive) expect(rich.holdings.size - poor.holdings.size, this.#where).toBeLessThanOrEqual(1)
      }
    }
  }

  #exists(id: string): boolean {
    return this.world.topicNames().some((name) => this.world.topic(name).topicId === topicIdOf(id))
  }

  #group(): ConsumerGroup | undefined {
    return this.world.coordinator.table.consumerGroups().find(({ groupId }) => groupId === 'g')
  }

  #someTopics(): string[] {
    return TOPICS.filter(() => this.#chance(0.6))
  }

  #pick(): ModelClient | undefined {
    return this.#clients[this.#below(this.#clients.length)]
  }

  #chance(probability: number): boolean {
    return this.#random() < probability
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit)
  }

  #fail(what: string): never {
    throw new Error(`${this.#place()}: ${what}`)
  }

  #place(): string {
    return `${this.#where}, step ${this.#step}`
  }
}

/** All of a coordinator's state as text, independent of the order in which maps were filled. */
function stateOf(coordinator: GroupCoordinator): string {
  const groups = coordinator.table.consumerGroups().map((group) => ({ ...group }))
  const offsets = coordinator.list().groups.map(({ group }) => coordinator.fetch({ group, partitions: null }))
  return JSON.stringify(canonical({ groups, offsets, list: coordinator.list() }))
}

function canonical(value: unknown): unknown {
  if (value instanceof Map) return sorted([...value].map(([key, each]) => [key, canonical(each)]))
  if (value instanceof Set) return sorted([...value])
  if (Array.isArray(value)) return value.map(canonical)
  if (typeof value !== 'object' || value === null) return value
  return sorted(Object.entries(value).map(([key, each]) => [key, canonical(each)]))
}

function sorted(elements: unknown[]): unknown[] {
  return elements.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
}
