import type { Broker, TopicPartition } from '../broker/broker.ts'
import { fromPartitionError } from '../broker/partition-error.ts'
import { scanBatches } from '../record/batch-scan.ts'
import type { RecordBatch } from '../record/record-batch.ts'
import { offsetsAt } from './position.ts'

const SLICE_BYTES = 1024 * 1024

/** Some batches in a row. */
export interface Slice {
  readonly batches: readonly RecordBatch[]
  /** Where to go on. */
  readonly nextOffset: number
  readonly sizeBytes: number
}

/** Reads the batches of one partition as they are stored, for whoever looks at batches rather than at records. */
export class StoredBatches {
  readonly #broker: Broker
  readonly #place: TopicPartition

  constructor(broker: Broker, place: TopicPartition) {
    this.#broker = broker
    this.#place = place
  }

  /**
   * From the first to the last, as they are now, or from the first batch that reaches `sinceMs` or holds `fromOffset` on.
   * What is damaged is left out.
   */
  async *slices({
    sinceMs,
    fromOffset,
  }: {
    readonly sinceMs?: number
    readonly fromOffset?: number
  } = {}): AsyncGenerator<Slice> {
    const from = sinceMs === undefined ? 'earliest' : { timestampMs: Math.max(0, Math.floor(sinceMs)) }
    const [start] =
      fromOffset === undefined ? await offsetsAt(this.#broker, [this.#place], from) : [{ offset: fromOffset }]
    const [end] = await offsetsAt(this.#broker, [this.#place], 'latest')
    let offset = start!.offset
    while (offset < end!.offset) {
      const slice = await this.slice(offset)
      if (slice.nextOffset <= offset) return
      yield slice
      offset = slice.nextOffset
    }
  }

  /**
   * Some batches from the one on that holds `offset`. `nextOffset` is where to go on, `offset` itself where nothing more
   * can be read. @throws {TidemarkError} whatever the broker answers but damage
   */
  async slice(offset: number, { maxBytes = SLICE_BYTES }: { readonly maxBytes?: number } = {}): Promise<Slice> {
    const { topic, partition } = this.#place
    const answer = (
      await this.#broker.fetch({
        partitions: [{ topic, partition, fetchOffset: offset, maxBytes }],
        maxWaitMs: 0,
        minBytes: 0,
        maxBytes,
        isolation: 'read_uncommitted',
      })
    ).partitions[0]
    if (answer === undefined) return { batches: [], nextOffset: offset, sizeBytes: 0 }
    if (answer.error !== null) {
      if (answer.error.code !== 'CORRUPT_BATCH') throw fromPartitionError(answer.error, { topic, partition, offset })
      return { batches: [], nextOffset: answer.nextReadableOffset ?? offset, sizeBytes: 0 }
    }
    const { records } = answer
    const bytes =
      records instanceof Buffer ? records : Buffer.from(records.buffer, records.byteOffset, records.byteLength)
    const { batches, validBytes } = scanBatches(bytes, { verify: 'header' })
    return {
      batches,
      nextOffset: batches.at(-1)?.nextOffset ?? answer.nextReadableOffset ?? offset,
      sizeBytes: validBytes,
    }
  }
}
