import { join } from 'node:path'
import type { Tidemark } from 'tidemark'
import type { RecordPlace } from '../model/record-place.ts'
import type { ShownRecord } from '../model/record-text.ts'
import { findFilePlaces } from './file-places.ts'

const NEIGHBOURS_BEFORE = 3
const NEIGHBOURS_BEHIND = 6
const NEWEST = 20

/** The record in question with its neighbours, or the newest ones, as they are in the files now. */
export async function readAround(tide: Tidemark, place: RecordPlace): Promise<readonly ShownRecord[]> {
  const topic = tide.topic(place.topic)
  const [start] = (await topic.offsets('earliest')).filter(({ partition }) => partition === place.partition)
  const [end] = (await topic.offsets('latest')).filter(({ partition }) => partition === place.partition)
  if (start === undefined || end === undefined) return []
  const before = place.offset === 'end' ? end.offset - NEWEST : place.offset - NEIGHBOURS_BEFORE
  const from = Math.min(Math.max(before, start.offset), end.offset)
  const records: ShownRecord[] = []
  let behind = 0
  const options = {
    from: { offset: from },
    // A program that sends faster than this reads would never let it come to an end.
    to: { offset: end.offset },
    partitions: [place.partition],
    onDamage: 'skip',
  } as const
  for await (const { offset, timestampMs, bytes, headers } of topic.read(options)) {
    records.push({ offset, timestampMs, bytes, headers })
    if (place.offset !== 'end' && offset >= place.offset && ++behind > NEIGHBOURS_BEHIND) break
  }
  // New ones at the top, where they are seen without scrolling. They come too often for their places to be looked up.
  if (place.offset === 'end') return records.reverse()
  const folder = join(place.source, `${place.topic}-${place.partition}`)
  const places = await findFilePlaces(
    folder,
    records.map(({ offset }) => offset),
  )
  return records.map((record) => ({ ...record, filePlace: places.get(record.offset) }))
}
