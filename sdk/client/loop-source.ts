import type { PartitionBuffer } from './partition-buffer.ts'

/** Why a loop is over: nothing more comes, its body left it, or an error ends it. */
export type LoopEnd = 'ended' | 'left' | 'failed'

/** Where a loop gets its records from: a group's share of a topic, or partitions that are simply read. */
export interface LoopSource {
  /** Once, when the first record is asked for. */
  start(): Promise<void>
  /** A partition whose next records are there. Throws what stands between the loop and its next record. */
  take(): PartitionBuffer | undefined
  /** Whether nothing more is to be handed out. */
  readonly isOver: boolean
  /** Nothing is there: resolves when that may have changed. */
  wait(): Promise<void>
  /** Lets other things happen if the loop has kept the process for itself for too long. */
  breathe(): Promise<void> | undefined
  /** The loop is over, for good. */
  finish(end: LoopEnd): Promise<void>
}

export interface LoopOptions {
  /** Records, or batches' records, after which the loop ends. */
  readonly limit: number
  /** Whether asking for the next says that the one before is processed. */
  readonly countsNext: boolean
  /** Undone records of a partition after which it is passed over. */
  readonly maxUndone: number
}
