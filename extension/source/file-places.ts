import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { FilePlace } from '../model/record-text.ts'

const SEGMENT = /^\d{20}\.log$/
/** A segment may have millions of batches; whoever wants to see a record does not wait for its address. */
const SEARCH_AT_MOST_MS = 1_000

/** The places of records of a partition, by offset, as far as they are found soon. `folder`: of the partition. */
export async function findFilePlaces(
  folder: string,
  offsets: readonly number[],
): Promise<ReadonlyMap<number, FilePlace>> {
  const places = new Map<number, FilePlace>()
  const { describeFile } = await import('tidemark/inspect')
  const signal = AbortSignal.timeout(SEARCH_AT_MOST_MS)
  try {
    const segments = (await readdir(folder)).filter((name) => SEGMENT.test(name)).sort()
    const segmentOf = (offset: number) => segments.findLast((name) => Number.parseInt(name, 10) <= offset)
    for (const [file, inside] of Map.groupBy(offsets, segmentOf)) {
      if (file === undefined) continue
      const last = Math.max(...inside)
      for await (const row of describeFile(join(folder, file), { records: false, signal })) {
        if (row.row !== 'batch') continue
        const { baseOffset, lastOffset, position } = row
        for (const offset of inside) {
          if (baseOffset <= offset && offset <= lastOffset) places.set(offset, { file, position })
        }
        if (lastOffset >= last) break
      }
    }
  } catch {
    // Retention may have taken the file meanwhile, or it is a long one: what was found is told.
  }
  return places
}
