import { expect } from 'vitest'
import type { AlterConsumerGroupOffsetsRequest, TopicPartition } from '../../../../sdk/broker/broker.ts'
import { ClientContext } from '../../../../sdk/client/client-context.ts'
import { Consumer } from '../../../../sdk/client/consumer.ts'
import { Groups } from '../../../../sdk/client/groups.ts'
import type { ResetPlan } from '../../../../sdk/client/reset-plan.ts'
import type { ResetTarget } from '../../../../sdk/client/reset-target.ts'
import { Topic } from '../../../../sdk/client/topic.ts'
import type { TopicRecord } from '../../../../sdk/client/topic-record.ts'
import { randomFrom, type SeededRandom } from '../../../../sdk/environment/seeded-random.ts'
import { TidemarkError } from '../../../../sdk/errors.ts'
import { type CommittedPosition, isSamePosition } from '../../../../sdk/offsets/reset-metadata.ts'
import { turns } from './create-client.ts'
import { type CutOffBroker, cutOffBroker } from './cut-off-broker.ts'
import { type Ear, type GroupWorld, nameOf, RECORDS, TOPICS } from './group-world.ts'
import { PartitionModel } from './partition-model.ts'

const MAX_MEMBERS = 8
/** A member that is not heard of for so long is taken for dead. */
const SESSION_TIMEOUT_S = 45

interface Member {
  readonly process: CutOffBroker
  readonly consumer: Consumer<TopicRecord>
  readonly records: AsyncIterator<TopicRecord, undefined>
  readonly topics: readonly string[]
  asked: Promise<void> | undefined
  inHand: TopicRecord | undefined
  /** Partitions in which the group was moved while it had them, and it has not heard of that: nothing it does there counts. */
  readonly unheard: Set<string>
  /** What the group last said is its. */
  readonly given: Set<string>
  hasEnded: boolean
}

/** One random history of a group: real members of a real broker, and what must hold after every step. */
export class MovingGroup {
  readonly counts = {
    records: 0,
    commits: 0,
    kills: 0,
    leaves: 0,
    resets: 0,
    undos: 0,
    forced: 0,
    refused: 0,
    running: 0,
    outrun: 0,
  }
  readonly #world: GroupWorld
  readonly #group: string
  readonly #random: SeededRandom
  readonly #groups: Groups
  readonly #partitions = new Map<string, PartitionModel>()
  /** When which partition was moved, so that its history may go back there. */
  readonly #moves = new Set<string>()
  readonly #failures: unknown[] = []
  #members: Member[] = []
  /** Whether somebody was killed whom the broker may still count. */
  #hasGhosts = false
  /** A running group is about to be moved: how, and why it will not be. */
  #altering: { readonly way: 'reset' | 'undo'; code: 'GROUP_MOVED' | null } | undefined
  #where: string
  #step = 0

