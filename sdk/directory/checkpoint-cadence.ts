import type { Environment, Timer } from '../environment/environment.ts'
import { TidemarkError } from '../errors.ts'

/** Recovery walks at most what was written since the last checkpoint. */
const CHECKPOINT_BYTES = 64 * 1024 * 1024
const CHECKPOINT_MS = 5000

/** Writes the checkpoints every 64 MiB and every 5 s, in the background. */
export class CheckpointCadence {
  readonly #environment: Environment
  readonly #write: () => Promise<void>
  #appendedBytes = 0
  #timer: Timer | undefined
  #hasWarned = false
  #isStopped = false

  constructor(environment: Environment, write: () => Promise<void>) {
    this.#environment = environment
    this.#write = write
    this.#schedule()
  }

  appended(bytes: number): void {
    this.#appendedBytes += bytes
    if (this.#appendedBytes < CHECKPOINT_BYTES) return
    this.#appendedBytes = 0
    this.#writeNow()
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
  }

  #schedule(): void {
    this.#timer = this.#environment.timers.after(CHECKPOINT_MS, () => {
      this.#schedule()
      this.#writeNow()
    })
  }

  #writeNow(): void {
    if (this.#isStopped) return
    this.#write().then(
      () => {
        this.#hasWarned = false
      },
      (error: unknown) => this.#failed(error),
    )
  }

  /** Not fatal: the older checkpoints stay true, recovery only takes longer. One warning until it succeeds again. */
  #failed(error: unknown): void {
    if (this.#isStopped) return
    const isLost = error instanceof TidemarkError && error.code === 'OWNERSHIP_LOST'
    if (isLost) this.stop()
    if (this.#hasWarned) return
    this.#hasWarned = true
    const code = isLost ? 'TIDEMARK_OWNERSHIP_LOST' : 'TIDEMARK_CHECKPOINT_FAILED'
    this.#environment.process.emitWarning((error as Error).message, code)
  }
}
