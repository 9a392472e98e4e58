import { CONTROL_BIT } from '../record/batch-header.ts'
import type { RecordBatch } from '../record/record-batch.ts'

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

const END_TXN_MARKER_TYPES: ReadonlySet<number> = new Set([0, 1])

/** The newest batch of every producer id in a log, by replay of its batches. */
export class ProducerState {
  readonly #entries = new Map<number, ProducerEntry>()

  constructor(entries: Iterable<ProducerEntry> = []) {
    for (const entry of entries) this.#entries.set(entry.producerId, entry)
  }

  get entries(): Iterable<ProducerEntry> {
    return this.#entries.values()
  }

  entry(producerId: number): ProducerEntry | undefined {
    return this.#entries.get(producerId)
  }

  get size(): number {
    return this.#entries.size
  }

  /** The first offset of the earliest open transaction. */
  get firstUnstableOffset(): number | undefined {
    let first: number | undefined
    for (const { currentTxnFirstOffset } of this.#entries.values()) {
      if (currentTxnFirstOffset >= 0 && currentTxnFirstOffset < (first ?? Number.POSITIVE_INFINITY)) {
        first = currentTxnFirstOffset
      }
    }
    return first
  }

  /** A batch of the log, in order; of one with data the header is enough. Batches without a producer id change nothing. */
  replay(batch: RecordBatch): void {
    const { producerId } = batch
    if (producerId < 0) return
    const before = this.#entries.get(producerId)
    if ((batch.attributes & CONTROL_BIT) !== 0) this.#replayMarker(batch, before)
    else this.#replayData(batch, before)
  }

  #replayData(batch: RecordBatch, before: ProducerEntry | undefined): void {
    const { producerId, producerEpoch, baseOffset, lastOffsetDelta } = batch
    const isOpen = before !== undefined && before.currentTxnFirstOffset >= 0
    this.#entries.set(producerId, {
      producerId,
      producerEpoch,
      lastSequence: sequenceAfter(batch.baseSequence, lastOffsetDelta),
      lastOffset: baseOffset + lastOffsetDelta,
      offsetDelta: lastOffsetDelta,
      timestampMs: batch.maxTimestampMs,
      coordinatorEpoch: before?.coordinatorEpoch ?? -1,
      currentTxnFirstOffset: isOpen ? before.currentTxnFirstOffset : batch.isTransactional ? baseOffset : -1,
    })
  }

  #replayMarker(batch: RecordBatch, before: ProducerEntry | undefined): void {
    const [marker] = batch.isValid() ? batch.records() : []
    const { key, value } = marker ?? {}
    if (!key || key.length < 4 || !END_TXN_MARKER_TYPES.has(key.readInt16BE(2))) return
    const { producerId, producerEpoch } = batch
    const keepsBatch = before !== undefined && before.producerEpoch === producerEpoch
    this.#entries.set(producerId, {
      producerId,
      producerEpoch,
      lastSequence: keepsBatch ? before.lastSequence : -1,
      lastOffset: keepsBatch ? before.lastOffset : -1,
      offsetDelta: keepsBatch ? before.offsetDelta : 0,
      timestampMs: batch.maxTimestampMs,
      coordinatorEpoch: value && value.length >= 6 ? value.readInt32BE(2) : -1,
      currentTxnFirstOffset: -1,
    })
  }
}

/** Sequences wrap: 0 follows 2^31 − 1. */
function sequenceAfter(baseSequence: number, delta: number): number {
  if (baseSequence < 0) return -1
  const sequence = baseSequence + delta
  return sequence > 0x7fff_ffff ? sequence - 0x8000_0000 : sequence
}
