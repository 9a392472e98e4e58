import type { ClientContext } from './client-context.ts'

/** How long a loop may keep the event loop for itself. */
const MAX_HOLD_MS = 10
/** The same while other processes wait for answers of this one. A turn costs 3 µs, and the warmth of the caches. */
const MAX_HOLD_SERVING_MS = 1

/**
 * Records that are there already are handed out by promises alone, which would keep timers, signals and sockets waiting
 * until the backlog is drained. So a loop lets the event loop turn from time to time.
 */
export class Breath {
  readonly #context: Pick<ClientContext, 'environment' | 'broker'>
  #turnedAtMs: number | undefined

  constructor(context: Pick<ClientContext, 'environment' | 'broker'>) {
    this.#context = context
  }

  /** Undefined where nobody had to wait too long. */
  take(): Promise<void> | undefined {
    const { environment, broker } = this.#context
    const nowMs = environment.clock.monotonicMs()
    this.#turnedAtMs ??= nowMs
    const heldMs = nowMs - this.#turnedAtMs
    if (heldMs < MAX_HOLD_SERVING_MS || (heldMs < MAX_HOLD_MS && !broker.servesOthers)) return undefined
    return this.#turn()
  }

  async #turn(): Promise<void> {
    const { timers, clock } = this.#context.environment
    await timers.yield()
    this.#turnedAtMs = clock.monotonicMs()
  }
}
