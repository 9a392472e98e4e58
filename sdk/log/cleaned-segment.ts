import { assert } from '../assert.ts'
import type { Environment } from '../environment/environment.ts'
import { RecordBatch } from '../record/record-batch.ts'
import { ActiveSegment } from './active-segment.ts'
import { Segment, type SegmentSurroundings } from './segment.ts'
import { SEGMENT_SUFFIXES } from './segment-name.ts'
import type { TimeSlices } from './time-slices.ts'
import { type AbortedTransaction, writeTransactionIndex } from './transaction-index.ts'

export const CLEANED = '.cleaned'

/** Batches are gathered before they are written. */
const CHUNK_BYTES = 262_144
/** Flushed in pieces, so that appends do not wait behind one long flush. */
const SYNC_BYTES = 8_388_608

/** A segment that takes the place of others, while it is being written: every file of it ends in `.cleaned`. */
export class CleanedSegment {
  readonly segment: Segment
  readonly #environment: Environment
  readonly #directory: string
  readonly #writer: ActiveSegment
  readonly #chunk = Buffer.allocUnsafe(CHUNK_BYTES)
  #chunkBytes = 0
  #unsyncedBytes = 0

  private constructor(environment: Environment, directory: string, writer: ActiveSegment) {
    this.#environment = environment
    this.#directory = directory
    this.#writer = writer
    this.segment = writer.segment
  }

  /** What an earlier attempt left under these names goes. */
  static create(environment: Environment, around: SegmentSurroundings, baseOffset: number): CleanedSegment {
    const segment = new Segment(around, baseOffset, 0, CLEANED)
    removeFiles(environment, segment)
    const writer = ActiveSegment.create(environment.files, segment, environment.clock.nowMs())
    return new CleanedSegment(environment, around.directory, writer)
  }

  get sizeBytes(): number {
    return this.segment.sizeBytes + this.#chunkBytes
  }

  /** The next batch. Its bytes are copied. */
  async add(bytes: Buffer, slices: TimeSlices): Promise<void> {
    if (this.#chunkBytes + bytes.length > CHUNK_BYTES) await this.#writeChunk(slices)
    const batch = new RecordBatch(bytes)
    const position = this.sizeBytes
    if (bytes.length > CHUNK_BYTES) {
      this.#writer.append(bytes)
      this.#unsyncedBytes += bytes.length
    } else {
      bytes.copy(this.#chunk, this.#chunkBytes)
      this.#chunkBytes += bytes.length
    }
    this.#writer.note(position, batch.lastOffset, batch.maxTimestampMs)
  }

  /** Completes and flushes all files; durable but for their names. The time of the files is that of the last source. */
  async finish(aborted: readonly AbortedTransaction[], modifiedMs: number, slices: TimeSlices): Promise<void> {
    await this.#writeChunk(slices)
    this.#writer.seal()
    if (aborted.length > 0) {
      const { files } = this.#environment
      writeTransactionIndex(files, this.segment.path('.txnindex'), aborted)
      // Other indexes are made again when their name is lost; this one cannot be.
      files.syncDirectory(this.#directory)
    }
    slices.pause()
    await this.#writer.sync()
    slices.resume()
    assert(!this.#writer.isDirty, 'nothing is added while a cleaned segment is flushed')
    this.#writer.close()
    this.#environment.files.setModified(this.segment.path('.log'), modifiedMs)
  }

  /** It is not wanted any more. */
  discard(): void {
    this.#writer.close()
    removeFiles(this.#environment, this.segment)
  }

  async #writeChunk(slices: TimeSlices): Promise<void> {
    if (this.#chunkBytes === 0) return
    this.#writer.append(this.#chunk.subarray(0, this.#chunkBytes))
    this.#unsyncedBytes += this.#chunkBytes
    this.#chunkBytes = 0
    if (this.#unsyncedBytes < SYNC_BYTES) return
    this.#unsyncedBytes = 0
    slices.pause()
    await this.#writer.sync()
    slices.resume()
  }
}

function removeFiles({ files }: Environment, segment: Segment): void {
  for (const suffix of SEGMENT_SUFFIXES) {
    if (files.stat(segment.path(suffix)) !== undefined) files.remove(segment.path(suffix))
  }
}
