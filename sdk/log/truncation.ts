import type { Environment } from '../environment/environment.ts'
import { ActiveSegment } from './active-segment.ts'
import type { DeletedFiles } from './deleted-files.ts'
import { findProducers, replayProducers } from './producer-replay.ts'
import type { ProducerState } from './producer-state.ts'
import type { Segment } from './segment.ts'
import { parseSegmentFileName, segmentFileName } from './segment-name.ts'

export interface Cut {
  readonly directory: string
  /** The batch that holds it is the first to go. It lies in the log. */
  readonly offset: number
  readonly segments: readonly Segment[]
  /** Those of `segments` that are open for writing. */
  readonly writers: readonly ActiveSegment[]
  readonly deleted: DeletedFiles
  readonly deleteDelayMs: number
}

export interface CutLog {
  readonly segments: Segment[]
  readonly active: ActiveSegment
  readonly endOffset: number
  readonly producers: ProducerState
  readonly snapshotOffset: number
}

/** Cuts the end of a log, last segment first, so that a stop in between leaves a shorter log, not one with a hole. */
export function cutLog(environment: Environment, cut: Cut): CutLog {
  const { files } = environment
  const segments = [...cut.segments]
  while (segments.length > 1 && segments.at(-1)!.baseOffset > cut.offset) {
    const segment = segments.pop()!
    cut.writers.find((writer) => writer.segment === segment)?.close()
    segment.release()
    cut.deleted.add(segment.baseOffset, cut.deleteDelayMs)
  }
  const last = segments.at(-1)!
  const place = findCut(last, cut.offset)
  const active = cut.writers.find((writer) => writer.segment === last) ?? reopen(environment, last)
  last.limitOffset = place.offset
  active.unseal()
  active.truncate(place.position, place.offset)
  let snapshots = files.list(cut.directory).flatMap((name) => {
    const parsed = parseSegmentFileName(name)
    return parsed?.suffix === '.snapshot' ? [parsed.baseOffset] : []
  })
  for (const offset of snapshots.filter((snapshot) => snapshot > place.offset)) {
    files.remove(files.join(cut.directory, segmentFileName(offset, '.snapshot')))
  }
  snapshots = snapshots.filter((snapshot) => snapshot <= place.offset)
  const { producers, offset } = findProducers(environment, cut.directory, snapshots)
  replayProducers(producers, segments, offset)
  return { segments, active, endOffset: place.offset, producers, snapshotOffset: Math.max(0, ...snapshots) }
}

/** Where the batch that holds `offset`, or the first behind it, begins; otherwise the end of the segment. */
function findCut(segment: Segment, offset: number): { position: number; offset: number } {
  let place = { position: segment.sizeBytes, offset: Math.max(segment.baseOffset, offset) }
  segment.visit(segment.locate(offset), (batch) => {
    if (batch.nextOffset <= offset) return true
    place = { position: batch.position, offset: Math.min(offset, batch.baseOffset) }
    return false
  })
  return place
}

function reopen(environment: Environment, segment: Segment): ActiveSegment {
  const file = environment.files.open(segment.path('.log'), { write: true })
  try {
    const indexes = segment.emptyIndexes()
    if (!indexes.load() || !segment.fitsLog(indexes)) segment.rebuild(indexes)
    const firstTimestampMs = segment.peek(0)?.maxTimestampMs
    return new ActiveSegment(segment, { file, indexes, createdMs: environment.clock.nowMs(), firstTimestampMs })
  } catch (error) {
    file.close()
    throw error
  }
}
