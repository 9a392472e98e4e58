import type { Clock, Timer, Timers } from './environment.ts'
import { nodeTimers } from './node-clock.ts'

interface Pending extends Timer {
  readonly dueMs: number
  readonly callback: () => void
}

/** Time that stands still until `advance`. */
export class ManualClock implements Clock, Timers {
  #passedMs = 0
  readonly #startMs: number
  #pending: Pending[] = []

  constructor(startMs: number) {
    this.#startMs = startMs
  }

  nowMs(): number {
    return this.#startMs + this.#passedMs
  }

  monotonicMs(): number {
    return this.#passedMs
  }

  after(delayMs: number, callback: () => void): Timer {
    const timer: Pending = {
      dueMs: this.#passedMs + Math.max(0, delayMs),
      callback,
      cancel: () => {
        this.#pending = this.#pending.filter((other) => other !== timer)
      },
    }
    this.#pending.push(timer)
    return timer
  }

  yield(): Promise<void> {
    return nodeTimers.yield()
  }

  /** Moves time on and calls what becomes due, in order, at its own time; also what those calls make due. */
  advance(byMs: number): void {
    const untilMs = this.#passedMs + byMs
    for (;;) {
      let next: Pending | undefined
      for (const timer of this.#pending) {
        if (timer.dueMs <= untilMs && (next === undefined || timer.dueMs < next.dueMs)) next = timer
      }
      if (next === undefined) break
      next.cancel()
      this.#passedMs = Math.max(this.#passedMs, next.dueMs)
      next.callback()
    }
    this.#passedMs = untilMs
  }

  /** Timers waiting. */
  get pending(): number {
    return this.#pending.length
  }
}
