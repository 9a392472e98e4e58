import type { DamagedRange } from './damage.ts'

/** What opening a log found, and mended. */
export interface LogRecovery {
  /** Bytes that were cut off the end: a batch that was being written when the power failed, or space never written. */
  readonly tornBytes: number
  /** What cannot be read. The bytes are still there. */
  readonly damaged: readonly DamagedRange[]
  /** Offsets that had been flushed, by the recovery point, and are no longer in the files. */
  readonly missing: { readonly fromOffset: number; readonly toOffset: number } | undefined
  /** Batches whose leader epoch had lost a bit and was written again. */
  readonly mendedEpochs: number
  /** Whether the leader epochs were found again from the batches: their checkpoint was damaged or missing. */
  readonly rebuiltEpochs: boolean
  /** Segments whose indexes were made again although nothing else was wrong with them. */
  readonly rebuiltIndexes: number
  /** Set when the log start lay beyond the end: everything was dropped and the log begins there. */
  readonly restartedAt: number | undefined
  /** Whether something was lost or is damaged: what a person should be told. */
  readonly isLoss: boolean
}

/** Collects what is found while a log is opened. */
export class RecoveryReport implements LogRecovery {
  tornBytes = 0
  damaged: readonly DamagedRange[] = []
  missing: { readonly fromOffset: number; readonly toOffset: number } | undefined
  mendedEpochs = 0
  rebuiltEpochs = false
  rebuiltIndexes = 0
  restartedAt: number | undefined

  get isLoss(): boolean {
    return this.damaged.length > 0 || this.missing !== undefined || this.restartedAt !== undefined
  }
}
