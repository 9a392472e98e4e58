/** Does something when it is asked for, but not more often than every so many milliseconds; the last wish is never lost. */
export class Pace {
  readonly #action: () => void
  readonly #everyMs: number
  #timer: NodeJS.Timeout | undefined
  #doneAtMs = Number.NEGATIVE_INFINITY

  constructor(action: () => void, everyMs: number) {
    this.#action = action
    this.#everyMs = everyMs
  }

  /** At once if it was not done for long enough, else as soon as that is so. */
  ask(): void {
    if (this.#timer !== undefined) return
    const leftMs = this.#doneAtMs + this.#everyMs - performance.now()
    if (leftMs <= 0) this.#do()
    else this.#timer = setTimeout(() => this.#do(), Math.ceil(leftMs))
  }

  dispose(): void {
    clearTimeout(this.#timer)
  }

  #do(): void {
    this.#timer = undefined
    this.#doneAtMs = performance.now()
    this.#action()
  }
}
