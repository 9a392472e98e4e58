import type { Environment } from '../environment/environment.ts'
import type { BatchWalker } from './batch-walker.ts'
import { loadProducerSnapshot } from './producer-snapshot.ts'
import { ProducerState } from './producer-state.ts'
import type { Segment } from './segment.ts'

export interface FoundProducers {
  readonly producers: ProducerState
  /** Batches from here on have still to be replayed. */
  readonly offset: number
  /** Snapshots that are newer but of no use. */
  readonly damaged: readonly number[]
}

/** The producers of the newest snapshot that can be read; none of them, from offset 0, where there is none. */
export function findProducers(
  environment: Environment,
  directory: string,
  snapshots: readonly number[],
): FoundProducers {
  const damaged: number[] = []
  for (const offset of [...snapshots].sort((one, other) => other - one)) {
    const options = { offset, nowMs: environment.clock.nowMs() }
    const entries = loadProducerSnapshot(environment.files, directory, options)
    if (entries !== undefined) return { producers: new ProducerState(entries), offset, damaged }
    damaged.push(offset)
  }
  return { producers: new ProducerState(), offset: 0, damaged }
}

/** Replays the batches from one offset up to another. Reads headers only, but for batches with a producer id. */
export function replayProducers(
  producers: ProducerState,
  segments: readonly Segment[],
  range: { readonly fromOffset: number; readonly toOffset: number },
): void {
  const { fromOffset, toOffset } = range
  for (const segment of segments) {
    if (segment.limitOffset <= fromOffset || segment.baseOffset >= toOffset) continue
    segment.visit(segment.locate(fromOffset), (batch) => {
      if (batch.baseOffset >= toOffset) return false
      if (batch.baseOffset >= fromOffset) replayBatch(producers, batch)
      return true
    })
  }
}

/** Only of a marker the record is needed. */
export function replayBatch(producers: ProducerState, batch: BatchWalker): void {
  if (batch.producerId >= 0) producers.replay(batch.isControl ? batch.batch() : batch.header())
}
