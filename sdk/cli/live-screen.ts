import type { Terminal } from './terminal.ts'

const ESCAPE = String.fromCharCode(27)
/** A screen of its own, so that what was on the terminal is there again afterwards; without a cursor. */
const ENTER = `${ESCAPE}[?1049h${ESCAPE}[?25l`
const LEAVE = `${ESCAPE}[?25h${ESCAPE}[?1049l`
/** Terminals that know it show what stands in between at once. */
const [BEGIN, END] = [`${ESCAPE}[?2026h`, `${ESCAPE}[?2026l`]
const HOME = `${ESCAPE}[H`
const CLEAR_REST_OF_LINE = `${ESCAPE}[K`
const CLEAR_REST = `${ESCAPE}[J`

/** A whole terminal that is drawn again and again: over what is there, so that nothing flickers. */
export class LiveScreen {
  readonly #terminal: Terminal
  #shown: string | undefined

  constructor(terminal: Terminal) {
    this.#terminal = terminal
  }

  async enter(): Promise<void> {
    await this.#terminal.output.write(ENTER)
  }

  /** Lines that are too many are left out; what is there already is not written again. */
  async draw(lines: readonly string[]): Promise<void> {
    const seen = lines.slice(0, this.#terminal.output.rows ?? lines.length)
    const text = seen.map((line) => line + CLEAR_REST_OF_LINE).join('\r\n')
    if (text === this.#shown) return
    this.#shown = text
    await this.#terminal.output.write(BEGIN + HOME + text + CLEAR_REST + END)
  }

  /** What is there may be anything now. */
  forget(): void {
    this.#shown = undefined
  }

  async leave(): Promise<void> {
    await this.#terminal.output.write(LEAVE)
  }
}
