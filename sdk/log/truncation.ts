import type { Environment } from '../environment/environment.ts'
import { ActiveSegment } from './active-segment.ts'
import type { DeletedFiles } from './deleted-files.ts'
import { findProducers, replayProducers } from './producer-replay.ts'
import type { ProducerState } from './producer-state.ts'
import { Segment, type SegmentSurroundings } from './segment.ts'
import { parseSegmentFileName, segmentFileName } from './segment-name.ts'

export interface Cut {
  readonly directory: string
  /** The batch that holds it is the first to go. It lies in the log. */
  readonly offset: number
  readonly logStartOffset: number
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
export function cutLog(environment: Environment, around: SegmentSurroundings, cut: Cut): CutLog {
  const segments = [...cut.segments]
  while (segments.length > 1 && segments.at(-1)!.baseOffset > cut.offset) drop(segments.pop()!, cut)
  const last = segments.at(-1)!
  const place = findCut(last, cut.offset)
  const endOffset = Math.max(place.offset, cut.logStartOffset)
  let active: ActiveSegment
  if (endOffset > place.offset) {
    // The batch that holds the log start is cut, so nothing is left to read: the log begins again there.
    for (const segment of segments.splice(0)) drop(segment, cut)
    active = ActiveSegment.create(environment.files, new Segment(around, endOffset, 0), environment.clock.nowMs())
    segments.push(active.segment)
    environment.files.syncDirectory(cut.directory)
  } else {
    active = cut.writers.find((writer) => writer.segment === last) ?? reopen(environment, last)
    active.unseal()
    active.truncate(place.position, endOffset)
  }
  active.segment.limitOffset = endOffset
  return { segments, active, endOffset, ...replay(environment, segments, { directory: cut.directory, endOffset }) }
}

function drop(segment: Segment, cut: Cut): void {
  cut.writers.find((writer) => writer.segment === segment)?.close()
  segment.release()
  cut.deleted.add(segment.baseOffset, cut.deleteDelayMs)
}

/** The producers as they were at the new end. */
function replay(
  environment: Environment,
  segments: readonly Segment[],
  log: { directory: string; endOffset: number },
): { producers: ProducerState; snapshotOffset: number } {
  const { files } = environment
  const { directory, endOffset } = log
  const snapshots = files.list(directory).flatMap((name) => {
    const parsed = parseSegmentFileName(name)
    return parsed?.suffix === '.snapshot' ? [parsed.baseOffset] : []
  })
  for (const offset of snapshots.filter((snapshot) => snapshot > endOffset)) {
    files.remove(files.join(directory, segmentFileName(offset, '.snapshot')))
  }
  const kept = snapshots.filter((snapshot) => snapshot <= endOffset)
  const { producers, offset } = findProducers(environment, directory, kept)
  replayProducers(producers, segments, { fromOffset: offset, toOffset: endOffset })
  return { producers, snapshotOffset: Math.max(0, ...kept) }
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
