import type { Environment } from '../environment/environment.ts'

const EVERY_MS = 60_000

/** A warning that whoever tries again and again would repeat without end: once a minute per cause, with how often it was due. */
export class RareWarning {
  readonly #environment: Environment
  readonly #code: string
  /** By cause: when it was told, and how often it was not since. */
  readonly #told = new Map<string, { readonly atMs: number; untold: number }>()

  constructor(environment: Environment, code: string) {
    this.#environment = environment
    this.#code = code
  }

  emit(message: string): void {
    const { clock, process } = this.#environment
    const nowMs = clock.monotonicMs()
    // Ports, sizes and process ids are no other cause.
    const cause = message.replaceAll(/\d+/g, '')
    const last = this.#told.get(cause)
    if (last !== undefined && nowMs - last.atMs < EVERY_MS) {
      last.untold++
      return
    }
    const untold = last?.untold ?? 0
    for (const [other, { atMs }] of this.#told) if (nowMs - atMs >= EVERY_MS) this.#told.delete(other)
    this.#told.set(cause, { atMs: nowMs, untold: 0 })
    process.emitWarning(
      untold === 0 ? message : `${message} So it was ${untold} times more since this was last told.`,
      this.#code,
    )
  }
}
