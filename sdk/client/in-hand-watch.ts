import type { Clock, Timer, Timers } from '../environment/environment.ts'
import type { ProcessedPrefix } from './processed.ts'

/** Often enough to tell a body that is stuck from one that works; asking the clock per record would cost the loop a tenth. */
const LOOK_EVERY_MS = 500

/** Since when the first undone record of each partition is in hand, as far as that was seen by looking now and then. */
export class InHandWatch {
  readonly #clock: Clock
  readonly #timers: Timers
  readonly #prefixes: () => readonly ProcessedPrefix[]
  #seen = new Map<ProcessedPrefix, { readonly offset: number; readonly sinceMs: number }>()
  #timer: Timer | undefined

  constructor(clock: Clock, timers: Timers, prefixes: () => readonly ProcessedPrefix[]) {
    this.#clock = clock
    this.#timers = timers
    this.#prefixes = prefixes
  }

  start(): void {
    this.look()
    this.#timer = this.#timers.after(LOOK_EVERY_MS, () => this.start())
  }

  stop(): void {
    this.#timer?.cancel()
  }

  look(): void {
    const nowMs = this.#clock.monotonicMs()
    const seen = new Map<ProcessedPrefix, { readonly offset: number; readonly sinceMs: number }>()
    for (const prefix of this.#prefixes()) {
      const offset = prefix.firstUndone
      if (offset === undefined) continue
      const before = this.#seen.get(prefix)
      seen.set(prefix, before?.offset === offset ? before : { offset, sinceMs: nowMs })
    }
    this.#seen = seen
  }

  /** Undefined where nothing is in hand, or nothing was when it looked. */
  runningMs(prefix: ProcessedPrefix): number | undefined {
    const seen = this.#seen.get(prefix)
    return seen === undefined ? undefined : this.#clock.monotonicMs() - seen.sinceMs
  }
}
