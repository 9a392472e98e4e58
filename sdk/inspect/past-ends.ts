import type { Broker } from '../broker/broker.ts'
import { type GroupPlace, groupPlaceKey } from './group-place.ts'
import type { OffsetSample } from './group-progress.ts'

/** A moment for which it is asked where the log of a row ended. */
interface PastMoment extends GroupPlace {
  /** Milliseconds since 1970. */
  readonly atMs: number
}

/**
 * Where logs ended in the past, told from the timestamps of their records: nobody kept the ends. Asked for exactly the
 * moment that is wanted: between two others a log may have grown in one go.
 */
export class PastEnds {
  readonly #broker: Broker
  /** The last answer for each row. */
  readonly #known = new Map<string, OffsetSample>()

  constructor(broker: Broker) {
    this.#broker = broker
  }

  /** Asks for those that are not known yet. */
  async find(moments: readonly PastMoment[]): Promise<void> {
    const unknown = moments.filter((moment) => moment.row.logEndOffset !== null && this.of(moment) === null)
    const shared = [...Map.groupBy(unknown, ({ partitionId, atMs }) => `${partitionId}@${atMs}`).values()]
    if (shared.length === 0) return
    const partitions = shared.map(([moment]) => {
      const { row, atMs } = moment!
      // What was written in that millisecond was there.
      return { topic: row.topic, partition: row.partition, at: { timestampMs: Math.max(0, atMs + 1) } }
    })
    const answers = await this.#broker.listOffsets({ isolation: 'read_uncommitted', partitions })
    for (const [index, { error, offset }] of answers.partitions.entries()) {
      if (error !== null) continue
      for (const moment of shared[index]!) {
        const end = moment.row.logEndOffset ?? 0
        // Where no record is newer, the log had the end of now already.
        this.#known.set(groupPlaceKey(moment), { atMs: moment.atMs, offset: offset < 0 ? end : Math.min(offset, end) })
      }
    }
  }

  /** null: it could not be told. */
  of(moment: PastMoment): OffsetSample | null {
    const known = this.#known.get(groupPlaceKey(moment))
    return known?.atMs === moment.atMs ? known : null
  }
}
