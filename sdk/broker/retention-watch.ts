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

  constructor(environment: Environment, metadata: MetadataLog, partitions: LedPartitions) {
    this.#environment = environment
    this.#metadata = metadata
    this.#partitions = partitions
  }

  start(): void {
    this.#checkAfter(FIRST_CHECK_MS)
  }

  stop(): void {
    this.#timer?.cancel()
  }

  #checkAfter(delayMs: number): void {
    this.#timer = this.#environment.timers.after(delayMs, () => {
      this.#checkAfter(CHECK_MS)
      for (const { name, partitions } of this.#metadata.image.topics()) {
        if (isInternalTopic(name) || !this.#expires(name)) continue
        for (const partition of partitions.keys()) this.#check(name, partition)
      }
    })
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
