import type { DataDirectory } from '../directory/data-directory.ts'
import type { Environment, Timer } from '../environment/environment.ts'
import { TidemarkError } from '../errors.ts'
import type { Cleanable } from '../log/cleanable.ts'
import type { PartitionLog } from '../log/partition-log.ts'
import type { LedPartitions } from './led-partitions.ts'
import type { MetadataLog } from './metadata-log.ts'

/** Kafka's `log.cleaner.backoff.ms`: how long nothing is looked at after there was nothing to do. */
const BACKOFF_MS = 15_000

interface DirtyLog {
  readonly log: PartitionLog
  readonly cleanable: Cleanable
}

/**
 * Compacts the logs of topics whose `cleanup.policy` says so, `__consumer_offsets` among them: one at a time, the dirtiest
 * first, in pieces of a few milliseconds.
 */
export class CompactionWatch {
  readonly #environment: Environment
  readonly #directory: DataDirectory
  readonly #metadata: MetadataLog
  readonly #partitions: LedPartitions
  readonly #signal = { aborted: false }
  /** What damage is in the way of: nothing changes about that before they are opened again. */
  readonly #hopeless = new WeakSet<PartitionLog>()
  /** Those whose last attempt failed; one warning until one succeeds. */
  readonly #failed = new WeakSet<PartitionLog>()
  #timer: Timer | undefined
  #running: Promise<void> = Promise.resolve()

  constructor(environment: Environment, directory: DataDirectory, metadata: MetadataLog, partitions: LedPartitions) {
    this.#environment = environment
    this.#directory = directory
    this.#metadata = metadata
    this.#partitions = partitions
  }

  start(): void {
    this.#timer = this.#environment.timers.after(BACKOFF_MS, () => {
      this.#running = this.#compactAll().finally(() => {
        if (!this.#signal.aborted) this.start()
      })
    })
  }

  /** Resolves when nothing is written any more. */
  async stop(): Promise<void> {
    this.#signal.aborted = true
    this.#timer?.cancel()
    await this.#running
  }

  async #compactAll(): Promise<void> {
    const tried = new Set<PartitionLog>()
    for (let dirty = this.#dirtiest(tried); dirty !== undefined; dirty = this.#dirtiest(tried)) {
      const isDone = await this.#compact(dirty)
      if (this.#signal.aborted) return
      if (!isDone) tried.add(dirty.log)
    }
  }

  /** False where trying again at once would be in vain. */
  async #compact({ log, cleanable }: DirtyLog): Promise<boolean> {
    const { firstDirtyOffset, endOffset } = cleanable
    const beforeSwap = () => this.#directory.checkOwned()
    try {
      const result = await log.compact({ firstDirtyOffset, endOffset, signal: this.#signal, beforeSwap })
      if (!result.isComplete) return false
      await this.#directory.noteCleaned(log.topic, log.partition, result.nextDirtyOffset)
      this.#failed.delete(log)
      return result.nextDirtyOffset > firstDirtyOffset
    } catch (error) {
      this.#warn(log, error)
      return false
    }
  }

  #dirtiest(tried: ReadonlySet<PartitionLog>): DirtyLog | undefined {
    let dirtiest: DirtyLog | undefined
    const nowMs = this.#environment.clock.nowMs()
    for (const log of this.#compactedLogs()) {
      if (tried.has(log) || this.#hopeless.has(log) || log.failure !== undefined) continue
      const cleanable = this.#judge(log, nowMs)
      if (cleanable === undefined || !cleanable.isDue) continue
      if (dirtiest === undefined || cleanable.dirtyRatio > dirtiest.cleanable.dirtyRatio) dirtiest = { log, cleanable }
    }
    return dirtiest
  }

  #judge(log: PartitionLog, nowMs: number): Cleanable | undefined {
    try {
      return log.cleanable(this.#directory.cleanedOffset(log.topic, log.partition), nowMs)
    } catch (error) {
      this.#warn(log, error)
      return undefined
    }
  }

  /** Those that are open, and those that would have to be opened but hold more than the one segment that is never compacted. */
  *#compactedLogs(): Generator<PartitionLog> {
    for (const { name, partitions } of this.#metadata.image.topics()) {
      if (this.#metadata.topic(name).configs.get('cleanup.policy')?.includes('compact') !== true) continue
      for (const partition of partitions.keys()) {
        if (!this.#partitions.isOpen(name, partition) && this.#directory.segmentSizes(name, partition).length < 2)
          continue
        const log = this.#find(name, partition)
        if (log !== undefined) yield log
      }
    }
  }

  #find(topic: string, partition: number): PartitionLog | undefined {
    try {
      const log = this.#partitions.find(topic, partition)
      return log === 'empty' ? undefined : log
    } catch {
      // Whoever wants to read it is told.
      return undefined
    }
  }

  #warn(log: PartitionLog, error: unknown): void {
    const code = error instanceof TidemarkError ? error.code : undefined
    if (code === 'CLOSED' || this.#signal.aborted) return
    if (code === 'CORRUPT_BATCH') this.#hopeless.add(log)
    if (this.#failed.has(log)) return
    this.#failed.add(log)
    this.#environment.process.emitWarning((error as Error).message, 'TIDEMARK_COMPACTION_FAILED')
  }
}
