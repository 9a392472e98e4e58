import type { Clock } from '../environment/environment.ts'

/** How much of a pause counts: a process that was stopped, or a laptop that slept, has not been silent on purpose. */
export const LOOP_STEP_MS = 1_000

/** A clock that runs only while the event loop runs: longer gaps between two looks at it count as one step. */
export class LoopClock {
  readonly #clock: Clock
  #loopMs = 0
  #lookedAtMs: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.#lookedAtMs = clock.monotonicMs()
  }

  nowMs(): number {
    const now = this.#clock.monotonicMs()
    this.#loopMs += Math.min(now - this.#lookedAtMs, LOOP_STEP_MS)
    this.#lookedAtMs = now
    return this.#loopMs
  }
}
