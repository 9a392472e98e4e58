import { CONTROL_BIT } from '../record/batch-header.ts'
import type { RecordBatch } from '../record/record-batch.ts'
import { sequenceAfter } from '../record/sequence.ts'
import type { AbortedTransaction } from './transaction-index.ts'

/** What a broker remembers of an idempotent producer: Kafka's ProducerSnapshot schema. */
export interface ProducerEntry {
  readonly producerId: number
  readonly producerEpoch: number
  /** Of the newest batch; −1 where a transaction marker came after it. */
  readonly lastSequence: number
  readonly lastOffset: number
  readonly offsetDelta: number
  readonly timestampMs: number
  readonly coordinatorEpoch: number
  /** Where its open transaction begins; −1 without one. */
  readonly currentTxnFirstOffset: number
}

/** A batch that a producer sends again is known by its sequences. */
export interface StoredBatch {
  readonly firstSequence: number
  readonly lastSequence: number
  readonly lastOffset: number
  readonly offsetDelta: number
  readonly timestampMs: number
}

/** Of each producer, as many as it may have under way. */
export const KEPT_BATCHES = 5

interface KnownProducer {
  readonly entry: ProducerEntry
  /** The newest of its epoch, in order. */
  readonly recent: readonly StoredBatch[]
  /** Whether `recent` lacks nothing that is in the log: a snapshot has but the newest batch. */
  readonly isWhole: boolean
}

const ABORT_MARKER_TYPE = 0
const COMMIT_MARKER_TYPE = 1

/** The newest batches of every producer id in a log, by replay of its batches. */
export class ProducerState {
  readonly #known = new Map<number, KnownProducer>()

  constructor(entries: Iterable<ProducerEntry> = []) {
    for (const entry of entries) {
      const { lastSequence, lastOffset, offsetDelta, timestampMs } = entry
      const firstSequence = sequenceAfter(lastSequence, -offsetDelta)
      const newest = { firstSequence, lastSequence, lastOffset, offsetDelta, timestampMs }
      this.#known.set(entry.producerId, { entry, recent: lastSequence < 0 ? [] : [newest], isWhole: false })
    }
  }

  get entries(): readonly ProducerEntry[] {
    return Array.from(this.#known.values(), ({ entry }) => entry)
  }

  entry(producerId: number): ProducerEntry | undefined {
    return this.#known.get(producerId)?.entry
  }

  get size(): number {
    return this.#known.size
  }

  /** Producers with an open transaction. */
  get open(): readonly ProducerEntry[] {
    return this.entries.filter(({ currentTxnFirstOffset }) => currentTxnFirstOffset >= 0)
  }

  /** The first offset of the earliest open transaction. */
  get firstUnstableOffset(): number | undefined {
    return this.#firstUnstableBeside(undefined)
  }

  #firstUnstableBeside(other: number | undefined): number | undefined {
    let first: number | undefined
    for (const { entry } of this.#known.values()) {
      const { producerId, currentTxnFirstOffset } = entry
      if (currentTxnFirstOffset < 0 || producerId === other) continue
      if (currentTxnFirstOffset < (first ?? Number.POSITIVE_INFINITY)) first = currentTxnFirstOffset
    }
    return first
  }

  /** The transaction that a batch, which is about to be replayed, aborts. */
  abortedBy(batch: RecordBatch): AbortedTransaction | undefined {
    const { producerId, baseOffset: lastOffset } = batch
    const firstOffset = this.entry(producerId)?.currentTxnFirstOffset ?? -1
    if (firstOffset < 0 || !batch.isControl || markerOf(batch)?.type !== ABORT_MARKER_TYPE) return undefined
    const lastStableOffset = this.#firstUnstableBeside(producerId) ?? lastOffset + 1
    return { producerId, firstOffset, lastOffset, lastStableOffset }
  }

