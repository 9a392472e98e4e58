import type { Environment } from '../environment/environment.ts'
import { attemptsMetadata, parseAttemptsMetadata } from '../offsets/attempts-metadata.ts'
import type { ProcessedPrefix } from './processed.ts'

/** Where everything fails at the same time, so many milliseconds are between two commits that only tell attempts. */
const MIN_COMMIT_GAP_MS = 50

/**
 * How often each record that failed was tried. It stands beside the committed offset, so whoever goes on after a restart
 * or in another process knows it too.
 */
export class RememberedAttempts {
  readonly #environment: Environment
  readonly #commitNow: () => void
  readonly #maxFound: number
  readonly #ofPartition = new WeakMap<ProcessedPrefix, Map<number, number>>()
  #committedAtMs = Number.NEGATIVE_INFINITY
  #isScheduled = false

  /** Of what an earlier run has left behind nothing is believed that is beyond `maxFound`. */
  constructor(environment: Environment, commitNow: () => void, maxFound: number) {
    this.#environment = environment
    this.#commitNow = commitNow
    this.#maxFound = maxFound
  }

  /** How many attempts of a record were begun. */
  begun(prefix: ProcessedPrefix, offset: number): number {
    return this.#of(prefix).get(offset) ?? 0
  }

  /** The next commit tells it. */
  remember(prefix: ProcessedPrefix, offset: number, attempts: number): void {
    this.#of(prefix).set(offset, attempts)
  }

  /** The attempt is about to begin: it counts even if the process does not survive it. */
  rememberNow(prefix: ProcessedPrefix, offset: number, attempts: number): void {
    this.remember(prefix, offset, attempts)
    const { clock, timers } = this.#environment
    const waitMs = this.#committedAtMs + MIN_COMMIT_GAP_MS - clock.monotonicMs()
    if (waitMs <= 0) {
      this.#commit()
    } else if (!this.#isScheduled) {
      this.#isScheduled = true
      timers.after(waitMs, () => {
        this.#isScheduled = false
        this.#commit()
      })
    }
  }

  /** It is processed, or begins anew. */
  forget(prefix: ProcessedPrefix, offset: number): void {
    this.#of(prefix).delete(offset)
  }

  #commit(): void {
    this.#committedAtMs = this.#environment.clock.monotonicMs()
    this.#commitNow()
  }

  #of(prefix: ProcessedPrefix): Map<number, number> {
    const known = this.#ofPartition.get(prefix)
    if (known !== undefined) return known
    const found = [...parseAttemptsMetadata(prefix.foundMetadata)]
    const attempts = new Map(found.filter(([offset, count]) => offset >= prefix.offset && count <= this.#maxFound))
    this.#ofPartition.set(prefix, attempts)
    prefix.metadataNow = () => attemptsMetadata(attempts)
    return attempts
  }
}