  constructor(world: GroupWorld, seed: number) {
    this.#world = world
    this.#group = `group ${seed}`
    this.#where = `SEED=${seed}`
    this.#random = randomFrom(seed)
    const { environment } = world
    const broker = world.withRequests({ alterConsumerGroupOffsets: (request) => this.#alter(request) })
    this.#groups = new Groups(new ClientContext({ broker, environment }))
    for (const [topic, count] of Object.entries(TOPICS)) {
      for (let partition = 0; partition < count; partition++) {
        this.#partitions.set(`${topic}-${partition}`, new PartitionModel(topic, partition))
      }
    }
  }

  async run(steps: number): Promise<void> {
    const seed = this.#where
    for (this.#step = 1; this.#step <= steps; this.#step++) {
      this.#where = `${seed} step ${this.#step}`
      await this.#act()
      await this.#checkOwners()
    }
    this.#where = `${seed}, in the end`
    await this.#finish()
    await this.#checkHistory()
  }

  async #act(): Promise<void> {
    const roll = this.#random.number()
    if (roll < 0.16) this.#join()
    else if (roll < 0.64) for (let n = this.#random.below(10); n >= 0; n--) await this.#ask()
    else if (roll < 0.69) await this.#leave()
    else if (roll < 0.74) this.#kill()
    else if (roll < 0.8) await this.#pass(1 + this.#random.below(5))
    else await this.#move()
    await turns(1)
  }

  /** Mostly when everybody is gone; sometimes somebody is still there, and it must be refused. */
  async #move(): Promise<void> {
    if (this.#random.below(4) > 0) await this.#dismiss()
    await (this.#random.below(2) === 0 ? this.#reset() : this.#undo())
  }

  #join(): void {
    if (this.#members.length >= MAX_MEMBERS) return
    const { environment } = this.#world
    const wanted = Object.keys(TOPICS).filter(() => this.#random.below(4) > 0)
    const topics = wanted.length === 0 ? ['payments'] : wanted
    const unheard = new Set<string>()
    const given = new Set<string>()
    const process = cutOffBroker(this.#world.overheard(this.#earFor(unheard, given)))
    const context = new ClientContext({ broker: process.broker, environment })
    const consumer = new Consumer<TopicRecord>(
      context,
      topics.map((name) => new Topic(context, name)),
      { group: this.#group, commit: { everyRecords: 1 + this.#random.below(5), intervalMs: 3000, idleMs: 1000 } },
    )
    const records = consumer[Symbol.asyncIterator]()
    const state = { asked: undefined, inHand: undefined, hasEnded: false }
    const member: Member = { process, consumer, records, topics, unheard, given, ...state }
    this.#members.push(member)
    this.#next(member)
  }

  #earFor(unheard: Set<string>, given: Set<string>): Ear {
    return {
      given: (partitions) => {
        given.clear()
        for (const name of partitions) given.add(name)
      },
      committed: ({ offsets }, refused) => {
        for (const { topic, partition, offset, leaderEpoch, metadata } of offsets) {
          if (refused.has(`${topic}-${partition}`)) {
            if (unheard.has(`${topic}-${partition}`)) this.counts.outrun++
            continue
          }
          this.counts.commits++
          this.#model(topic, partition).committedBy({ offset, leaderEpoch, metadata }, this.#nowMs, this.#where)
        }
      },
      owns: (partitions) => {
        for (const name of [...unheard]) if (!partitions.has(name)) unheard.delete(name)
      },
      moved: (partitions) => {
        for (const name of partitions) unheard.delete(name)
      },
    }
  }

  /** Some member's body is done, and its loop asks for the next record. */
  async #ask(): Promise<void> {
    const member = this.#pick()
    if (member === undefined || member.asked !== undefined) return
    this.#next(member)
    await turns(1)
  }

  #next(member: Member): void {
    const { inHand } = member
    if (inHand !== undefined) {
      const model = this.#model(inHand.topic, inHand.partition)
      model.processed(inHand.offset)
      model.holder = undefined
      member.inHand = undefined
    }
    member.asked = member.records.next().then(({ value: record }) => {
      member.asked = undefined
      // A process that is gone runs no more code, though its promises go on here.
      if (member.process.isCutOff) return
      if (record === undefined) {
        member.hasEnded = true
        return
      }
      this.counts.records++
      if (member.unheard.has(nameOf(record))) return
      member.inHand = record
      this.#model(record.topic, record.partition).handedOut(record.offset, member, this.#where)
    })
    // Looked at when the history is over: a check that fails must not go unheard.
    member.asked.catch((error: unknown) => this.#failures.push(error))
  }

  async #leave(): Promise<void> {
    const member = this.#pick()
    if (member === undefined) return
    this.counts.leaves++
    await this.#end(member)
  }

  async #end(member: Member): Promise<void> {
    this.#forget(member)
    const way = this.#random.below(2) === 0 ? 'close' : 'return'
    await this.#settled(way, way === 'close' ? member.consumer.close() : member.records.return!())
  }

  /** Waits while time passes, since some of it needs a heartbeat or a commit that is due. */
  async #settled(what: string, promise: Promise<unknown>): Promise<void> {
    let isSettled = false
    const settle = () => {
      isSettled = true
    }
    promise.then(settle, settle)
    for (let turn = 0; !isSettled; turn++) {
      if (turn > 1000) expect.fail(`${this.#where}: ${what} never ends`)
      await turns(1)
      if (turn > 2) this.#world.environment.advance(100)
    }
    await promise
  }

  /** Its process is gone: it says no word any more, and the broker finds out by its silence. */
  #kill(): void {
    const member = this.#pick()
    if (member === undefined) return
    this.counts.kills++
    member.process.cutOff()
    this.#forget(member)
    this.#hasGhosts = true
  }

