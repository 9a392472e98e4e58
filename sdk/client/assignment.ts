import type { TopicPartition } from '../broker/broker.ts'
import { TidemarkError } from '../errors.ts'
import type { ClientContext } from './client-context.ts'
import type { Committer } from './committer.ts'
import { publishMoved, publishPartitions } from './diagnostics.ts'
import type { Serdes } from './fetched-batch.ts'
import type { Fetcher } from './fetcher.ts'
import type { MemberEvents } from './member.ts'
import { type DamageJudge, PartitionBuffer } from './partition-buffer.ts'
import { pause } from './pause.ts'
import type { Position } from './position.ts'
import { ProcessedPrefix, type ProgressListener } from './processed.ts'
import type { Start, StartPositions } from './start-positions.ts'
import { isSamePartition } from './topic-partition.ts'

export interface AssignmentOptions {
  readonly group: string
  readonly memberId: () => string
  readonly rebalanceTimeoutMs: number
  /** Stop at the end that is seen when a partition arrives. */
  readonly stopsAtEnd: boolean
  readonly serdesOf: (topic: string) => Serdes
  readonly judge: DamageJudge
  readonly progress: () => ProgressListener
  /** The batch in hand may be of a partition that is gone: look for records anew. */
  readonly onChange: () => void
  /** What somebody had in hand no longer counts: perhaps nothing is left to wait for. */
  readonly onMoved: () => void
  /** Nothing more of these is to be begun: they are about to be given up, or (no longer open) are gone. */
  readonly onLeaving: (prefixes: readonly ProcessedPrefix[]) => void
  readonly onError: (error: unknown) => void
}

interface Parts {
  readonly context: ClientContext
  readonly committer: Committer
  readonly fetcher: Fetcher
  readonly starts: StartPositions
}

/** A partition a member has. */
export interface OwnedPartition {
  /** Another one begins when the group is moved. */
  prefix: ProcessedPrefix
  buffer: PartitionBuffer | undefined
  isPaused: boolean
  /** To be given up: it gets no more records. */
  isLeaving: boolean
  /** Counts places it was sent to: of two that are looked for at once the later one holds. */
  places: number
}

const RETRY_MS = 100
/** So long may a body take that holds up a partition without anybody being told. */
const RELEASE_WARNING_MS = 3_000

/** The partitions a member has: where each starts, what is processed of it, and how it is given up. */
export class Assignment implements MemberEvents {
  readonly #parts: Parts
  readonly #options: AssignmentOptions
  #owned: OwnedPartition[] = []
  #hasWarned = false
  /** Partitions whose start is still looked for. */
  #starting = 0
  /** False once the loop is over: nobody is waited for any more. */
  waitsForBodies = true

  constructor(parts: Parts, options: AssignmentOptions) {
    this.#parts = parts
    this.#options = options
  }

  get prefixes(): readonly ProcessedPrefix[] {
    return this.#owned.map(({ prefix }) => prefix)
  }

  get owned(): readonly OwnedPartition[] {
    return this.#owned
  }

  /** Whether every partition was handed out up to its end, as it was when the partition arrived. */
  get isFinished(): boolean {
    return this.#starting === 0 && this.#owned.every(({ buffer }) => buffer?.isFinished === true)
  }

  get isCaughtUp(): boolean {
    return this.#starting === 0 && this.#owned.every(({ buffer }) => buffer?.isCaughtUp === true)
  }

  get undone(): number {
    return this.#owned.reduce((sum, { prefix }) => sum + prefix.undone, 0)
  }

  /** A loop without `follow` that got nothing is over. */
  agreed(): void {
    this.#parts.fetcher.wake()
  }

  fail(error: TidemarkError): void {
    this.#options.onError(error)
  }

