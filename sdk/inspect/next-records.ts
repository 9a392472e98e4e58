import type { Broker, TopicPartition } from '../broker/broker.ts'
import type { LagRow } from '../client/lag.ts'
import { StoredBatches } from '../client/stored-batches.ts'
import { TidemarkError } from '../errors.ts'
import type { RecordBatch } from '../record/record-batch.ts'
import { type GroupPlace, groupPlaceKey } from './group-place.ts'

/** The first record that a group has not processed. */
export interface NextRecord {
  readonly offset: number
  readonly timestampMs: number
}

interface Remembered extends NextRecord {
  readonly fromOffset: number
}

/**
 * Finds on which record groups stand. Batches are read once for all groups that stand in them, and what was found stays
 * known for as long as the group stands there.
 */
export class NextRecords {
  readonly #broker: Broker
  readonly #known = new Map<string, Remembered>()

  constructor(broker: Broker) {
    this.#broker = broker
  }

  /** Looks for those that are not known yet. Nothing is found where nobody waits, or where the log cannot be read. */
  async find(places: readonly GroupPlace[]): Promise<void> {
    const unknown = places.filter((place) => fromOffset(place.row) !== null && this.of(place) === null)
    for (const group of Map.groupBy(unknown, ({ partitionId }) => partitionId).values()) {
      const [{ row } = {}] = group
      if (row === undefined) continue
      const offsets = group.flatMap((place) => fromOffset(place.row) ?? [])
      const found = await this.#findIn(
        row,
        [...new Set(offsets)].sort((a, b) => a - b),
      )
      for (const place of group) {
        const from = fromOffset(place.row) ?? -1
        const record = found.get(from)
        if (record !== undefined) this.#known.set(groupPlaceKey(place), { ...record, fromOffset: from })
      }
    }
  }

  of(place: GroupPlace): NextRecord | null {
    const known = this.#known.get(groupPlaceKey(place))
    return known === undefined || known.fromOffset !== fromOffset(place.row) ? null : known
  }

  /** The first record at or behind each of the offsets, which are given in order. */
  async #findIn(place: TopicPartition, offsets: readonly number[]): Promise<ReadonlyMap<number, NextRecord>> {
    const stored = new StoredBatches(this.#broker, { topic: place.topic, partition: place.partition })
    const found = new Map<number, NextRecord>()
    let at = 0
    let offset = 0
    while (at < offsets.length) {
      offset = Math.max(offset, offsets[at]!)
      try {
        const { batches, nextOffset } = await stored.slice(offset, { maxBytes: 1 })
        for (const batch of batches) at = takeFrom(batch, offsets, at, found)
        if (nextOffset <= offset) return found
        offset = nextOffset
      } catch (error) {
        if (!(error instanceof TidemarkError)) throw error
        // Behind what cannot be read others may stand.
        at++
        offset = 0
      }
    }
    return found
  }
}

/** Takes the records that the offsets from `at` on ask for. Returns up to which offset they were found. */
function takeFrom(batch: RecordBatch, offsets: readonly number[], at: number, found: Map<number, NextRecord>): number {
  if (batch.isControl) return at
  const cursor = batch.cursor()
  let next = at
  while (next < offsets.length && cursor.next()) {
    const { offset, timestampMs } = cursor
    for (; next < offsets.length && offsets[next]! <= offset; next++) found.set(offsets[next]!, { offset, timestampMs })
  }
  return next
}

/** Where to look; null where nobody waits. */
function fromOffset({ committedOffset, logStartOffset, logEndOffset, lagRecords }: LagRow): number | null {
  if (logStartOffset === null || logEndOffset === null || lagRecords === 0) return null
  const from = Math.max(committedOffset ?? logStartOffset, logStartOffset)
  return from < logEndOffset ? from : null
}
