import type { FileSystem } from '../environment/environment.ts'
import { storeProducerSnapshot } from './producer-snapshot.ts'
import type { ProducerState } from './producer-state.ts'
import { segmentFileName } from './segment-name.ts'

/** Inside a segment a snapshot is written about this often, so that recovery has few batches to replay. */
const INTERVAL_BYTES = 16_777_216
/** Recovery begins to replay before the recovery point, which itself lags behind by 64 MiB. */
export const KEPT_SNAPSHOTS = 8

/** The `.snapshot` files of a log that is written: one at the base of every segment, as Kafka has them, and some between. */
export class ProducerSnapshots {
  /** Offset of the newest; 0 without any. */
  newest: number
  readonly #files: FileSystem
  readonly #directory: string
  #between: number[] = []
  #bytes = 0

  constructor(files: FileSystem, directory: string, newest: number) {
    this.#files = files
    this.#directory = directory
    this.newest = newest
  }

  /** At the end of the log, when a segment is full and when the log is closed. */
  store(offset: number, producers: ProducerState): void {
    if (this.newest < offset) {
      storeProducerSnapshot(this.#files, this.#directory, { offset, entries: producers.entries })
      this.newest = offset
    }
    this.#between = this.#between.filter((other) => other === offset)
    this.#bytes = 0
  }

  /** Now and then, on append. Where it fails, recovery replays from an older one. */
  appended(bytes: number, offset: number, producers: ProducerState): void {
    this.#bytes += bytes
    if (this.#bytes < INTERVAL_BYTES) return
    this.#bytes = 0
    try {
      storeProducerSnapshot(this.#files, this.#directory, { offset, entries: producers.entries })
      this.newest = offset
      this.#between.push(offset)
      if (this.#between.length <= KEPT_SNAPSHOTS) return
      const oldest = this.#between.shift()!
      this.#files.remove(this.#files.join(this.#directory, segmentFileName(oldest, '.snapshot')))
    } catch {
      // It is found, or missed, when the log is opened next.
    }
  }
}
