import type { BatchWalker } from './batch-walker.ts'
import type { LeaderEpochs } from './leader-epochs.ts'

const NO_EPOCH = -1

/** A batch whose epoch is to be written again. */
export interface EpochMend {
  readonly position: number
  readonly epoch: number
}

interface Doubt {
  readonly position: number
  readonly baseOffset: number
  readonly batchEpoch: number
  readonly checkpointEpoch: number
  readonly isPreviousRight: boolean
}

/**
 * Compares the batches' leader epochs, which no CRC covers, with the checkpoint, whose line is durable before the first
 * batch of an epoch is written. A single batch that disagrees, between two that agree, has lost a bit: its epoch is to be
 * mended, since a wrong one makes clients rewind or hang. Several that disagree know better, as in Kafka: an epoch above
 * the checkpoint's is added to it.
 */
export class EpochCheck {
  readonly mends: EpochMend[] = []
  private readonly epochs: LeaderEpochs
  private isPreviousRight = true
  private doubt: Doubt | undefined

  constructor(epochs: LeaderEpochs) {
    this.epochs = epochs
  }

  visit(batch: BatchWalker): void {
    const { leaderEpoch: batchEpoch, baseOffset, position } = batch
    // Nearly always: recovery looks at very many batches.
    if (this.doubt === undefined && this.isPreviousRight && this.epochs.isLatestAt(batchEpoch, baseOffset)) return
    // Kafka's tools may write batches without an epoch.
    if (batchEpoch === NO_EPOCH) return
    if (this.epochs.latest === undefined && batchEpoch >= 0) this.epochs.note(batchEpoch, baseOffset)
    let checkpointEpoch = this.epochs.epochAt(baseOffset)
    if (this.doubt !== undefined) {
      this.settle(batchEpoch === checkpointEpoch)
      checkpointEpoch = this.epochs.epochAt(baseOffset)
    }
    const { isPreviousRight } = this
    this.isPreviousRight = checkpointEpoch === undefined || batchEpoch === checkpointEpoch
    if (checkpointEpoch === undefined || this.isPreviousRight) return
    this.doubt = { position, baseOffset, batchEpoch, checkpointEpoch, isPreviousRight }
  }

  finish(): void {
    if (this.doubt !== undefined) this.settle(true)
  }

  private settle(isNextRight: boolean): void {
    const { position, baseOffset, batchEpoch, checkpointEpoch, isPreviousRight } = this.doubt!
    this.doubt = undefined
    if (isPreviousRight && isNextRight) this.mends.push({ position, epoch: checkpointEpoch })
    else if (batchEpoch > (this.epochs.latest ?? -1)) this.epochs.note(batchEpoch, baseOffset)
  }
}
