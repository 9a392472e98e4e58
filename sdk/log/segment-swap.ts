import type { FileSystem } from '../environment/environment.ts'
import { CLEANED, type CleanedSegment } from './cleaned-segment.ts'
import type { DeletedFiles } from './deleted-files.ts'
import type { LogConfig } from './log-config.ts'
import { Segment, type SegmentSurroundings } from './segment.ts'
import { SEGMENT_SUFFIXES, segmentFileName } from './segment-name.ts'

export const SWAP = '.swap'

/** A log whose segments are replaced. */
export interface SwappedLog {
  readonly around: SegmentSurroundings
  readonly config: () => LogConfig
  readonly deleted: DeletedFiles
  /** In order, the last one is written to. Changed in place. */
  readonly segments: () => Segment[]
  /** Closes what is open of segments, whose files go, and forgets where their readers were. */
  letGo(segments: readonly Segment[]): void
  /** Nobody knows any more which files there are: ends the log, and returns what its callers are told. */
  fail(error: unknown): Error
}

/**
 * Puts a cleaned segment in the place of others, so that a stop at any point is settled by the next opening, or by a broker:
 * `.cleaned` files that are left are dropped, `.swap` files are complete and win over what they cover.
 */
export class SegmentSwap {
  readonly #files: FileSystem
  readonly #log: SwappedLog
  readonly #sources: readonly Segment[]

  constructor(log: SwappedLog, sources: readonly Segment[]) {
    this.#files = log.around.files
    this.#log = log
    this.#sources = sources
  }

  /**
   * False where the sources are not the log's any more. Where it throws, either everything is as before, or the log has
   * failed. The last of it is durable after `settle`.
   */
  swapIn(cleaned: CleanedSegment): boolean {
    const { around } = this.#log
    const segments = this.#log.segments()
    const sources = this.#sources
    const at = segments.indexOf(sources[0]!)
    const isCurrent = at >= 0 && sources.every((segment, index) => segments[at + index] === segment)
    if (!isCurrent || at + sources.length >= segments.length) return false
    this.#declare()
    try {
      this.#log.letGo(sources)
      this.#complete()
    } catch (error) {
      throw this.#log.fail(error)
    }
    const segment = new Segment(around, sources[0]!.baseOffset, cleaned.sizeBytes)
    segment.limitOffset = sources.at(-1)!.limitOffset
    segments.splice(at, sources.length, segment)
    return true
  }

  /** From here on it counts. Durable on return. Where it throws, everything is as before. */
  #declare(): void {
    try {
      // The log last: `.swap` files of a segment that still has `.cleaned` ones are dropped together with them.
      this.#renameAll(CLEANED, SWAP, SEGMENT_SUFFIXES.toReversed())
      this.#files.syncDirectory(this.#log.around.directory)
    } catch (error) {
      this.#undo()
      throw error
    }
  }

  #undo(): void {
    for (const suffix of SEGMENT_SUFFIXES) {
      const path = this.#path(suffix, SWAP)
      if (this.#files.stat(path) !== undefined) this.#files.remove(path)
    }
  }

  #complete(): void {
    const { deleted, config } = this.#log
    const bases = this.#sources.map((segment) => segment.baseOffset)
    deleted.add(bases, config().fileDeleteDelayMs, { keepsSnapshotAt: bases[0] })
    this.#renameAll(SWAP, '', SEGMENT_SUFFIXES)
  }

  /** To be done before anything is cleaned again: a `.swap` that came back then would be taken for unfinished. */
  settle(): void {
    try {
      this.#files.syncDirectory(this.#log.around.directory)
    } catch (error) {
      throw this.#log.fail(error)
    }
  }

  #renameAll(from: string, to: string, suffixes: readonly string[]): void {
    for (const suffix of suffixes) {
      const path = this.#path(suffix, from)
      if (this.#files.stat(path) !== undefined) this.#files.rename(path, this.#path(suffix, to))
    }
  }

  #path(suffix: string, ending: string): string {
    return this.#files.join(this.#log.around.directory, segmentFileName(this.#sources[0]!.baseOffset, suffix + ending))
  }
}
