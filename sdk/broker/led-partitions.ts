import type { DataDirectory } from '../directory/data-directory.ts'
import type { Environment, Timers } from '../environment/environment.ts'
import type { LogConfig } from '../log/log-config.ts'
import type { PartitionLog } from '../log/partition-log.ts'
import { parseLogConfig, TIDEMARK_TOPIC_DEFAULTS } from '../topic/topic-configs.ts'
import { noSuchTopic } from '../topic/topic-name.ts'
import type { Survives } from './broker.ts'
import type { MetadataLog } from './metadata-log.ts'

/** Partitions that begin together. Each has a file open meanwhile, so there are fewer where descriptors are few. */
const MAX_BEGINNINGS = 32
const MAX_SHARE_OF_FILES = 1 / 8

/** A partition this process may append to: its log, and the leader epoch of this ownership. */
export interface LedPartition {
  readonly log: PartitionLog
  readonly leaderEpoch: number
  survives: Survives
}

interface Waiting {
  readonly go: (led: LedPartition) => void
  readonly fail: (error: unknown) => void
}

/**
 * The logs of this ownership. An ownership's first append to a partition raises the leader epoch (KIP-320): the
 * PartitionChange record and the checkpoint line are durable before any record carries the new epoch, so a reader can
 * always tell two histories of one partition apart. Partitions that are only read raise nothing.
 */
export class LedPartitions {
  readonly #directory: DataDirectory
  readonly #metadata: MetadataLog
  readonly #defaultSurvives: Survives
  readonly #led = new Map<string, Map<number, LedPartition>>()
  /** Those that are open, be it only to be read. */
  readonly #logs = new Map<string, Map<number, PartitionLog>>()
  readonly #timers: Timers
  readonly #togetherCount: number
  /** What is to be done once a partition is led. */
  readonly #waiting = new Map<string, Waiting[]>()
  /** Partitions whose beginning is still to come. */
  #beginnings: (() => Promise<void>)[] = []
  #begun: Promise<void> | undefined
  /** Called when a log is opened, so that waiting fetches learn of it. */
  readonly #onOpened: () => void

  constructor(
    { files, timers }: Environment,
    directory: DataDirectory,
    metadata: MetadataLog,
    { defaultSurvives, onOpened }: { defaultSurvives: Survives; onOpened: () => void },
  ) {
    this.#timers = timers
    this.#togetherCount = Math.max(1, Math.min(MAX_BEGINNINGS, Math.floor(files.maxOpenFiles * MAX_SHARE_OF_FILES)))
    this.#directory = directory
    this.#metadata = metadata
    this.#defaultSurvives = defaultSurvives
    this.#onOpened = onOpened
  }

  /** The partition if this ownership has appended to it before; the hot path. */
  led(topic: string, partition: number): LedPartition | undefined {
    return this.#led.get(topic)?.get(partition)
  }

  /** Makes the partition ready for appends of this ownership. */
  lead(topic: string, partition: number): Promise<LedPartition> {
    return this.whenLed(topic, partition, (led) => led)
  }

  /**
   * Runs an action as soon as the partition is ready for appends of this ownership: those that wait in the order of the
   * calls, before anybody can find it in `led`.
   */
  whenLed<T>(topic: string, partition: number, action: (led: LedPartition) => T | Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    const go = (led: LedPartition) => {
      try {
        resolve(action(led))
      } catch (error) {
        reject(error)
      }
    }
    const led = this.led(topic, partition)
    if (led !== undefined) {
      go(led)
      return promise
    }
    const name = `${topic}-${partition}`
    const waiting = this.#waiting.get(name)
    if (waiting !== undefined) waiting.push({ go, fail: reject })
    else {
      this.#waiting.set(name, [{ go, fail: reject }])
      this.#beginnings.push(() => this.#begin(topic, partition))
      this.#begun ??= this.#beginAll()
    }
    return promise
  }

  /** To begin costs several flushes. Those that begin together share them, or wait for the disk at the same time. */
  async #beginAll(): Promise<void> {
    do {
      await this.#timers.yield()
      await Promise.all(this.#beginnings.splice(0, this.#togetherCount).map((begin) => begin()))
    } while (this.#beginnings.length > 0)
    this.#begun = undefined
  }

  async #begin(topic: string, partition: number): Promise<void> {
    try {
      await this.#startLeading(topic, partition)
    } catch (error) {
      for (const { fail } of this.#taken(topic, partition)) fail(error)
    }
  }

  #taken(topic: string, partition: number): readonly Waiting[] {
    const name = `${topic}-${partition}`
    const waiting = this.#waiting.get(name) ?? []
    this.#waiting.delete(name)
    return waiting
  }

