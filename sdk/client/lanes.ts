import type { FetchedRecord } from './fetched-record.ts'
import { keyName } from './key-name.ts'

/** What takes its turn in a lane. */
export interface LaneEntry {
  /** Undefined: independent of all others. */
  readonly lane: string | undefined
  /** Not wanted any more: it gets no turn. */
  readonly isDropped: boolean
}

/**
 * Keeps in order what is to stay in order: the entries of one lane get their turn one after the other. A lane outlives
 * the assignment of its partition, so that a partition that comes back waits for what is still running.
 */
export class Lanes<E extends LaneEntry> {
  /** Who waits in each lane behind the one whose turn it is. */
  readonly #waiting = new Map<string, E[]>()

  /** Whether it is its turn at once. */
  enter(entry: E): boolean {
    const { lane } = entry
    if (lane === undefined) return true
    const waiting = this.#waiting.get(lane)
    if (waiting === undefined) this.#waiting.set(lane, [])
    else waiting.push(entry)
    return waiting === undefined
  }

  /** Its turn is over; whose it is now. */
  leave({ lane }: E): E | undefined {
    if (lane === undefined) return undefined
    const waiting = this.#waiting.get(lane)
    for (let next = waiting?.shift(); next !== undefined; next = waiting!.shift()) if (!next.isDropped) return next
    this.#waiting.delete(lane)
    return undefined
  }
}

/** The lane of a record: what it shares with those that must not overtake it. */
export function laneOf(
  { topic, partition, bytes }: FetchedRecord,
  order: 'key' | 'partition' | 'none',
): string | undefined {
  if (order === 'none') return undefined
  const place = `${topic}-${partition}`
  if (order === 'partition') return place
  return bytes.key === null ? undefined : `${place}@${keyName(bytes.key)}`
}
