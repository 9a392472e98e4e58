import type { RecordBatch } from '../record/record-batch.ts'
import type { Findings } from './finding.ts'
import type { IndexFile } from './index-file.ts'

const ENTRY_BYTES = 8

/** One `.index` file against its segment: every entry names the last offset of the batch that begins at its position. */
export class OffsetIndexCheck {
  readonly #index: IndexFile
  readonly #findings: Findings
  readonly #entries: number
  #next = 0
  #wrong = 0
  #firstWrong: { entry: number; why: string; misleads: boolean } | undefined

  constructor(index: IndexFile, findings: Findings) {
    this.#index = index
    this.#findings = findings
    this.#entries = index.countEntries(ENTRY_BYTES)
  }

  get entryCount(): number {
    return this.#entries
  }

  visit(batch: RecordBatch, position: number): void {
    while (this.#next < this.#entries && this.#position(this.#next) < position) {
      this.#blame(this.#next, `position ${this.#position(this.#next)} is not where a batch begins`, true)
      this.#next += 1
    }
    if (this.#next >= this.#entries || this.#position(this.#next) !== position) return
    const offset = this.#offset(this.#next)
    if (offset !== batch.lastOffset) {
      const why = `it says offset ${offset}, the batch at position ${position} ends with ${batch.lastOffset}`
      // Reading starts at the greatest entry not above the wanted offset: too low a number skips records.
      this.#blame(this.#next, why, offset < batch.baseOffset)
    }
    this.#next += 1
  }

  /** Bytes that cannot be read: what points into them is not judged. */
  skip(fromPosition: number, toPosition: number): void {
    while (this.#next < this.#entries && this.#position(this.#next) < toPosition) {
      if (this.#position(this.#next) < fromPosition) {
        this.#blame(this.#next, `position ${this.#position(this.#next)} is not where a batch begins`, true)
      }
      this.#next += 1
    }
  }

  /** `endPosition`: where the readable batches of the segment end. */
  finish(endPosition: number): void {
    const beyond = this.#entries - this.#next
    if (beyond > 0 && this.#index.isRebuiltOnOpen && this.#position(this.#next) >= endPosition) {
      this.#index.noteBeyondEnd(this.#findings, 'offset-index', beyond, this.#next * ENTRY_BYTES)
    } else {
      for (; this.#next < this.#entries; this.#next++) {
        this.#blame(this.#next, `position ${this.#position(this.#next)} is not where a batch begins`, true)
      }
    }
    if (this.#firstWrong === undefined) return
    const { entry, why, misleads } = this.#firstWrong
    this.#index.addWrong(this.#findings, {
      rule: 'offset-index',
      position: entry * ENTRY_BYTES,
      what: `Entry ${entry} is wrong: ${why}.`,
      wrongCount: this.#wrong,
      effect: misleads
        ? 'It believes the index, and may fail to find records of this segment.'
        : 'It believes the index, and still finds every record.',
    })
  }

  #blame(entry: number, why: string, misleads: boolean): void {
    this.#wrong += 1
    const isWorse = this.#firstWrong !== undefined && misleads && !this.#firstWrong.misleads
    if (this.#firstWrong === undefined || isWorse) this.#firstWrong = { entry, why, misleads }
  }

  #offset(entry: number): number {
    return this.#index.baseOffset + this.#index.bytes.readInt32BE(entry * ENTRY_BYTES)
  }

  #position(entry: number): number {
    return this.#index.bytes.readInt32BE(entry * ENTRY_BYTES + 4)
  }
}
