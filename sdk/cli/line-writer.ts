import type { Terminal } from './terminal.ts'

/** Enough that a million lines are not a million system calls. */
const BUFFERED_CHARACTERS = 32 * 1024

/** Prints lines on standard output, gathered into larger writes; what waits goes out with the next turn of the event loop. */
export class LineWriter {
  readonly #terminal: Terminal
  #waiting: string[] = []
  #waitingCharacters = 0
  #isScheduled = false
  /** The last write; once one has failed, so have all behind it. */
  #written: Promise<void> = Promise.resolve()

  constructor(terminal: Terminal) {
    this.#terminal = terminal
  }

  /** True when printing on is pointless: the reader has gone. */
  get isClosed(): boolean {
    return this.#terminal.output.isClosed
  }

  /** Resolves at once, or with the stream once enough has gathered: a slow reader holds the command up. */
  async line(text: string): Promise<void> {
    this.#waiting.push(text, '\n')
    this.#waitingCharacters += text.length + 1
    if (this.#waitingCharacters >= BUFFERED_CHARACTERS) await this.flush()
    else this.#schedule()
  }

  /** Resolves when every line is out; rejects where one could not be written. */
  async flush(): Promise<void> {
    const text = this.#waiting.join('')
    this.#waiting = []
    this.#waitingCharacters = 0
    if (text !== '') this.#written = this.#written.then(() => this.#terminal.output.write(text))
    await this.#written
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    const flush = () => {
      this.#isScheduled = false
      return this.flush()
    }
    // A failure comes up at the next `flush` that somebody awaits.
    this.#terminal.environment.timers
      .yield()
      .then(flush)
      .catch(() => {})
  }
}