  assign(partitions: readonly TopicPartition[]): void {
    const arrived = partitions.map((place) => {
      return { prefix: this.#begun(place), buffer: undefined, isPaused: false, isLeaving: false, places: 0 }
    })
    this.#owned = [...this.#owned, ...arrived]
    this.#publish('assigned', arrived)
    void this.#start(arrived)
  }

  /** Stops handing out, lets what is in hand finish, commits, and gives up. After the rebalance timeout it is lost. */
  async revoke(partitions: readonly TopicPartition[]): Promise<void> {
    const leaving = this.#ownedOf(partitions)
    for (const owned of leaving) owned.isLeaving = true
    this.#stop(leaving)
    this.#options.onLeaving(leaving.map(({ prefix }) => prefix))
    if (this.waitsForBodies && leaving.some(({ prefix }) => prefix.undone > 0)) {
      // A body may go on for minutes, or for ever: what was done before it is safe now.
      await this.#commitBeforeLeaving()
      await this.#untilSettled(leaving)
      this.#loseThese(leaving.filter(({ prefix }) => prefix.isOpen && prefix.undone > 0))
    }
    await this.#commitBeforeLeaving()
    const released = leaving.filter(({ prefix }) => prefix.isOpen)
    this.#forget(released)
    this.#publish('revoked', released)
  }

  /** Nobody waits for bodies: what they have in hand no longer counts. */
  move(partitions: readonly TopicPartition[]): void {
    const moved = this.#ownedOf(partitions)
    this.#loseThese(moved.filter(({ isLeaving }) => isLeaving))
    const staying = moved.filter(({ isLeaving }) => !isLeaving)
    const ended = staying.map(({ prefix }) => prefix)
    for (const owned of staying) {
      if (owned.buffer !== undefined) this.#parts.fetcher.remove(owned.buffer)
      owned.buffer = undefined
      this.#end(owned.prefix)
      owned.prefix = this.#begun(owned.prefix)
      owned.places++
    }
    this.#options.onLeaving(ended)
    this.#options.onChange()
    this.#options.onMoved()
    void this.#start(staying).then((starts) => this.#publishMoved(starts))
  }

  lose(): void {
    this.#loseThese(this.#owned)
  }

  /** The topic is gone, and nothing of it can be committed. */
  loseTopic(topic: string): void {
    this.#loseThese(this.#owned.filter(({ prefix }) => prefix.topic === topic))
  }

  /** Hands out nothing of these partitions, or goes on with them; what is buffered stays. */
  pause(partitions: readonly TopicPartition[], isPaused: boolean): void {
    for (const owned of this.#ownedOf(partitions)) {
      owned.isPaused = isPaused
      if (owned.buffer !== undefined) owned.buffer.isPaused = isPaused
    }
    this.#options.onChange()
    this.#parts.fetcher.wake()
  }

  /** Goes on elsewhere. @throws {TidemarkError} INVALID_ARGUMENT, OFFSET_OUT_OF_RANGE */
  async seek(place: TopicPartition, position: Position): Promise<void> {
    const owned = this.#owned.find(({ prefix, isLeaving }) => !isLeaving && isSamePartition(prefix, place))
    if (owned === undefined) throw this.#notOurs(place)
    const turn = ++owned.places
    const start = await this.#parts.starts.at(place, position)
    if (!owned.prefix.isOpen || owned.isLeaving) throw this.#notOurs(place)
    if (turn !== owned.places) return
    const endOffset = owned.buffer?.endOffset ?? start.endOffset
    if (owned.buffer !== undefined) this.#parts.fetcher.remove(owned.buffer)
    this.#options.onChange()
    owned.prefix.restartAt(start.offset)
    this.#begin(owned, { ...start, endOffset })
  }

  /** Hands out again what was handed out of these and not done. */
  rewind(prefixes: readonly ProcessedPrefix[]): void {
    this.#options.onChange()
    for (const owned of this.#owned.filter(({ prefix }) => prefixes.includes(prefix))) {
      owned.prefix.rewind()
      owned.places++
      const { buffer } = owned
      if (buffer === undefined) continue
      this.#parts.fetcher.remove(buffer)
      this.#beginAt(owned, owned.prefix.offset, buffer.endOffset)
    }
  }

  #ownedOf(partitions: readonly TopicPartition[]): OwnedPartition[] {
    return this.#owned.filter(({ prefix }) => partitions.some((each) => isSamePartition(each, prefix)))
  }

