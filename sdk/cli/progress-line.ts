import type { Terminal } from './terminal.ts'

/** Often enough to look alive. */
const INTERVAL_MS = 100
const CLEAR_LINE = `\r${String.fromCharCode(27)}[K`

/** One line on standard error that tells how far a command is, where a person is looking; nothing elsewhere. */
export class ProgressLine {
  readonly #terminal: Terminal
  #shownMs = Number.NEGATIVE_INFINITY
  #isShown = false

  constructor(terminal: Terminal) {
    this.#terminal = terminal
  }

  /** `text` is only asked for when it is time to show it. */
  show(text: () => string): void {
    const { errors, environment } = this.#terminal
    if (!errors.isTerminal) return
    const nowMs = environment.clock.monotonicMs()
    if (nowMs - this.#shownMs < INTERVAL_MS) return
    this.#shownMs = nowMs
    this.#isShown = true
    // Not awaited: a slow terminal must not slow the work down.
    void errors.write(CLEAR_LINE + text())
  }

  /** Takes the line away, before anything else is printed. */
  async clear(): Promise<void> {
    if (!this.#isShown) return
    this.#isShown = false
    await this.#terminal.errors.write(CLEAR_LINE)
  }
}
