import type { Environment } from '../environment/environment.ts'
import { FilePool } from '../environment/file-pool.ts'
import { ActiveSegment } from './active-segment.ts'
import { BatchChain } from './batch-chain.ts'
import type { DeletedFiles } from './deleted-files.ts'
import { findProducers, replayProducers } from './producer-replay.ts'
import type { ProducerState } from './producer-state.ts'
import { type Place, Segment, type SegmentSurroundings } from './segment.ts'
import { parseSegmentFileName, segmentFileName } from './segment-name.ts'
import { trimTransactionIndex } from './transaction-index.ts'

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
    active = create(environment, around, endOffset)
    segments.push(active.segment)
  } else {
    active = cut.writers.find((writer) => writer.segment === last) ?? reopen(environment, last)
    active.unseal()
    active.truncate(place.position, endOffset)
    around.damage.keep(0, endOffset)
    const isDamaged = around.damage.ranges.some((range) => range.segment === last.baseOffset)
    if (isDamaged && endOffset > last.baseOffset) {
      // As after recovery: nothing is appended behind damage.
      last.limitOffset = endOffset
      active.seal()
      active.syncNow()
      active.close()
      active = create(environment, around, endOffset)
      segments.push(active.segment)
    }
  }
  active.segment.limitOffset = endOffset
  trimTransactionIndex(environment.files, last.path('.txnindex'), endOffset)
  return { segments, active, endOffset, ...replay(environment, segments, { directory: cut.directory, endOffset }) }
}

function create(environment: Environment, around: SegmentSurroundings, baseOffset: number): ActiveSegment {
  const segment = new Segment(around, baseOffset, 0)
  const active = ActiveSegment.create(environment.files, segment, environment.clock.nowMs())
  environment.files.syncDirectory(around.directory)
  return active
}

function drop(segment: Segment, cut: Cut): void {
  cut.writers.find((writer) => writer.segment === segment)?.close()
  segment.release()
  cut.deleted.add([segment.baseOffset], cut.deleteDelayMs)
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
  const { producers, offset } = findProducers(environment.files, directory, kept)
  replayProducers(producers, segments, { fromOffset: offset, toOffset: endOffset })
  return { producers, snapshotOffset: Math.max(0, ...kept) }
}

/**
 * Where the last batch before the one that holds `offset` ends. The log goes on with the offset behind it: whoever recovers
 * it later takes a batch that leaves a gap at the end for damaged.
 */
function findCut(segment: Segment, offset: number): Place {
  const chain = new BatchChain(segment, offset > segment.baseOffset ? segment.locate(offset - 1) : segment.begin)
  const { batch } = chain
  let place = segment.begin
  while (chain.next() && batch.nextOffset <= offset) {
    place = { position: batch.position + batch.sizeBytes, offset: batch.nextOffset }
  }
  return place
}

function reopen(environment: Environment, segment: Segment): ActiveSegment {
  const file = FilePool.of(environment.files).open(segment.path('.log'), { write: true })
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
