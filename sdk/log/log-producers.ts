import type { Environment } from '../environment/environment.ts'
import { RecordBatch } from '../record/record-batch.ts'
import { recallBatches } from './producer-replay.ts'
import { isRemembered } from './producer-snapshot.ts'
import { ProducerSnapshots } from './producer-snapshots.ts'
import type { ProducerEntry, ProducerState, StoredBatch } from './producer-state.ts'
import type { Segment } from './segment.ts'
import { findStored } from './sequence-check.ts'
import { storageError } from './storage-error.ts'
import { appendTransactionIndex, cutTransactionIndex } from './transaction-index.ts'

/**
 * So many are never forgotten, whatever the timestamps of their records: who imports old records may have to send them again
 * like everybody else.
 */
const FEW_PRODUCERS = 64

interface LogOfProducers {
  readonly directory: string
  readonly topic: string
  readonly partition: number
  /** As it is at the moment. */
  readonly segmentList: readonly Segment[]
}

/** The producers of a log that is written: what is remembered of them, in memory and in `.snapshot` files. */
export class LogProducers {
  readonly #environment: Environment
  readonly #log: LogOfProducers
  readonly #state: ProducerState
  readonly #snapshots: ProducerSnapshots
  /** With so many producers, those to be forgotten are looked for. */
  #expiresAt = FEW_PRODUCERS + 1
  /** The `.txnindex` that got an entry for a marker which is not appended yet, and how many bytes it had. */
  #indexed: { readonly path: string; readonly sizeBytes: number } | undefined

  constructor(
    environment: Environment,
    log: LogOfProducers,
    loaded: { readonly producers: ProducerState; readonly snapshotOffset: number },
  ) {
    this.#environment = environment
    this.#log = log
    this.#state = loaded.producers
    this.#snapshots = new ProducerSnapshots(environment.files, log.directory, loaded.snapshotOffset)
    if (this.#state.size >= this.#expiresAt) this.#expire()
  }

  get entries(): Iterable<ProducerEntry> {
    return this.#state.entries
  }

  entry(producerId: number): ProducerEntry | undefined {
    return this.#state.entry(producerId)
  }

  /** The first offset of the earliest open transaction. */
  get firstUnstableOffset(): number | undefined {
    return this.#state.firstUnstableOffset
  }

  /** The batch as it was appended before. Throws OUT_OF_ORDER_SEQUENCE, INVALID_PRODUCER_EPOCH, STORAGE_ERROR. */
  findStored(batch: RecordBatch): StoredBatch | undefined {
    const { topic, partition, segmentList } = this.#log
    const place = { topic, partition }
    return findStored(this.#state, batch, place, (entry) => {
      try {
        return recallBatches(segmentList, entry)
      } catch (error) {
        throw storageError(error, `read ${topic}-${partition}`, place)
      }
    })
  }

  /** Producers with an open transaction. */
  get open(): readonly ProducerEntry[] {
    return this.#state.open
  }

  /** Batches are about to be appended to a segment; a marker that aborts comes alone. Throws what the disk throws. */
  appending(batches: Buffer, segment: Segment): void {
    const aborted = this.#state.abortedBy(new RecordBatch(batches))
    if (aborted === undefined) return
    const path = segment.path('.txnindex')
    this.#indexed = { path, sizeBytes: this.#environment.files.stat(path)?.sizeBytes ?? 0 }
    appendTransactionIndex(this.#environment.files, path, aborted)
  }

  /** They were not appended after all. False where the index cannot be put right. */
  takeBack(): boolean {
    if (this.#indexed === undefined) return true
    const { path, sizeBytes } = this.#indexed
    try {
      cutTransactionIndex(this.#environment.files, path, sizeBytes)
      this.#indexed = undefined
      return true
    } catch {
      return false
    }
  }

  /** A batch that was appended. */
  note(batch: RecordBatch): void {
    this.#indexed = undefined
    this.#state.replay(batch)
  }

  /** Every batch of an append was noted. */
  appended(sizeBytes: number, endOffset: number): void {
    if (this.#state.size >= this.#expiresAt) this.#expire()
    this.#snapshots.appended(sizeBytes, endOffset, this.#state)
  }

  /** At the end of the log, when a segment is full and when the log is closed. */
  store(endOffset: number): void {
    this.#snapshots.store(endOffset, this.#state)
  }

  /** Whether the newest snapshot says everything up to `endOffset`. */
  isStored(endOffset: number): boolean {
    return this.#snapshots.newest >= endOffset
  }

  /** Looked at again when there are twice as many: so an append pays for a look at two producers on average. */
  #expire(): void {
    const nowMs = this.#environment.clock.nowMs()
    const offsets = this.#state.entries.map(({ lastOffset }) => lastOffset).sort((one, other) => other - one)
    const recentOffset = offsets[FEW_PRODUCERS - 1] ?? -1
    this.#state.keep((entry) => entry.lastOffset >= recentOffset || isRemembered(entry, nowMs))
    this.#expiresAt = 2 * Math.max(FEW_PRODUCERS, this.#state.size)
  }
}
