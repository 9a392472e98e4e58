import type { Environment } from '../environment/environment.ts'

/** How long a loop may keep the event loop for itself: other processes wait that long for an answer. A turn costs 3 µs. */
const MAX_HOLD_MS = 1

/**
 * Records that are there already are handed out by promises alone, which would keep timers, signals and sockets waiting
 * until the backlog is drained. So a loop lets the event loop turn once every millisecond.
 */
export class Breath {
  readonly #environment: Environment
  #turnedAtMs: number | undefined

  constructor(environment: Environment) {
    this.#environment = environment
  }

  /** Undefined where nobody had to wait too long. */
  take(): Promise<void> | undefined {
    const nowMs = this.#environment.clock.monotonicMs()
    this.#turnedAtMs ??= nowMs
    if (nowMs - this.#turnedAtMs < MAX_HOLD_MS) return undefined
    return this.#turn()
  }

  async #turn(): Promise<void> {
    await this.#environment.timers.yield()
    this.#turnedAtMs = this.#environment.clock.monotonicMs()
  }
}
