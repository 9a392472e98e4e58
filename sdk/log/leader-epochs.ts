import { assert } from '../assert.ts'
import type { FileSystem } from '../environment/environment.ts'
import { TidemarkError } from '../errors.ts'
import { encodeCheckpoint, parseCheckpointNumber, readCheckpointFile } from './checkpoint-file.ts'
import { replaceWholeFile, replaceWholeFileInBackground } from './whole-file.ts'

export const LEADER_EPOCH_CHECKPOINT = 'leader-epoch-checkpoint'

export interface EpochStart {
  readonly epoch: number
  /** The first offset that was, or would be, written in this epoch. */
  readonly startOffset: number
}

/** Kafka's answer to OffsetForLeaderEpoch; both −1 where the epoch is not known. */
export interface EpochEnd {
  readonly leaderEpoch: number
  readonly endOffset: number
}

const UNKNOWN: EpochEnd = { leaderEpoch: -1, endOffset: -1 }

/**
 * Which leader epoch begins at which offset: the file `leader-epoch-checkpoint`. Both columns rise strictly. A reader
 * who remembers the epoch of what it read can ask where that epoch ended, and so sees that a log was cut behind its back.
 */
export class LeaderEpochs {
  #starts: EpochStart[]
  #isStored = true
  /** Counts stores, so that one in the background knows when another has overtaken it. */
  #stores = 0
  readonly #files: FileSystem
  readonly #directory: string

  constructor(files: FileSystem, directory: string, starts: readonly EpochStart[] = []) {
    this.#files = files
    this.#directory = directory
    this.#starts = [...starts]
  }

  /** Reads the checkpoint; empty where there is none. Throws STORAGE_ERROR when it is damaged. */
  static load(files: FileSystem, directory: string): LeaderEpochs {
    const path = files.join(directory, LEADER_EPOCH_CHECKPOINT)
    const starts: EpochStart[] = []
    for (const fields of readCheckpointFile(files, path) ?? []) {
      const epoch = parseCheckpointNumber(path, fields[0])
      const startOffset = parseCheckpointNumber(path, fields[1])
      const last = starts.at(-1)
      const rises = last === undefined || (epoch > last.epoch && startOffset > last.startOffset)
      if (fields.length !== 2 || epoch < 0 || startOffset < 0 || !rises) {
        const line = `"${fields.join(' ')}" after "${last?.epoch ?? '-'} ${last?.startOffset ?? '-'}"`
        throw new TidemarkError('STORAGE_ERROR', `The checkpoint ${path} is damaged: it has ${line}. Remove it.`)
      }
      starts.push({ epoch, startOffset })
    }
    return new LeaderEpochs(files, directory, starts)
  }

  get starts(): readonly EpochStart[] {
    return this.#starts
  }

  get latest(): number | undefined {
    return this.#starts.at(-1)?.epoch
  }

  /** Whether batches of `epoch` may be appended: it is the latest, and its line is durable. */
  isDurable(epoch: number): boolean {
    return this.#isStored && this.latest === epoch
  }

  /** Whether the latest epoch is this one, and `offset` lies in it. */
  isLatestAt(epoch: number, offset: number): boolean {
    const last = this.#starts.at(-1)
    return last !== undefined && last.epoch === epoch && last.startOffset <= offset
  }

  /** The epoch in which the record at `offset` was written, as far as is known. */
  epochAt(offset: number): number | undefined {
    return this.#starts.findLast((start) => start.startOffset <= offset)?.epoch
  }

  /** Where `epoch` ended, in a log that ends at `logEndOffset`. */
  endOf(epoch: number, logEndOffset: number): EpochEnd {
    if (epoch < 0) return UNKNOWN
    if (epoch === this.latest) return { leaderEpoch: epoch, endOffset: logEndOffset }
    const next = this.#starts.find((start) => start.epoch > epoch)
    if (next === undefined) return UNKNOWN
    const floor = this.#starts.findLast((start) => start.epoch <= epoch)
    return { leaderEpoch: floor?.epoch ?? epoch, endOffset: next.startOffset }
  }

  /**
   * From `startOffset` on, batches have `epoch`. Lines this contradicts go (a new epoch at an unchanged start replaces the
   * last line). Durable on return; nothing is written when nothing changes.
   */
  assign(epoch: number, startOffset: number): void {
    this.note(epoch, startOffset)
    this.storeChanges()
  }

  /** The same, durable when it resolves, without holding up the event loop. */
  async assignInBackground(epoch: number, startOffset: number): Promise<void> {
    this.note(epoch, startOffset)
    if (this.#isStored) return
    const store = ++this.#stores
    const isCurrent = () => store === this.#stores
    const replacement = { name: LEADER_EPOCH_CHECKPOINT, bytes: this.#encode(), isCurrent }
    await replaceWholeFileInBackground(this.#files, this.#directory, replacement)
    if (isCurrent()) await this.#files.syncDirectoryInBackground(this.#directory)
    if (isCurrent()) this.#isStored = true
    else this.storeChanges()
  }

  /** The same in memory only, until `storeChanges`. */
  note(epoch: number, startOffset: number): void {
    assert(epoch >= 0 && startOffset >= 0, `epoch ${epoch} at offset ${startOffset}`)
    const last = this.#starts.at(-1)
    if (last !== undefined && last.epoch === epoch && startOffset >= last.startOffset) return
    const kept = this.#starts.filter((start) => start.epoch < epoch && start.startOffset < startOffset)
    this.#replace([...kept, { epoch, startOffset }])
  }

  /**
   * Forgets epochs that ended at or before `logStartOffset` and those that begin at `logEndOffset` or later; the one that
   * `logStartOffset` lies in begins there. In memory only, until `storeChanges`.
   */
  trim(logStartOffset: number, logEndOffset: number): void {
    const kept = this.#starts.filter((start) => start.startOffset < logEndOffset)
    const covering = kept.findLastIndex((start) => start.startOffset <= logStartOffset)
    if (covering >= 0) kept.splice(0, covering + 1, { epoch: kept[covering]!.epoch, startOffset: logStartOffset })
    const isSame =
      kept.length === this.#starts.length &&
      kept.every((start, at) => start.startOffset === this.#starts[at]!.startOffset)
    if (!isSame) this.#replace(kept)
  }

  /** Durable on return. */
  storeChanges(): void {
    if (this.#isStored) return
    this.#stores++
    replaceWholeFile(this.#files, this.#directory, LEADER_EPOCH_CHECKPOINT, this.#encode())
    this.#isStored = true
  }

  #encode(): Buffer {
    return encodeCheckpoint(this.#starts.map((start) => `${start.epoch} ${start.startOffset}`))
  }

  #replace(starts: EpochStart[]): void {
    this.#starts = starts
    this.#isStored = false
  }
}
