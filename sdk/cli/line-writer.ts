import type { Terminal } from './terminal.ts'

/** Enough that a million lines are not a million system calls. */
const BUFFERED_CHARACTERS = 32 * 1024

/** Prints lines on standard output, gathered into larger writes; what waits goes out with the next turn of the event loop. */
export class LineWriter {
  readonly #terminal: Terminal
  #waiting: string[] = []
  #waitingCharacters = 0
  #isScheduled = false
  /** Of a write that nobody awaited. */
  #failure: { readonly error: unknown } | undefined

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
    if (this.#waitingCharacters >= BUFFERED_CHARACTERS || this.#failure !== undefined) await this.flush()
    else this.#schedule()
  }

  async flush(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure.error
    const text = this.#waiting.join('')
    this.#waiting = []
    this.#waitingCharacters = 0
    if (text !== '') await this.#terminal.output.write(text)
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    this.#terminal.environment.timers
      .yield()
      .then(() => {
        this.#isScheduled = false
        return this.flush()
      })
      .catch((error: unknown) => {
        this.#failure ??= { error }
      })
  }
}
