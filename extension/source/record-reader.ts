import type { Tidemark } from 'tidemark'
import type { RecordPlace } from '../model/record-place.ts'
import type { ShownRecord } from '../model/record-text.ts'

const NEIGHBOURS_BEFORE = 3
const NEIGHBOURS_BEHIND = 6
const NEWEST = 20

/** The record in question with its neighbours, as they are in the files now. */
export async function readAround(tide: Tidemark, place: RecordPlace): Promise<readonly ShownRecord[]> {
  const topic = tide.topic(place.topic)
  const [start] = (await topic.offsets('earliest')).filter(({ partition }) => partition === place.partition)
  const [end] = (await topic.offsets('latest')).filter(({ partition }) => partition === place.partition)
  if (start === undefined || end === undefined) return []
  const middle = place.offset === 'end' ? end.offset - NEWEST + NEIGHBOURS_BEFORE : place.offset
  const from = Math.min(Math.max(middle - NEIGHBOURS_BEFORE, start.offset), end.offset)
  const records: ShownRecord[] = []
  const options = { from: { offset: from }, partitions: [place.partition], follow: false, onDamage: 'skip' } as const
  for await (const { offset, timestampMs, bytes, headers } of topic.read(options)) {
    records.push({ offset, timestampMs, bytes, headers })
    if (place.offset !== 'end' && records.filter((each) => each.offset >= middle).length > NEIGHBOURS_BEHIND) break
  }
  // New ones at the top, where they are seen without scrolling.
  return place.offset === 'end' ? records.slice(-NEWEST).reverse() : records
}