  async #startLeading(topic: string, partition: number): Promise<void> {
    const before = this.find(topic, partition)
    const latestEpoch = before === undefined || before === 'empty' ? undefined : before.latestEpoch
    const leaderEpoch = await this.#metadata.raiseLeaderEpoch(topic, partition, latestEpoch ?? -1)
    const { topicId } = this.#metadata.topic(topic)
    const options = { topicId, ...this.#settings(topic) }
    const log = await this.#directory.beginEpoch(topic, partition, leaderEpoch, options)
    // Deleted meanwhile, be there another one of that name.
    if (this.#metadata.topic(topic).topicId !== topicId) throw noSuchTopic(topic)
    // Its configs may have been changed meanwhile.
    Object.assign(log, this.#settings(topic))
    this.#add(topic, partition, log)
    const led = { log, leaderEpoch, survives: this.survives(topic) }
    const partitions = this.#led.get(topic) ?? new Map<number, LedPartition>()
    this.#led.set(topic, partitions.set(partition, led))
    for (const { go } of this.#taken(topic, partition)) go(led)
    this.#onOpened()
  }

  /** Appends what this process itself has to say. Throws OWNERSHIP_LOST, CLOSED, STORAGE_ERROR; nothing was appended then. */
  append({ log, leaderEpoch }: LedPartition, bytes: Buffer): void {
    this.#directory.checkOwned()
    log.append(bytes, { leaderEpoch })
    this.#directory.appended(bytes.length)
  }

  /** The partition's directory vanished: it goes on behind what was lost. */
  restore(topic: string, partition: number): void {
    this.#open(topic, partition, true)
  }

  #open(topic: string, partition: number, isVanished = false): PartitionLog {
    const { topicId } = this.#metadata.topic(topic)
    const log = this.#directory.log(topic, partition, { topicId, isVanished, ...this.#settings(topic) })
    this.#add(topic, partition, log)
    return log
  }

  #add(topic: string, partition: number, log: PartitionLog): void {
    const logs = this.#logs.get(topic) ?? new Map<number, PartitionLog>()
    this.#logs.set(topic, logs.set(partition, log))
  }

  isOpen(topic: string, partition: number): boolean {
    return this.#logs.get(topic)?.has(partition) === true
  }

  exists(topic: string, partition: number): boolean {
    return this.#metadata.partition(topic, partition) !== undefined
  }

  /** Throws UNKNOWN_TOPIC. */
  config(topic: string): LogConfig {
    return parseLogConfig(TIDEMARK_TOPIC_DEFAULTS, this.#metadata.topic(topic).configs)
  }

  #settings(topic: string): { config: LogConfig; highWatermarkFollows: 'flush' | 'append' } {
    return {
      config: this.config(topic),
      highWatermarkFollows: this.survives(topic) === 'power-loss' ? 'flush' : 'append',
    }
  }

  /** For reads: the log if there is one on disk; opening it writes nothing but what recovery mends. */
  readonly find = (topic: string, partition: number): PartitionLog | 'empty' | undefined => {
    const log = this.#logs.get(topic)?.get(partition)
    if (log !== undefined) return log
    if (!this.exists(topic, partition)) return undefined
    return this.#directory.has(topic, partition) ? this.#open(topic, partition) : 'empty'
  }

  /** `flush.messages=1` is Kafka's way to say "flush before you answer"; without the config the directory's default holds. */
  survives(topic: string): Survives {
    const asked = this.#metadata.topic(topic).configs.get('flush.messages')
    if (asked === undefined) return this.#defaultSurvives
    return asked === '1' ? 'power-loss' : 'process-crash'
  }

  /** After a config change: for logs that were only read so far too. */
  reconfigure(topic: string): void {
    if (this.#metadata.image.topicByName(topic) === undefined) return
    const settings = this.#settings(topic)
    for (const log of this.#logs.get(topic)?.values() ?? []) Object.assign(log, settings)
    const survives = this.survives(topic)
    for (const led of this.#led.get(topic)?.values() ?? []) led.survives = survives
  }

  /** The topic is gone. */
  forget(topic: string): void {
    this.#led.delete(topic)
    this.#logs.delete(topic)
  }

  /** The logs are about to be closed. */
  close(): void {
    this.#led.clear()
    this.#logs.clear()
  }
}