  #forget(member: Member): void {
    this.#members = this.#members.filter((each) => each !== member)
    // What it has in hand comes again.
    if (member.inHand !== undefined) this.#model(member.inHand.topic, member.inHand.partition).holder = undefined
  }

  /** Everybody leaves, and the dead are given up, so that the group can be moved. */
  async #dismiss(): Promise<void> {
    for (const member of this.#members) await this.#end(member)
    if (this.#hasGhosts) {
      // What they had sent is still answered: the first word of a group takes some flushes.
      await turns(20)
      // Nobody is left who would have to be heard in between.
      this.#world.environment.advance((SESSION_TIMEOUT_S + 2) * 1000)
    }
    this.#hasGhosts = false
    await turns(1)
  }

  async #pass(seconds: number): Promise<void> {
    for (let second = 0; second < seconds; second++) {
      this.#world.environment.advance(1000)
      await turns(1)
    }
  }

  async #reset(): Promise<void> {
    this.#world.environment.advance(1)
    const plan = await this.#groups.planReset(this.#group, this.#target(), { topics: this.#someTopics() })
    if (await this.#isApplied(plan, 'reset')) this.counts.resets++
  }

  async #undo(): Promise<void> {
    this.#world.environment.advance(1)
    const expected = this.#lastReset()
    const plan = await this.#groups.planUndo(this.#group)
    const found = plan.changes.map(({ topic, partition, hasMovedOn }) => `${topic}-${partition} ${hasMovedOn}`)
    const wanted = expected.map(({ name, reset }) => `${name} ${reset?.hasMovedOn}`)
    expect(found.sort(), `${this.#where}: what an undo finds`).toEqual(wanted.sort())
    for (const { topic, partition, before, after } of plan.changes) {
      const { committed, reset, name } = this.#model(topic, partition)
      expect(isSamePosition(before, committed), `${this.#where}: ${name} before`).toBe(true)
      expect(isSamePosition(after, reset?.before ?? null), `${this.#where}: ${name} after`).toBe(true)
    }
    const force = this.#random.below(2) === 0
    const hasMovedOn = expected.some(({ reset }) => reset?.hasMovedOn === true)
    if (await this.#isApplied(plan, 'undo', force, hasMovedOn && !force)) {
      this.counts.undos++
      if (hasMovedOn) this.counts.forced++
    }
  }

  /** Applies a plan, or sees it refused as it must be. */
  async #isApplied(plan: ResetPlan, way: 'reset' | 'undo', force = false, mustRefuse = false): Promise<boolean> {
    const changes = plan.changes.filter(({ isUnchanged }) => !isUnchanged)
    if (changes.length === 0) return false
    if (this.#random.below(2) === 0) return await this.#isMoved(plan, way, force)
    const before = await this.#countMembers()
    const outcome = await codeOf(plan.apply({ force }))
    // Somebody may join just then.
    const count = outcome === null ? before : Math.max(before, await this.#countMembers())
    const code = mustRefuse ? 'GROUP_MOVED' : count > 0 ? 'NON_EMPTY_GROUP' : null
    expect(outcome, `${this.#where}: moving a group of ${count}`).toBe(code)
    if (outcome !== null) this.counts.refused++
    else {
      for (const { topic, partition, after } of changes) {
        this.#model(topic, partition).putTo(after, this.#nowMs, way)
        this.#moves.add(`${topic}-${partition} ${this.#nowMs}`)
      }
      // Members' commits of this very moment would pass for moves.
      this.#world.environment.advance(1)
    }
    await this.#checkCommitted()
    return outcome === null
  }

  /** Whoever runs goes on at the new place; only a commit of this very moment is in the way. */
  async #isMoved(plan: ResetPlan, way: 'reset' | 'undo', force: boolean): Promise<boolean> {
    this.#altering = { way, code: null }
    const hasMovedOn = plan.changes.some((change) => change.hasMovedOn) && !force
    const outcome = await codeOf(plan.apply({ force, running: true }))
    const { code } = this.#altering
    this.#altering = undefined
    expect(outcome, `${this.#where}: moving a running group`).toBe(hasMovedOn ? 'GROUP_MOVED' : code)
    if (outcome !== null) this.counts.refused++
    // Members' commits of this very moment would pass for moves.
    this.#world.environment.advance(1)
    await this.#checkCommitted()
    return outcome === null
  }

  /** The broker is asked to move the group: it does so before it returns, or sees that the group has committed since. */
  #alter(request: AlterConsumerGroupOffsetsRequest): Promise<void> {
    const isOutdated = request.offsets.some(({ expected, ...place }) => {
      return expected !== undefined && !isSamePosition(expected, this.#model(place.topic, place.partition).committed)
    })
    const answer = this.#world.owner.alterConsumerGroupOffsets(request)
    if (this.#altering === undefined) return answer
    if (isOutdated) this.#altering.code = 'GROUP_MOVED'
    else for (const { position, ...place } of request.offsets) this.#moved(place, position, this.#altering.way)
    return answer
  }

  #moved(place: TopicPartition, position: CommittedPosition | null, way: 'reset' | 'undo'): void {
    const name = nameOf(place)
    this.#model(place.topic, place.partition).putTo(position, this.#nowMs, way)
    this.#moves.add(`${name} ${this.#nowMs}`)
    for (const member of this.#members) {
      if (!member.given.has(name) && !member.consumer.assignment.some((each) => nameOf(each) === name)) continue
      this.counts.running++
      member.unheard.add(name)
      if (member.inHand !== undefined && nameOf(member.inHand) === name) member.inHand = undefined
    }
  }

  async #countMembers(): Promise<number> {
    return (await this.#world.owner.consumerGroupDescribe({ groups: [this.#group] })).groups[0]!.members.length
  }

  #lastReset(): PartitionModel[] {
    const resets = [...this.#partitions.values()].filter(({ reset }) => reset !== undefined)
    const lastMs = Math.max(...resets.map(({ reset }) => reset!.atMs))
    return resets.filter(({ reset }) => reset!.atMs === lastMs)
  }

  #target(): ResetTarget {
    const targets: ResetTarget[] = ['earliest', 'latest', { offset: this.#random.below(RECORDS + 3) }]
    return targets[this.#random.below(targets.length)]!
  }

  #someTopics(): string[] {
    const topics = Object.keys(TOPICS).filter(() => this.#random.below(2) === 0)
    return topics.length === 0 ? ['payments'] : topics
  }

  /** Each partition has at most one owner. */
  async #checkOwners(): Promise<void> {
    if (this.#failures.length > 0) throw this.#failures[0]
    const { members } = (await this.#world.owner.consumerGroupDescribe({ groups: [this.#group] })).groups[0]!
    const held = members.flatMap(({ assignment }) => assignment.map(({ topic, partition }) => `${topic}-${partition}`))
    if (new Set(held).size < held.length) expect.fail(`${this.#where}: a partition has two owners: ${held.sort()}`)
  }

  async #checkCommitted(): Promise<void> {
    const offsets = await this.#groups.offsets(this.#group)
    for (const { topic, partition, name, committed } of this.#partitions.values()) {
      const found = offsets.find((each) => each.topic === topic && each.partition === partition) ?? null
      if (!isSamePosition(found, committed)) {
        expect.fail(`${this.#where}: ${name} is at ${JSON.stringify(found)}, not at ${JSON.stringify(committed)}`)
      }
    }
  }

  /** Whoever comes last reads all that is left: nothing was skipped. */
  async #finish(): Promise<void> {
    await this.#dismiss()
    const { context } = this.#world
    const topics = Object.keys(TOPICS).map((name) => new Topic(context, name))
    const consumer = new Consumer<TopicRecord>(context, topics, { group: this.#group, follow: false })
    for await (const record of consumer) {
      const model = this.#model(record.topic, record.partition)
      model.handedOut(record.offset, consumer, this.#where)
      model.processed(record.offset)
    }
    if (this.#failures.length > 0) throw this.#failures[0]
    for (const model of this.#partitions.values()) {
      expect(model.processedToEnd, `${this.#where}: ${model.name} is read to its end`).toBe(RECORDS)
    }
  }

  /** What was written down is what was seen: commits go up, but for those by which somebody moved the group. */
  async #checkHistory(): Promise<void> {
    const history = await this.#groups.history(this.#group)
    for (const { topic, partition, entries } of history) {
      let last = 0
      for (const entry of entries) {
        const isMove = this.#moves.has(`${topic}-${partition} ${entry.timestampMs}`)
        const offset = entry.offset ?? 0
        if (!isMove && offset < last) expect.fail(`${this.#where}: ${topic}-${partition} goes back to ${offset}`)
        last = offset
      }
    }
  }

  #pick(): Member | undefined {
    const running = this.#members.filter(({ hasEnded }) => !hasEnded)
    return running[this.#random.below(running.length)]
  }

  #model(topic: string, partition: number): PartitionModel {
    return this.#partitions.get(`${topic}-${partition}`)!
  }

  get #nowMs(): number {
    return this.#world.environment.clock.nowMs()
  }
}

async function codeOf(action: Promise<void>): Promise<unknown> {
  return await action.then(
    () => null,
    (error: unknown) => (error instanceof TidemarkError ? error.code : error),
  )
}
