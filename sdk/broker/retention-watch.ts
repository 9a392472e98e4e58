import type { Environment, Timer } from '../environment/environment.ts'
import { isInternalTopic } from '../topic/topic-name.ts'
import type { LedPartitions } from './led-partitions.ts'
import type { MetadataLog } from './metadata-log.ts'

/** Kafka's `log.initial.task.delay.ms` and `log.retention.check.interval.ms`. */
const FIRST_CHECK_MS = 30_000
const CHECK_MS = 300_000

/**
 * Deletes old segments where a topic's configs ask for it, those of topics that nobody uses at the moment too. Commits
 * never expire.
 */
export class RetentionWatch {
  readonly #environment: Environment
  readonly #metadata: MetadataLog
  readonly #partitions: LedPartitions
  #timer: Timer | undefined
  #isStopped = false

  constructor(environment: Environment, metadata: MetadataLog, partitions: LedPartitions) {
    this.#environment = environment
    this.#metadata = metadata
    this.#partitions = partitions
  }

  start(): void {
    this.#checkAfter(FIRST_CHECK_MS)
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
  }

  #checkAfter(delayMs: number): void {
    this.#timer = this.#environment.timers.after(delayMs, () => {
      this.#checkAfter(CHECK_MS)
      void this.#checkAll()
    })
  }

  /** To open a partition takes a while: one per turn of the event loop. */
  async #checkAll(): Promise<void> {
    const topics = [...this.#metadata.image.topics()].filter(
      ({ name }) => !isInternalTopic(name) && this.#expires(name),
    )
    for (const { name, partitions } of topics) {
      for (const partition of [...partitions.keys()]) {
        const isOpen = this.#partitions.isOpen(name, partition)
        this.#check(name, partition)
        if (!isOpen) await this.#environment.timers.yield()
        if (this.#isStopped) return
      }
    }
  }

  #expires(topic: string): boolean {
    const { cleanupPolicy, retentionMs, retentionBytes } = this.#partitions.config(topic)
    return cleanupPolicy.has('delete') && (retentionMs >= 0 || retentionBytes >= 0)
  }

  #check(topic: string, partition: number): void {
    try {
      const log = this.#partitions.find(topic, partition)
      if (log === undefined || log === 'empty' || log.failure !== undefined) return
      log.applyRetention(this.#environment.clock.nowMs())
    } catch (error) {
      this.#environment.process.emitWarning((error as Error).message, 'TIDEMARK_RETENTION_FAILED')
    }
  }
}
