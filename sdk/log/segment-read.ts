import { BATCH_HEADER_BYTES } from '../record/batch-header.ts'
import { RecordBatch } from '../record/record-batch.ts'
import { LIES, OUT_OF_ORDER } from './batch-chain.ts'
import { BatchFields } from './batch-fields.ts'
import type { Segment } from './segment.ts'

/** Less is not worth a call. */
const MIN_READ_BYTES = 4096

export interface BatchRead {
  /** Whole batches. */
  readonly bytes: Buffer
  /** Where and with which offset the batch behind them begins. */
  readonly nextPosition: number
  readonly nextOffset: number
  /** False where what follows contradicts the last of the batches: one of the two is damaged. */
  readonly isCertain: boolean
}

export interface ReadRequest {
  /** A batch of the segment, at or before the one that holds `offset`. */
  readonly position: number
  /** That batch does not begin below this. */
  readonly fromOffset: number
  readonly offset: number
  /** The first batch may be larger. */
  readonly maxBytes: number
  /** Batches that begin here or later are left out. */
  readonly endOffset: number
}

/** What one look at the bytes of a chunk found. */
interface Found {
  /** −1: nothing yet. */
  start: number
  end: number
  nextOffset: number
  /** How many bytes the batch at `end` has, where not all of them are there. */
  cutBytes: number
  problem: string | undefined
  reachedEnd: boolean
}

/**
 * Reads the whole batches from the one that holds `offset`, or the first behind it, in one piece: nearly always with one
 * `read`. CRCs are for whoever looks at the records. Undefined where the segment has no more, and where damage has
 * swallowed `offset`, which is then known.
 */
export function readBatches(segment: Segment, request: ReadRequest): BatchRead | undefined {
  const { offset, maxBytes, fromOffset: nextOffset } = request
  const found: Found = { start: -1, end: 0, nextOffset, cutBytes: 0, problem: undefined, reachedEnd: false }
  let { position } = request
  while (position < segment.sizeBytes) {
    const wanted = Math.max(maxBytes, MIN_READ_BYTES, found.cutBytes)
    const buffer = Buffer.allocUnsafe(Math.min(wanted, segment.sizeBytes - position))
    const chunk = buffer.subarray(0, segment.reading().read(buffer, position))
    scan(segment, { chunk, position }, request, found)
    if (found.start >= 0) {
      const bytes = chunk.subarray(found.start, found.end)
      const isCertain = found.problem === undefined
      return { bytes, nextPosition: position + found.end, nextOffset: found.nextOffset, isCertain }
    }
    if (found.reachedEnd) return undefined
    position += found.end
    const isStuck = found.end === 0 && (found.cutBytes <= chunk.length || chunk.length < wanted)
    if (found.problem === undefined && !isStuck) continue
    const next = segment.passDamage(position, found.nextOffset, found.problem ?? 'the file ends inside it')
    if (next === undefined || next.offset > offset) return undefined
    position = next.position
    found.nextOffset = next.offset
    found.cutBytes = 0
  }
  segment.noteGap(segment.sizeBytes, found.nextOffset, segment.limitOffset)
  return undefined
}

/** Looks through the batches of a chunk that begins with one. */
function scan(segment: Segment, at: { chunk: Buffer; position: number }, request: ReadRequest, found: Found): void {
  const { chunk } = at
  const fields = new BatchFields()
  fields.use(chunk)
  found.problem = undefined
  found.cutBytes = 0
  found.end = 0
  let previous: { readonly start: number; readonly nextOffset: number } | undefined
  while (found.end + BATCH_HEADER_BYTES <= chunk.length) {
    const start = found.end
    found.problem = fields.findProblem(start) ?? undefined
    if (found.problem !== undefined) return
    const baseOffset = fields.baseOffset(start)
    const sizeBytes = fields.sizeBytes(start)
    const nextOffset = fields.nextOffset(start)
    if (baseOffset < found.nextOffset && previous !== undefined && !new RecordBatch(chunk, previous.start).isValid()) {
      // Not this one is wrong: the one before it lied about where it ends.
      if (found.start === previous.start) found.start = -1
      found.end = previous.start
      found.nextOffset = previous.nextOffset
      found.problem = LIES
      return
    }
    const isGap = baseOffset > found.nextOffset
    const isRight = baseOffset >= found.nextOffset && nextOffset <= segment.limitOffset
    if (
      !isRight ||
      (isGap && !segment.isGapRight(at.position + start + sizeBytes, nextOffset)) ||
      segment.isKnownDamage(at.position + start)
    ) {
      found.problem = OUT_OF_ORDER
      return
    }
    const isNewGap = isGap && segment.noteGap(at.position + start, found.nextOffset, baseOffset)
    const isGapInTheWay = isNewGap && (found.start >= 0 || request.offset < baseOffset)
    if (baseOffset >= request.endOffset || isGapInTheWay) {
      found.reachedEnd = true
      return
    }
    const isWanted = nextOffset > request.offset
    if (isWanted && start + sizeBytes > chunk.length) {
      found.cutBytes = sizeBytes
      return
    }
    if (found.start >= 0 && start + sizeBytes - found.start > request.maxBytes) return
    if (isWanted && found.start < 0) found.start = start
    previous = { start, nextOffset: found.nextOffset }
    found.nextOffset = nextOffset
    found.end = start + sizeBytes
  }
}
