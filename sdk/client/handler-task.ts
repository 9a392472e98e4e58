import type { Timer } from '../environment/environment.ts'
import { notOurs, type RunningAttempt } from './attempt.ts'
import type { FetchedRecord } from './fetched-record.ts'
import { type LaneEntry, laneOf } from './lanes.ts'
import type { ProcessedPrefix } from './processed.ts'
import type { FoundAttempts } from './remembered-attempts.ts'

/**
 * One record on its way through a handler:
 *
 * - `queued`: behind another one in its lane
 * - `ready`: its turn, waiting for room
 * - `running`: its handler runs, or what becomes of its failure is under way
 * - `waiting`: for its next attempt
 * - `over`
 */
export class HandlerTask implements LaneEntry {
  readonly record: FetchedRecord
  readonly lane: string | undefined
  state: 'queued' | 'ready' | 'running' | 'waiting' | 'over' = 'queued'
  /** Attempts begun. */
  attempts: number
  /** It may end the process: its next attempt runs alone, so that nothing else is taken for the reason. */
  isSuspect: boolean
  attempt: RunningAttempt | undefined
  timer: Timer | undefined
  /** It still runs, but what comes of it counts no more. */
  isLost = false
  readonly #restarts: number

  constructor(record: FetchedRecord, order: 'key' | 'partition' | 'none', { begun, isSuspect }: FoundAttempts) {
    this.record = record
    this.lane = laneOf(record, order)
    this.attempts = begun
    this.isSuspect = isSuspect
    this.#restarts = record.prefix.restarts
  }

  get prefix(): ProcessedPrefix {
    return this.record.prefix
  }

  get isDropped(): boolean {
    return this.state === 'over'
  }

  /** False where the partition is gone, or was sent elsewhere since the record was handed out. */
  get counts(): boolean {
    return this.prefix.isOpen && this.prefix.restarts === this.#restarts
  }

  /** What comes of it counts no more. */
  lose(): void {
    this.isLost = true
    this.attempt?.abort(notOurs(this.record))
  }
}
