import type { DataDirectory } from '../directory/data-directory.ts'
import type { PartitionLog } from '../log/partition-log.ts'
import { parseLogConfig, TIDEMARK_TOPIC_DEFAULTS } from '../topic/topic-configs.ts'
import type { Survives, TopicPartition } from './broker.ts'
import type { FindLog } from './log-requests.ts'
import type { MetadataLog } from './metadata-log.ts'

/** A partition this process may append to: its log, and the leader epoch of this ownership. */
export interface LedPartition {
  readonly log: PartitionLog
  readonly leaderEpoch: number
  survives: Survives
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
  readonly #pending = new Map<string, Promise<LedPartition>>()
  /** Called when a log is opened, so that waiting fetches learn of it. */
  readonly #onOpened: () => void

  constructor(directory: DataDirectory, metadata: MetadataLog, defaultSurvives: Survives, onOpened: () => void) {
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
  async lead(topic: string, partition: number): Promise<LedPartition> {
    const led = this.led(topic, partition)
    if (led !== undefined) return led
    const name = `${topic}-${partition}`
    const running = this.#pending.get(name)
    if (running !== undefined) return await running
    const starting = this.#startLeading(topic, partition).finally(() => this.#pending.delete(name))
    this.#pending.set(name, starting)
    return await starting
  }

  async #startLeading(topic: string, partition: number): Promise<LedPartition> {
    const leaderEpoch = await this.#metadata.raiseLeaderEpoch(topic, partition)
    const log = this.#open(topic, partition)
    log.assignEpoch(leaderEpoch)
    const led = { log, leaderEpoch, survives: this.survives(topic) }
    const partitions = this.#led.get(topic) ?? new Map<number, LedPartition>()
    this.#led.set(topic, partitions.set(partition, led))
    this.#onOpened()
    return led
  }

  #open(topic: string, partition: number): PartitionLog {
    const { topicId, configs } = this.#metadata.topic(topic)
    const config = parseLogConfig(TIDEMARK_TOPIC_DEFAULTS, configs)
    const highWatermarkFollows = this.survives(topic) === 'power-loss' ? 'flush' : 'append'
    return this.#directory.log(topic, partition, { topicId, config, highWatermarkFollows })
  }

  /** For reads: the log if there is one on disk; opening it writes nothing but what recovery mends. */
  readonly find: FindLog = (topic, partition) => {
    const led = this.led(topic, partition)
    if (led !== undefined) return led.log
    if (this.#metadata.partition(topic, partition) === undefined) return undefined
    return this.#directory.has(topic, partition) ? this.#open(topic, partition) : 'empty'
  }

  /** `flush.messages=1` is Kafka's way to say "flush before you answer"; without the config the directory's default holds. */
  survives(topic: string): Survives {
    const asked = this.#metadata.topic(topic).configs.get('flush.messages')
    if (asked === undefined) return this.#defaultSurvives
    return asked === '1' ? 'power-loss' : 'process-crash'
  }

  /** After a config change. */
  reconfigure(topic: string): void {
    const { configs } = this.#metadata.topic(topic)
    const config = parseLogConfig(TIDEMARK_TOPIC_DEFAULTS, configs)
    for (const led of this.#led.get(topic)?.values() ?? []) {
      led.log.config = config
      led.survives = this.survives(topic)
      led.log.highWatermarkFollows = led.survives === 'power-loss' ? 'flush' : 'append'
    }
  }

  forget(topic: string): void {
    this.#led.delete(topic)
  }

  all(): { place: TopicPartition; partition: LedPartition }[] {
    return [...this.#led].flatMap(([topic, partitions]) =>
      [...partitions].map(([partition, led]) => ({ place: { topic, partition }, partition: led })),
    )
  }
}
