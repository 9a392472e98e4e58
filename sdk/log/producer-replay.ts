import type { FileSystem } from '../environment/environment.ts'
import type { BatchWalker } from './batch-walker.ts'
import { loadProducerSnapshot } from './producer-snapshot.ts'
import { KEPT_BATCHES, type ProducerEntry, ProducerState, type StoredBatch, storedBatch } from './producer-state.ts'
import type { Segment } from './segment.ts'

export interface FoundProducers {
  readonly producers: ProducerState
  /** Batches from here on have still to be replayed. */
  readonly offset: number
  /** Snapshots that are newer but of no use. */
  readonly damaged: readonly number[]
}

/** The producers of the newest snapshot that can be read; none of them, from offset 0, where there is none. */
export function findProducers(files: FileSystem, directory: string, snapshots: readonly number[]): FoundProducers {
  const damaged: number[] = []
  for (const offset of [...snapshots].sort((one, other) => other - one)) {
    const entries = loadProducerSnapshot(files, directory, offset)
    if (entries !== undefined) return { producers: new ProducerState(entries), offset, damaged }
    damaged.push(offset)
  }
  return { producers: new ProducerState(), offset: 0, damaged }
}

export interface OffsetRange {
  readonly fromOffset: number
  readonly toOffset: number
}

/** Replays the batches from one offset up to another. Reads headers only, but for batches with a producer id. */
export function replayProducers(producers: ProducerState, segments: readonly Segment[], range: OffsetRange): void {
  visitBatches(segments, range, (batch) => replayBatch(producers, batch))
}

/** Only of a marker the record is needed. */
export function replayBatch(producers: ProducerState, batch: BatchWalker): void {
  if (batch.producerId >= 0) producers.replay(batch.isControl ? batch.batch() : batch.header())
}

/** A producer's newest batches are near its last one, so it is looked for from there, in steps that grow. */
const FIRST_STEP_OFFSETS = 4_096
const STEP_GROWTH = 16

/** The newest batches of a producer's epoch as the log has them. */
export function recallBatches(segments: readonly Segment[], producer: ProducerEntry): StoredBatch[] {
  const { producerId, producerEpoch, lastOffset } = producer
  const firstOffset = segments[0]?.baseOffset ?? 0
  const toOffset = lastOffset + 1
  for (let step = FIRST_STEP_OFFSETS; ; step *= STEP_GROWTH) {
    const found: StoredBatch[] = []
    visitBatches(segments, { fromOffset: toOffset - step, toOffset }, (batch) => {
      if (batch.producerId !== producerId || batch.isControl) return
      const header = batch.header()
      if (header.producerEpoch === producerEpoch) found.push(storedBatch(header))
    })
    if (found.length >= KEPT_BATCHES || toOffset - step <= firstOffset) return found.slice(-KEPT_BATCHES)
  }
}

function visitBatches(
  segments: readonly Segment[],
  { fromOffset, toOffset }: OffsetRange,
  visit: (batch: BatchWalker) => void,
): void {
  for (const segment of segments) {
    if (segment.limitOffset <= fromOffset || segment.baseOffset >= toOffset) continue
    segment.visit(segment.locate(fromOffset), (batch) => {
      if (batch.baseOffset >= toOffset) return false
      if (batch.baseOffset >= fromOffset) visit(batch)
      return true
    })
  }
}
