import type { RecordBatch } from '../record/record-batch.ts'
import type { Findings } from './finding.ts'

/** A line of `leader-epoch-checkpoint`: the epoch begins at this offset. */
export interface EpochStart {
  readonly epoch: number
  readonly startOffset: number
}

/** Do the leader epochs of the batches agree with the checkpoint, and never go down? They are outside the CRC. */
export class LeaderEpochCheck {
  readonly #findings: Findings
  readonly #starts: readonly EpochStart[] | undefined
  #line = 0
  #lastEpoch = -1
  #wrong = 0
  #firstWrong: { file: string; position: number; offset: number; epoch: number; right: string } | undefined

  /** `starts`: undefined where there is no readable checkpoint. */
  constructor(findings: Findings, starts: readonly EpochStart[] | undefined) {
    this.#findings = findings
    this.#starts = starts
  }

  /** The highest epoch that is in its place. */
  get lastEpoch(): number {
    return this.#lastEpoch
  }

  visit(batch: RecordBatch, position: number, file: string): void {
    const epoch = batch.partitionLeaderEpoch
    if (epoch < 0) return
    const right = this.#epochAt(batch.baseOffset)
    if (right === undefined ? epoch >= this.#lastEpoch : epoch === right) {
      this.#lastEpoch = epoch
      return
    }
    this.#wrong += 1
    this.#firstWrong ??= {
      file,
      position,
      offset: batch.baseOffset,
      epoch,
      right:
        right === undefined
          ? `at least ${this.#lastEpoch}, as the one before it`
          : `${right}, by leader-epoch-checkpoint`,
    }
  }

  finish(): void {
    if (this.#firstWrong === undefined) return
    const { file, position, offset, epoch, right } = this.#firstWrong
    const others = this.#wrong === 1 ? '' : ` ${this.#wrong - 1} more batches have a wrong one.`
    this.#findings.add(file, {
      severity: 'warning',
      rule: 'leader-epoch',
      position,
      offset,
      what: `The batch has leader epoch ${epoch}; it should be ${right}.${others}`,
      whatABrokerWouldDo: 'It does not notice, and hands the wrong epoch to consumers.',
      whatToDo:
        'The records are intact. Consumers that check epochs may wait or rewind here. Open the directory once for writing, which corrects a single wrong one after a crash; otherwise restore the file from a copy.',
    })
  }

  #epochAt(offset: number): number | undefined {
    const starts = this.#starts
    if (starts === undefined || starts.length === 0) return undefined
    // Batches come in ascending order, so the line only moves on; a damaged offset may ask for an earlier one.
    while (this.#line > 0 && starts[this.#line]!.startOffset > offset) this.#line -= 1
    while (this.#line + 1 < starts.length && starts[this.#line + 1]!.startOffset <= offset) this.#line += 1
    const start = starts[this.#line]!
    return start.startOffset <= offset ? start.epoch : undefined
  }
}
