import type { Environment, Timer } from '../environment/environment.ts'
import { SEGMENT_SUFFIXES, segmentFileName } from './segment-name.ts'
import { errnoOf } from './storage-error.ts'

const SUFFIX = '.deleted'

/** Files of deleted segments: renamed at once, removed a while later, since others may still be reading them. */
export class DeletedFiles {
  readonly #environment: Environment
  readonly #directory: string
  readonly #waiting = new Map<string, Timer>()

  constructor(environment: Environment, directory: string) {
    this.#environment = environment
    this.#directory = directory
  }

  /** Durable on return. `keepsSnapshotAt`: a segment with this base takes their place, so its producers are still known. */
  add(baseOffsets: readonly number[], delayMs: number, options: { keepsSnapshotAt?: number | undefined } = {}): void {
    const { files } = this.#environment
    for (const baseOffset of baseOffsets) {
      for (const suffix of SEGMENT_SUFFIXES) {
        if (suffix === '.snapshot' && baseOffset === options.keepsSnapshotAt) continue
        const path = files.join(this.#directory, segmentFileName(baseOffset, suffix))
        if (files.stat(path) !== undefined) this.#rename(path, delayMs)
      }
    }
    files.syncDirectory(this.#directory)
  }

  #rename(path: string, delayMs: number): void {
    const { files, timers } = this.#environment
    const renamed = path + SUFFIX
    files.rename(path, renamed)
    this.#waiting.get(renamed)?.cancel()
    this.#waiting.set(
      renamed,
      timers.after(delayMs, () => this.#remove(renamed)),
    )
  }

  /** Removes what still waits. */
  close(): void {
    for (const [path, timer] of this.#waiting) {
      timer.cancel()
      this.#remove(path)
    }
  }

  #remove(path: string): void {
    this.#waiting.delete(path)
    try {
      this.#environment.files.remove(path)
    } catch (error) {
      // Whatever keeps it there: it goes when the log is opened next.
      if (errnoOf(error) === undefined) throw error
    }
  }
}
