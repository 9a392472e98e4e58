import type { Environment, Timer } from '../environment/environment.ts'
import type { TidemarkError } from '../errors.ts'
import type { PartitionLog } from '../log/partition-log.ts'

/**
 * Kafka's `flush.messages` and `flush.ms`, for partitions whose sends do not wait for the disk: at most so many records, or
 * records so old, are lost to a power loss. Without these configs such partitions are flushed with every checkpoint.
 */
export class BackgroundFlush {
  readonly #environment: Environment
  readonly #timers = new Map<PartitionLog, Timer>()
  readonly #failed = new WeakSet<PartitionLog>()

  constructor(environment: Environment) {
    this.#environment = environment
  }

  /** To be called after every append. */
  appended(log: PartitionLog): void {
    const { flushMessages, flushMs } = log.config
    if (log.logEndOffset - log.flushedOffset >= flushMessages) this.#flush(log)
    if (flushMs === Number.POSITIVE_INFINITY || this.#timers.has(log)) return
    const flushLater = () => {
      this.#timers.delete(log)
      this.#flush(log)
    }
    this.#timers.set(log, this.#environment.timers.after(flushMs, flushLater))
  }

  close(): void {
    for (const timer of this.#timers.values()) timer.cancel()
    this.#timers.clear()
  }

  /** Nobody waits for it; whoever appends next is told. */
  #flush(log: PartitionLog): void {
    log.flush().catch((error: TidemarkError) => {
      if (error.code === 'CLOSED' || this.#failed.has(log)) return
      this.#failed.add(log)
      this.#environment.process.emitWarning(error.message, 'TIDEMARK_FLUSH_FAILED')
    })
  }
}
