import type { LogConfig } from './log-config.ts'
import { MAX_RELATIVE_OFFSET } from './offset-index.ts'

/** What of a segment decides whether it can be merged with its neighbours. */
export interface GroupedSegment {
  readonly baseOffset: number
  /** The base of the next one. */
  readonly limitOffset: number
  readonly sizeBytes: number
}

/**
 * Neighbours that together fit into one segment, by Kafka's rule: in bytes, in index entries and in offsets. So a log that
 * was compacted often does not end as thousands of tiny files.
 */
export function groupSegments<S extends GroupedSegment>(
  segments: readonly S[],
  config: LogConfig,
  indexBytesOf: (segment: S) => { readonly offsets: number; readonly times: number },
): S[][] {
  const { segmentBytes, segmentIndexBytes } = config
  const groups: S[][] = []
  let sizeBytes = 0
  let offsetBytes = 0
  let timeBytes = 0
  for (const segment of segments) {
    const index = indexBytesOf(segment)
    const group = groups.at(-1)
    const fits =
      group !== undefined &&
      sizeBytes + segment.sizeBytes <= segmentBytes &&
      offsetBytes + index.offsets <= segmentIndexBytes &&
      timeBytes + index.times <= segmentIndexBytes &&
      segment.limitOffset - 1 - group[0]!.baseOffset <= MAX_RELATIVE_OFFSET
    if (fits) {
      group.push(segment)
      sizeBytes += segment.sizeBytes
      offsetBytes += index.offsets
      timeBytes += index.times
    } else {
      groups.push([segment])
      sizeBytes = segment.sizeBytes
      offsetBytes = index.offsets
      timeBytes = index.times
    }
  }
  return groups
}
