import type { Environment } from '../environment/environment.ts'
import { attemptsMetadata, type NotedAttempts, parseAttemptsMetadata } from '../offsets/attempts-metadata.ts'
import type { ProcessedPrefix } from './processed.ts'

/** Where everything fails at the same time, so many milliseconds are between two commits that only tell attempts. */
const MIN_COMMIT_GAP_MS = 50
/** So many records may be handed out behind a commit, with the defaults of `everyRecords` and `maxUndone`. */
const MAX_BEHIND_COMMIT = 11_000

interface Known {
  readonly attempts: Map<number, NotedAttempts>
  /** Under way when a process ended, and they have not failed before. */
  readonly suspects: ReadonlySet<number>
  /** First attempts that are still to be told before they begin. */
  toTell: number
}

/** What is known of a record that is handed out. */
export interface FoundAttempts {
  readonly begun: number
  /** Under way when a process ended: it may have been the reason. */
  readonly isSuspect: boolean
}

/**
 * How often each record was tried that failed, or may have ended a process. It stands beside the committed offset, so whoever
 * goes on after a restart or in another process knows it too.
 *
 * Telling every first attempt would cost a commit per record. So of a partition that comes only the first one is told: where
 * that is found under way, the process before has ended without a word. Then all are told that may have been handed out by
 * it; should it end again, those that are under way are the suspects.
 */
export class RememberedAttempts {
  readonly #environment: Environment
  readonly #commitNow: () => void
  readonly #believes: (found: NotedAttempts) => boolean
  readonly #ofPartition = new WeakMap<ProcessedPrefix, Known>()
  #committedAtMs = Number.NEGATIVE_INFINITY
  #isScheduled = false

  /** `believes`: whether what an earlier run tells of a record counts. */
  constructor(environment: Environment, commitNow: () => void, believes: (found: NotedAttempts) => boolean) {
    this.#environment = environment
    this.#commitNow = commitNow
    this.#believes = believes
  }

  /** What earlier runs tell of a record. */
  found(prefix: ProcessedPrefix, offset: number): FoundAttempts {
    const { attempts, suspects } = this.#of(prefix)
    return { begun: attempts.get(offset)?.count ?? 0, isSuspect: suspects.has(offset) }
  }

  /** It has failed; the next commit tells it. */
  remember(prefix: ProcessedPrefix, offset: number, count: number): void {
    this.#of(prefix).attempts.set(offset, { count, hasFailed: true })
  }

  /** The process has survived the attempt. */
  ended(prefix: ProcessedPrefix, offset: number): void {
    const { attempts } = this.#of(prefix)
    const noted = attempts.get(offset)
    if (noted !== undefined) attempts.set(offset, { ...noted, hasFailed: true })
  }

  /** The attempt is about to begin: unless it is the first one it counts even if the process does not survive it. */
  begins(prefix: ProcessedPrefix, offset: number, count: number): void {
    const known = this.#of(prefix)
    const isTold = known.toTell > 0
    if (isTold) known.toTell--
    if (count === 1 && !isTold) return
    const hasFailed = known.attempts.get(offset)?.hasFailed ?? false
    known.attempts.set(offset, { count, hasFailed })
    if (isTold) this.#commitNow()
    else this.#commitSoon()
  }

  #commitSoon(): void {
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
    this.#of(prefix).attempts.delete(offset)
  }

  #commit(): void {
    this.#committedAtMs = this.#environment.clock.monotonicMs()
    this.#commitNow()
  }

  #of(prefix: ProcessedPrefix): Known {
    const known = this.#ofPartition.get(prefix)
    if (known !== undefined) return known
    const found = [...parseAttemptsMetadata(prefix.foundMetadata)].filter(([offset]) => offset >= prefix.offset)
    const suspects = new Set(found.flatMap(([offset, { hasFailed }]) => (hasFailed ? [] : [offset])))
    const believed = found.filter(([, each]) => this.#believes(each))
    const attempts = new Map(believed)
    const noted = { attempts, suspects, toTell: suspects.size > 0 ? MAX_BEHIND_COMMIT : 1 }
    this.#ofPartition.set(prefix, noted)
    prefix.metadataNow = () => attemptsMetadata(attempts)
    return noted
  }
}
