import type { Environment } from '../environment/environment.ts'

/** How long others wait at most: appends, reads and timers come in between. */
const SLICE_MS = 3
/** Asking the clock costs as much as a small step of the work. */
const STEPS_PER_LOOK = 64
/** A clock that a test holds still never says that time is up. */
const LOOKS_PER_SLICE = 256

/** Long work in the background, in short pieces: `if (slices.isDue()) await slices.rest()` after each step. */
export class TimeSlices {
  /** The longest piece so far, milliseconds. */
  longestMs = 0
  readonly #environment: Environment
  #startMs: number
  #steps = 0
  #looks = 0

  constructor(environment: Environment) {
    this.#environment = environment
    this.#startMs = environment.clock.monotonicMs()
  }

  /** Whether it is time to let others run; `weight` is how many steps were done since the last call. */
  isDue(weight = 1): boolean {
    this.#steps += weight
    if (this.#steps < STEPS_PER_LOOK) return false
    this.#steps = 0
    this.#looks++
    return this.#looks >= LOOKS_PER_SLICE || this.#environment.clock.monotonicMs() - this.#startMs >= SLICE_MS
  }

  async rest(): Promise<void> {
    this.pause()
    await this.#environment.timers.yield()
    this.resume()
  }

  /** Before waiting for something else. */
  pause(): void {
    this.longestMs = Math.max(this.longestMs, this.#environment.clock.monotonicMs() - this.#startMs)
  }

  resume(): void {
    this.#steps = 0
    this.#looks = 0
    this.#startMs = this.#environment.clock.monotonicMs()
  }
}
