import type { File } from '../environment/environment.ts'
import { findNextBatch } from '../log/batch-search.ts'
import { BatchWalker } from '../log/batch-walker.ts'
import { isZero } from '../log/zero-bytes.ts'
import { findHeaderProblem } from '../record/batch-header.ts'
import { BATCH_HEADER_BYTES, type RecordBatch } from '../record/record-batch.ts'

/** What stands at a place of a `.log` file. */
export type WalkStep =
  /** A whole batch with the right CRC: a view of a buffer that the next step overwrites. */
  { readonly kind: 'batch'; readonly position: number; readonly batch: RecordBatch } | UnreadableStep

/**
 * Bytes without a readable batch, up to where one can be read again. `torn`: the file ends inside a batch that is fine so
 * far. `zeros`: only zero bytes are left, space that was allocated and never written. `damaged`: anything else.
 */
export interface UnreadableStep {
  readonly kind: 'damaged' | 'torn' | 'zeros'
  readonly position: number
  readonly endPosition: number
  /** For people, without a full stop. */
  readonly reason: string
  /** Behind the last offset in the bytes, where a header that makes sense says so. */
  readonly declaredNextOffset: number | null
}

export interface WalkRange {
  /** Bytes from here on do not count. */
  readonly sizeBytes: number
  /** Where the next segment begins; batches found behind damage lie below. */
  readonly toOffset: number
}

/** Walks a `.log` file from its start, over damage too, in bounded memory. */
export function* walkBatches(file: File, range: WalkRange): Generator<WalkStep, void, undefined> {
  const { sizeBytes, toOffset } = range
  const walker = new BatchWalker(file, { start: 0, end: sizeBytes, whole: true })
  let fromOffset = 0
  for (;;) {
    const isBatch = walker.next()
    const { position } = walker
    if (position >= sizeBytes) return
    const batch = isBatch ? walker.batch() : undefined
    const problem = batch === undefined ? (walker.problem ?? 'it cannot be read') : batch.findProblem('crc')
    if (batch !== undefined && problem === null) {
      fromOffset = Math.max(fromOffset, batch.nextOffset)
      yield { kind: 'batch', position, batch }
      continue
    }
    const found = findNextBatch(file, { position, end: sizeBytes, fromOffset, toOffset })
    const endPosition = found?.position ?? sizeBytes
    yield {
      kind: found === undefined ? tailKind(file, position, sizeBytes, isBatch) : 'damaged',
      position,
      endPosition,
      reason: problem ?? 'it cannot be read',
      declaredNextOffset: isBatch ? walker.nextOffset : null,
    }
    if (found === undefined) return
    walker.seek(endPosition)
  }
}

/** What the bytes from `position` to the end are, behind which no batch follows. */
function tailKind(file: File, position: number, sizeBytes: number, isWhole: boolean): UnreadableStep['kind'] {
  if (isZero(file, position, sizeBytes)) return 'zeros'
  if (isWhole) return 'damaged'
  const header = Buffer.alloc(BATCH_HEADER_BYTES)
  if (sizeBytes - position < BATCH_HEADER_BYTES || file.read(header, position) < BATCH_HEADER_BYTES) return 'torn'
  return findHeaderProblem(header, 0) === null ? 'torn' : 'damaged'
}
