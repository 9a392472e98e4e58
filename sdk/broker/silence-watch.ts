import type { Environment, Timer } from '../environment/environment.ts'

export interface SilenceOptions {
  /** A living owner answers in less than a millisecond. */
  readonly patienceMs: number
  readonly isWaiting: () => boolean
  readonly silent: () => void
  /** It was silent, and is no more. */
  readonly over: () => void
}

/** Notices that an owner does not answer any more; once per silence. */
export class SilenceWatch {
  readonly #environment: Environment
  readonly #patienceMs: number
  readonly #isWaiting: () => boolean
  readonly #silent: () => void
  readonly #over: () => void
  #timer: Timer | undefined
  /** Since when nothing came, although something was asked. */
  #quietSinceMs = 0
  /** The longest that something asked since then may wait by itself. */
  #longestWaitMs = 0
  #isSilent = false

  constructor(environment: Environment, options: SilenceOptions) {
    this.#environment = environment
    this.#patienceMs = options.patienceMs
    this.#isWaiting = options.isWaiting
    this.#silent = options.silent
    this.#over = options.over
  }

  /** Something is about to be asked, which may be answered as late as `maxWaitMs` from now. */
  asks(maxWaitMs = 0): void {
    if (!this.#isWaiting()) this.#quietSinceMs = this.#environment.clock.monotonicMs()
    if (maxWaitMs > this.#longestWaitMs) this.#longestWaitMs = maxWaitMs
    this.#timer ??= this.#after(this.#patienceMs)
  }

  /** It lives. */
  heard(): void {
    this.#quietSinceMs = this.#environment.clock.monotonicMs()
    this.#longestWaitMs = 0
    this.#end()
  }

  stop(): void {
    this.#timer?.cancel()
    this.#end()
  }

  #end(): void {
    if (!this.#isSilent) return
    this.#isSilent = false
    this.#over()
  }

  #after(delayMs: number): Timer {
    return this.#environment.timers.after(delayMs, () => void this.#look())
  }

  async #look(): Promise<void> {
    // If it was this process that did not run, an answer may be here already: it is read first.
    for (let turn = 0; turn < 3; turn++) await this.#environment.timers.yield()
    this.#timer = undefined
    if (this.#isSilent || !this.#isWaiting()) return
    const dueMs = this.#quietSinceMs + this.#longestWaitMs + this.#patienceMs
    const leftMs = dueMs - this.#environment.clock.monotonicMs()
    if (leftMs > 0) {
      this.#timer = this.#after(leftMs)
      return
    }
    this.#isSilent = true
    this.#silent()
  }
}