  #notOurs({ topic, partition }: TopicPartition): TidemarkError {
    const owned = this.#owned.filter(({ isLeaving }) => !isLeaving)
    const names = owned.map(({ prefix }) => `${prefix.topic}-${prefix.partition}`).join(', ')
    const message = `seek: the consumer does not have ${topic}-${partition} now. It has ${names || 'none yet'}.`
    return new TidemarkError('INVALID_ARGUMENT', message, { topic, partition })
  }

  /** The consumer is closed: nothing counts from now on. */
  close(): void {
    this.#stop(this.#owned)
    this.#forget(this.#owned)
  }

  /** Resolves when nothing handed out is undone. */
  async settled(): Promise<void> {
    await Promise.all(this.#owned.map(({ prefix }) => prefix.settled()))
  }

  /** The offsets the partition waits for are gone: goes on where `whenLost` says. */
  async relocate(buffer: PartitionBuffer): Promise<void> {
    const owned = this.#owned.find((each) => each.buffer === buffer)
    if (owned === undefined) return
    this.#parts.fetcher.remove(buffer)
    owned.buffer = undefined
    this.#options.onChange()
    const turn = ++owned.places
    this.#starting++
    try {
      const start = await this.#parts.starts.replace(
        { topic: buffer.topic, partition: buffer.partition },
        buffer.fetchOffset,
      )
      if (turn !== owned.places) return
      // What is in hand still counts; a place further on is remembered once that is done.
      if (start.offset > owned.prefix.offset) owned.prefix.pass(start.offset, start.leaderEpoch)
      else if (owned.prefix.undone === 0) owned.prefix.startAt(start.offset, start.leaderEpoch, true)
      this.#begin(owned, start)
    } catch (error) {
      this.#options.onError(error)
    } finally {
      this.#starting--
    }
  }

  /** Goes to where the group is. Resolves with the places it really went to. */
  async #start(arrived: readonly OwnedPartition[]): Promise<Start[]> {
    this.#starting++
    const turns = arrived.map(({ places }) => places)
    try {
      const starts = await this.#find(arrived)
      return arrived.flatMap((owned, index) => {
        const start = starts.find((each) => isSamePartition(each, owned.prefix))
        if (start === undefined || !owned.prefix.isOpen || owned.places !== turns[index]) return []
        owned.prefix.startAt(start.offset, start.leaderEpoch, start.remember)
        owned.prefix.foundMetadata = start.metadata
        this.#begin(owned, start)
        return [start]
      })
    } catch (error) {
      if (arrived.some(({ prefix }) => prefix.isOpen)) this.#options.onError(error)
      return []
    } finally {
      this.#starting--
      this.#parts.fetcher.wake()
    }
  }

  async #find(arrived: readonly OwnedPartition[]): Promise<Start[]> {
    for (;;) {
      const wanted = arrived.filter(({ prefix }) => prefix.isOpen)
      if (wanted.length === 0) return []
      try {
        return await this.#parts.starts.find(wanted.map(({ prefix: { topic, partition } }) => ({ topic, partition })))
      } catch (error) {
        if (!(error instanceof TidemarkError) || !error.retriable) throw error
        await pause(this.#parts.context.environment.timers, RETRY_MS)
      }
    }
  }

  #begin(owned: OwnedPartition, start: Start): void {
    this.#beginAt(owned, start.offset, this.#options.stopsAtEnd ? start.endOffset : Number.POSITIVE_INFINITY)
  }

  #beginAt(owned: OwnedPartition, offset: number, endOffset: number): void {
    if (!owned.prefix.isOpen || owned.isLeaving) return
    const serdes = this.#options.serdesOf(owned.prefix.topic)
    owned.buffer = new PartitionBuffer(owned.prefix, serdes, offset, this.#options.judge)
    owned.buffer.isPaused = owned.isPaused
    owned.buffer.endOffset = endOffset
    this.#parts.fetcher.add(owned.buffer)
  }

  #stop(owned: readonly OwnedPartition[]): void {
    for (const { buffer } of owned) if (buffer !== undefined) this.#parts.fetcher.remove(buffer)
    this.#options.onChange()
  }

  async #untilSettled(leaving: readonly OwnedPartition[]): Promise<void> {
    const settled = Promise.all(leaving.map(({ prefix }) => prefix.settled()))
    const late = Promise.withResolvers<void>()
    const { timers } = this.#parts.context.environment
    const timer = timers.after(this.#options.rebalanceTimeoutMs, late.resolve)
    const warning = timers.after(RELEASE_WARNING_MS, () => this.#warnOfWaiting(leaving))
    await Promise.race([settled, late.promise])
    timer.cancel()
    warning.cancel()
  }

  /** A loop inside the body of another one, of the same group, waits for what the other cannot give up: nobody would see. */
  #warnOfWaiting(leaving: readonly OwnedPartition[]): void {
    const waiting = leaving.find(({ prefix }) => prefix.firstUndone !== undefined)
    if (waiting === undefined || this.#hasWarned) return
    this.#hasWarned = true
    const { topic, partition, firstUndone } = waiting.prefix
    const { group, rebalanceTimeoutMs } = this.#options
    const message =
      `Group "${group}" wants ${topic}-${partition} for another member, which waits until ${topic}-${partition}@${firstUndone} ` +
      `is done, or for ${rebalanceTimeoutMs} ms (rebalanceTimeoutMs). If the body that has it waits for another consumer ` +
      'of the same group, they wait for each other: use another group there, or no group (read).'
    this.#parts.context.environment.process.emitWarning(message, 'TIDEMARK_RELEASE_WAITS')
  }

  /** A commit that fails costs nothing but work done twice, by whoever gets the partition. */
  async #commitBeforeLeaving(): Promise<void> {
    if (this.#parts.committer.isManual) return
    try {
      await this.#parts.committer.commit('process-crash', { again: false })
    } catch (error) {
      if (error instanceof TidemarkError && error.retriable) return
      this.#options.onError(error)
    }
  }

  #loseThese(lost: readonly OwnedPartition[]): void {
    if (lost.length === 0) return
    this.#stop(lost)
    this.#forget(lost)
    this.#publish('lost', lost)
  }

  #forget(gone: readonly OwnedPartition[]): void {
    for (const { prefix } of gone) this.#end(prefix)
    this.#owned = this.#owned.filter((each) => !gone.includes(each))
    this.#options.onLeaving(gone.map(({ prefix }) => prefix))
    this.#parts.fetcher.wake()
  }

  #begun({ topic, partition }: TopicPartition): ProcessedPrefix {
    const prefix = new ProcessedPrefix(topic, partition, this.#options.progress())
    this.#parts.committer.add(prefix)
    return prefix
  }

  #end(prefix: ProcessedPrefix): void {
    prefix.close()
    this.#parts.committer.remove(prefix)
  }

  #publishMoved(starts: readonly Start[]): void {
    if (starts.length === 0) return
    const { group } = this.#options
    const offsets = starts.map(({ topic, partition, offset }) => ({ topic, partition, offset }))
    const places = offsets
      .map(({ topic, partition, offset }) => `to offset ${offset} of ${topic}-${partition}`)
      .join(', ')
    this.#parts.context.logger?.info(`Group "${group}" was moved ${places}: its consumer goes on there.`)
    publishMoved({ group, memberId: this.#options.memberId(), offsets })
  }

  #publish(what: 'assigned' | 'revoked' | 'lost', owned: readonly OwnedPartition[]): void {
    if (owned.length === 0) return
    const partitions = owned.map(({ prefix: { topic, partition } }) => ({ topic, partition }))
    const names = partitions.map(({ topic, partition }) => `${topic}-${partition}`).join(', ')
    const given = { assigned: 'was given', revoked: 'has given up', lost: 'has lost' }[what]
    this.#parts.context.logger?.info(`A consumer of group "${this.#options.group}" ${given} ${names}.`)
    publishPartitions(what, { group: this.#options.group, memberId: this.#options.memberId(), partitions })
  }
}
