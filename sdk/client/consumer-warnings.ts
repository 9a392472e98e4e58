import type { Environment } from '../environment/environment.ts'
import type { ProcessedPrefix } from './processed.ts'

/** Fewer undone records than this at the end are no sign that somebody forgot `done()`. */
const FORGOTTEN_RECORDS = 10

/** What a consumer says that has nobody to throw to. */
export class ConsumerWarnings {
  readonly #process: Environment['process']
  readonly #group: string
  /** Somebody calls `done()`. */
  sawDone = false
  #hasSaidNeverDone = false

  constructor(process: Environment['process'], group: string) {
    this.#process = process
    this.#group = group
  }

  /** No more is handed out. */
  stuck(maxUndone: number, prefixes: readonly ProcessedPrefix[]): void {
    if (!prefixes.some(({ undone }) => undone >= maxUndone)) return
    this.#neverDone(`waits, since ${maxUndone} records of a partition are undone`)
  }

  /** It is closed. */
  forgotten(undone: number): void {
    if (undone >= FORGOTTEN_RECORDS) this.#neverDone(`is closed with ${undone} undone records`)
  }

  #neverDone(what: string): void {
    if (this.sawDone || this.#hasSaidNeverDone) return
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