  /**
   * The newest batches of a producer's epoch, in order. `recall` reads from the log what a snapshot did not say; it is called
   * at most once.
   */
  recentBatches(producerId: number, recall: (entry: ProducerEntry) => readonly StoredBatch[]): readonly StoredBatch[] {
    const known = this.#known.get(producerId)
    if (known === undefined) return []
    if (known.isWhole || known.recent.length === KEPT_BATCHES) return known.recent
    const recent = recall(known.entry)
    this.#known.set(producerId, { entry: known.entry, recent, isWhole: true })
    return recent
  }

  /** Forgets the producers that are to be forgotten. */
  keep(isKept: (entry: ProducerEntry) => boolean): void {
    for (const { entry } of this.#known.values()) if (!isKept(entry)) this.#known.delete(entry.producerId)
  }

  /** A batch of the log, in order; of one with data the header is enough. Batches without a producer id change nothing. */
  replay(batch: RecordBatch): void {
    const { producerId } = batch
    if (producerId < 0) return
    const before = this.#known.get(producerId)
    if ((batch.attributes & CONTROL_BIT) !== 0) this.#replayMarker(batch, before)
    else this.#replayData(batch, before)
  }

  #replayData(batch: RecordBatch, before: KnownProducer | undefined): void {
    const { producerId, producerEpoch, baseOffset } = batch
    const stored = storedBatch(batch)
    const { lastSequence, lastOffset, offsetDelta, timestampMs } = stored
    const currentTxnFirstOffset = before?.entry.currentTxnFirstOffset ?? -1
    const entry = {
      producerId,
      producerEpoch,
      lastSequence,
      lastOffset,
      offsetDelta,
      timestampMs,
      coordinatorEpoch: before?.entry.coordinatorEpoch ?? -1,
      currentTxnFirstOffset: currentTxnFirstOffset < 0 && batch.isTransactional ? baseOffset : currentTxnFirstOffset,
    }
    const isSameEpoch = before !== undefined && before.entry.producerEpoch === producerEpoch
    const recent = isSameEpoch ? [...before.recent.slice(1 - KEPT_BATCHES), stored] : [stored]
    this.#known.set(producerId, { entry, recent, isWhole: !isSameEpoch || before.isWhole })
  }

  #replayMarker(batch: RecordBatch, before: KnownProducer | undefined): void {
    const marker = markerOf(batch)
    if (marker === undefined) return
    const { producerId, producerEpoch } = batch
    const same = before?.entry.producerEpoch === producerEpoch ? before : undefined
    const entry = {
      producerId,
      producerEpoch,
      lastSequence: same?.entry.lastSequence ?? -1,
      lastOffset: same?.entry.lastOffset ?? -1,
      offsetDelta: same?.entry.offsetDelta ?? 0,
      timestampMs: batch.maxTimestampMs,
      coordinatorEpoch: marker.coordinatorEpoch,
      currentTxnFirstOffset: -1,
    }
    this.#known.set(producerId, { entry, recent: same?.recent ?? [], isWhole: same?.isWhole ?? true })
  }
}

/** What a control batch says, if it ends a transaction. */
function markerOf(batch: RecordBatch): { readonly type: number; readonly coordinatorEpoch: number } | undefined {
  const [record] = batch.isValid() ? batch.records() : []
  const { key, value } = record ?? {}
  const type = key && key.length >= 4 ? key.readInt16BE(2) : undefined
  if (type !== ABORT_MARKER_TYPE && type !== COMMIT_MARKER_TYPE) return undefined
  return { type, coordinatorEpoch: value && value.length >= 6 ? value.readInt32BE(2) : -1 }
}

export function storedBatch(batch: RecordBatch): StoredBatch {
  const { baseSequence, baseOffset, lastOffsetDelta } = batch
  return {
    firstSequence: baseSequence,
    lastSequence: baseSequence < 0 ? -1 : sequenceAfter(baseSequence, lastOffsetDelta),
    lastOffset: baseOffset + lastOffsetDelta,
    offsetDelta: lastOffsetDelta,
    timestampMs: batch.maxTimestampMs,
  }
}
