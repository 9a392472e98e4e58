import type { Environment } from '../environment/environment.ts'

/** What a consumer says that has nobody to throw to. */
export class ConsumerWarnings {
  readonly #process: Environment['process']
  readonly #group: string
  #hasSaidNeverDone = false

  constructor(process: Environment['process'], group: string) {
    this.#process = process
    this.#group = group
  }

  /** Once. */
  neverDone(what: string): void {
    if (this.#hasSaidNeverDone) return
    this.#hasSaidNeverDone = true
    const message = `A consumer of group "${this.#group}" ${what}, and done() was never called.`
    const advice = "With processed: 'done' call record.done() when a record is processed; or leave the option out."
    this.#process.emitWarning(`${message} ${advice}`, 'TIDEMARK_NEVER_DONE')
  }

  gotNothing(): void {
    const message =
      `A loop of group "${this.#group}" got nothing: an earlier one of the group has ended, keeps its partitions and waits ` +
      'for done() or commit(). Close that consumer first.'
    this.#process.emitWarning(message, 'TIDEMARK_GOT_NOTHING')
  }

  closeFailed(error: unknown): void {
    const message = `Closing a consumer of group "${this.#group}" failed: ${String(error)}`
    this.#process.emitWarning(message, 'TIDEMARK_CLOSE_FAILED')
  }
}
