import { CLUSTER_METADATA_TOPIC } from '../directory/partition-directory.ts'
import { readInt64 } from '../record/int64.ts'
import type { RecordBatch } from '../record/record-batch.ts'
import type { Findings } from './finding.ts'
import type { IndexFile } from './index-file.ts'

const ENTRY_BYTES = 12

/**
 * One `.timeindex` file against its segment: every entry holds the greatest timestamp so far and an offset of the batch
 * that brought it; both only grow.
 */
export class TimeIndexCheck {
  readonly #index: IndexFile
  readonly #findings: Findings
  readonly #entries: number
  #next = 0
  #wrong = 0
  #firstWrong: { entry: number; why: string } | undefined
  #maxTimestampMs = -1
  #lastEntryTimestampMs = -1
  /** Some batches could not be read: a maximum may be among them. */
  #isPartial = false

  constructor(index: IndexFile, findings: Findings) {
    this.#index = index
    this.#findings = findings
    this.#entries = index.countEntries(ENTRY_BYTES)
  }

  get entryCount(): number {
    return this.#entries
  }

  /** The greatest timestamp of the batches so far; −1: none. */
  get maxTimestampMs(): number {
    return this.#maxTimestampMs
  }

  /** There are bytes here that cannot be read: what the entries say about them is not judged. */
  skip(): void {
    this.#isPartial = true
  }

  visit(batch: RecordBatch): void {
    this.#maxTimestampMs = Math.max(this.#maxTimestampMs, batch.maxTimestampMs)
    while (this.#next < this.#entries && this.#offset(this.#next) <= batch.lastOffset) {
      this.#judge(this.#next, batch)
      this.#next += 1
    }
  }

  /** `nextOffset`: behind the segment's last batch. `isClosed`: nothing more will be appended, so the last entry must be the maximum. */
  finish(nextOffset: number, isClosed: boolean): void {
    const beyond = this.#isPartial ? 0 : this.#entries - this.#next
    if (this.#isPartial) this.#next = this.#entries
    if (beyond > 0 && this.#index.isRebuiltOnOpen) {
      this.#index.noteBeyondEnd(this.#findings, 'time-index', beyond, this.#next * ENTRY_BYTES)
    } else {
      for (; this.#next < this.#entries; this.#next++) {
        this.#blame(this.#next, `its offset ${this.#offset(this.#next)} is beyond the segment's end ${nextOffset}`)
      }
    }
    const isBehind =
      isClosed && !this.#isPartial && this.#wrong === 0 && this.#lastEntryTimestampMs < this.#maxTimestampMs
    if (isBehind && !this.#index.isRebuiltOnOpen) this.#reportBehind()
    if (this.#firstWrong === undefined) return
    const { entry, why } = this.#firstWrong
    this.#index.addWrong(this.#findings, {
      rule: 'time-index',
      position: entry * ENTRY_BYTES,
      what: `Entry ${entry} is wrong: ${why}.`,
      wrongCount: this.#wrong,
      effect: 'It believes the index, and may start at the wrong record when asked for a time.',
    })
  }

  #judge(entry: number, batch: RecordBatch): void {
    const timestampMs = this.#timestamp(entry)
    const why = this.#problem(timestampMs, this.#offset(entry), batch)
    if (why !== null) this.#blame(entry, why)
    if (timestampMs !== null) this.#lastEntryTimestampMs = Math.max(this.#lastEntryTimestampMs, timestampMs)
  }

  #problem(timestampMs: number | null, offset: number, batch: RecordBatch): string | null {
    if (timestampMs === null) return 'its timestamp is no time at all'
    if (timestampMs <= this.#lastEntryTimestampMs) {
      return `its timestamp ${timestampMs} is not above the one before it, ${this.#lastEntryTimestampMs}`
    }
    if (offset < batch.baseOffset) return this.#isPartial ? null : `no batch holds its offset ${offset}`
    if (timestampMs !== batch.maxTimestampMs) {
      return `it says ${timestampMs} for offset ${offset}, whose batch says ${batch.maxTimestampMs}`
    }
    const isBelowMaximum = timestampMs !== this.#maxTimestampMs && !this.#isPartial
    return isBelowMaximum ? `it says ${timestampMs} at offset ${offset}, but ${this.#maxTimestampMs} came before` : null
  }

  #reportBehind(): void {
    const last =
      this.#lastEntryTimestampMs === -1 ? 'It has no entry' : `Its last entry says ${this.#lastEntryTimestampMs}`
    // Kafka's mark of an orderly stop does not speak of the metadata log: 4.4 leaves this index of it as it is.
    const isMetadata = this.#findings.topic === CLUSTER_METADATA_TOPIC
    this.#findings.add(this.#index.name, {
      severity: isMetadata ? 'note' : 'warning',
      rule: 'time-index',
      position: null,
      what: `${last}, but the segment's greatest timestamp is ${this.#maxTimestampMs}. No record is lost.`,
      whatABrokerWouldDo: isMetadata
        ? 'Nothing: nobody asks the metadata log for a time.'
        : 'It believes the index, and may answer "latest by time" with -1.',
      whatToDo: isMetadata
        ? 'Nothing.'
        : 'Before a broker starts on the directory, stop the owner and remove the .index and .timeindex of this segment; they are made anew from the log.',
    })
  }

  #blame(entry: number, why: string): void {
    this.#wrong += 1
    this.#firstWrong ??= { entry, why }
  }

  /** null: beyond what a number can hold exactly, so never written by anybody. */
  #timestamp(entry: number): number | null {
    try {
      return readInt64(this.#index.bytes, entry * ENTRY_BYTES)
    } catch {
      return null
    }
  }

  #offset(entry: number): number {
    return this.#index.baseOffset + this.#index.bytes.readInt32BE(entry * ENTRY_BYTES + 8)
  }
}
