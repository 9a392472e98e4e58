import type { Timer, Timers } from '../environment/environment.ts'
import { TidemarkError } from '../errors.ts'
import type { FetchedRecord } from './fetched-record.ts'

/** One call of a handler. */
export interface Attempt {
  /** Which one of this record it is, from 1; attempts of earlier processes included, as far as they are remembered. */
  readonly number: number
  /**
   * Aborts when its result no longer counts: after `attemptTimeoutMs`, and when the partition was lost to another member
   * or the consumer was closed. Hand it to whatever takes a signal.
   */
  readonly signal: AbortSignal
}

/** One that runs, or has run. */
export class RunningAttempt implements Attempt {
  readonly number: number
  /** Its result was taken, or is not wanted any more. */
  isOver = false
  #controller: AbortController | undefined
  #timer: Timer | undefined
  #reason: unknown

  constructor(number: number) {
    this.number = number
  }

  /** Made when it is asked for: most handlers do without. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#reason !== undefined) this.#controller.abort(this.#reason)
    }
    return this.#controller.signal
  }

  /** Calls `onLate` unless the attempt is over by then. */
  limit(timers: Timers, timeoutMs: number, onLate: () => void): void {
    if (timeoutMs !== Number.POSITIVE_INFINITY) this.#timer = timers.after(timeoutMs, onLate, { keepAlive: true })
  }

  /** Its result was taken. */
  end(): void {
    this.isOver = true
    this.#timer?.cancel()
  }

  /** Its result is not wanted any more. */
  abort(reason: TidemarkError): void {
    this.end()
    this.#reason = reason
    this.#controller?.abort(reason)
  }
}

export function tooLate({ id, topic, partition, offset }: FetchedRecord, attempt: number, limitMs: number) {
  const message = `Attempt ${attempt} of ${id} took longer than ${limitMs} ms (attemptTimeoutMs).`
  return new TidemarkError('ATTEMPT_TIMED_OUT', message, { topic, partition, offset })
}

export function notOurs({ id, topic, partition, offset }: FetchedRecord): TidemarkError {
  const message = `What becomes of ${id} no longer counts: its partition was given up, or the consumer was closed.`
  return new TidemarkError('ABORTED', message, { topic, partition, offset })
}

export function unfinished({ id, topic, partition, offset }: FetchedRecord, attempts: number): TidemarkError {
  const message = `The process ended in attempt ${attempts} of ${id}, the last one, or right after it: what came of it is not known.`
  return new TidemarkError('ATTEMPT_UNFINISHED', message, { topic, partition, offset })
}
