import { BATCH_HEADER_BYTES } from '../record/batch-header.ts'
import { LIES, OUT_OF_ORDER } from './batch-chain.ts'
import { BatchFields } from './batch-fields.ts'
import type { Place, Segment } from './segment.ts'

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
  /** Whether `position` is where an earlier read ended, so that the batch before it is not known. */
  readonly isRemembered: boolean
  /** The first batch may be larger. */
  readonly maxBytes: number
  /** Batches that begin here or later are left out. */
  readonly endOffset: number
}

/** What a look at the bytes of a chunk found. */
interface Found {
  /** −1: nothing yet. */
  start: number
  end: number
  nextOffset: number
  /** The batch before the one at `end`. */
  previous: Place | undefined
  /** How many bytes the batch at `end` has, where not all of them are there. */
  cutBytes: number
  problem: string | undefined
  reachedEnd: boolean
  isUnsure: boolean
}

/**
 * Reads the whole batches from the one that holds `offset`, or the first behind it, in one piece: nearly always with one
 * `read`. CRCs are for whoever looks at the records. Undefined where the segment has no more, and where damage has
 * swallowed `offset`, which is then known. 'unsure' where offsets are missing and the batch before has to be looked at.
 */
export function readBatches(segment: Segment, request: ReadRequest): BatchRead | 'unsure' | undefined {
  const { offset, maxBytes, fromOffset: nextOffset } = request
  const found: Found = {
    ...{ start: -1, end: 0, nextOffset, previous: undefined },
    ...{ cutBytes: 0, problem: undefined, reachedEnd: false, isUnsure: false },
  }
  let { position } = request
  for (;;) {
    let isStuck = false
    if (position >= segment.sizeBytes) {
      const isMissing = position > segment.sizeBytes || found.nextOffset < segment.limitOffset
      if (isMissing && isUnsure(request, found)) return 'unsure'
      if (!isMissing || !blamePrevious(segment, position, found)) {
        segment.noteGap(segment.sizeBytes, found.nextOffset, segment.limitOffset)
        return undefined
      }
    } else {
      const wanted = Math.max(maxBytes, MIN_READ_BYTES, found.cutBytes)
      const buffer = Buffer.allocUnsafe(Math.min(wanted, segment.sizeBytes - position))
      const chunk = buffer.subarray(0, segment.reading().read(buffer, position))
      scan(segment, { chunk, position }, request, found)
      if (found.start >= 0) {
        const bytes = chunk.subarray(found.start, found.end)
        const isCertain = found.problem === undefined
        return { bytes, nextPosition: position + found.end, nextOffset: found.nextOffset, isCertain }
      }
      if (found.reachedEnd) return found.isUnsure ? 'unsure' : undefined
      isStuck = found.end === 0 && (found.cutBytes <= chunk.length || chunk.length < wanted)
    }
    position += found.end
    if (found.problem === undefined && !isStuck) continue
    const next = segment.passDamage(position, found.nextOffset, found.problem ?? 'the file ends inside it')
    if (next === undefined || next.offset > offset) return undefined
    position = next.position
    found.nextOffset = next.offset
    found.previous = undefined
    found.cutBytes = 0
  }
}

function isUnsure(request: ReadRequest, found: Found): boolean {
  return request.isRemembered && found.previous === undefined
}

/**
 * Where what stands at `position`, or that nothing does, contradicts the batch before: that one is the wrong one if its CRC
 * says so. It lied about where it ends, in offsets or in bytes. Then `found` goes back to it.
 */
function blamePrevious(segment: Segment, position: number, found: Found): boolean {
  const { previous } = found
  if (previous === undefined || segment.isWhole(previous.position)) return false
  found.end = previous.position - position
  found.nextOffset = previous.offset
  found.problem = LIES
  return true
}

/** Looks through the batches of a chunk that begins with one. */
function scan(segment: Segment, at: { chunk: Buffer; position: number }, request: ReadRequest, found: Found): void {
  const { chunk } = at
  const fields = new BatchFields()
  fields.use(chunk)
  found.problem = undefined
  found.cutBytes = 0
  found.end = 0
  while (found.end + BATCH_HEADER_BYTES <= chunk.length) {
    const start = found.end
    const position = at.position + start
    found.problem = findProblem(segment, position, fields, start, found) ?? undefined
    const baseOffset = fields.baseOffset(start)
    const nextOffset = fields.nextOffset(start)
    const isGap = found.problem === undefined && baseOffset > found.nextOffset
    // In a compacted log, gaps are looked into only by whoever asks for what should be there.
    const isInTheWay = isGap && found.start < 0 && request.offset < baseOffset
    const isMissing = isInTheWay || (isGap && segment.isGapNew(found.nextOffset, baseOffset))
    if (isMissing && isUnsure(request, found)) {
      found.isUnsure = true
      found.reachedEnd = true
      return
    }
    if ((isMissing || found.problem !== undefined) && blamePrevious(segment, position, found)) {
      found.end += start
      if (found.start >= found.end) found.start = -1
      return
    }
    if (found.problem !== undefined) return
    const isNewGap = isGap && segment.noteGap(position, found.nextOffset, baseOffset)
    if (baseOffset >= request.endOffset || (isNewGap && (found.start >= 0 || isInTheWay))) {
      found.reachedEnd = true
      return
    }
    const sizeBytes = fields.sizeBytes(start)
    const isWanted = nextOffset > request.offset
    if (isWanted && start + sizeBytes > chunk.length) {
      found.cutBytes = sizeBytes
      return
    }
    if (found.start >= 0 && start + sizeBytes - found.start > request.maxBytes) return
    if (isWanted && found.start < 0) found.start = start
    found.previous = { position, offset: found.nextOffset }
    found.nextOffset = nextOffset
    found.end = start + sizeBytes
  }
}

/** Why the bytes at `start` of a chunk, which are at `position` of the file, are not the next batch; null: they are. */
function findProblem(
  segment: Segment,
  position: number,
  fields: BatchFields,
  start: number,
  { nextOffset: expected }: Found,
): string | null {
  const problem = fields.findProblem(start)
  if (problem !== null) return problem
  const baseOffset = fields.baseOffset(start)
  const nextOffset = fields.nextOffset(start)
  if (baseOffset < expected || nextOffset > segment.reachOffset || segment.isKnownDamage(position)) return OUT_OF_ORDER
  if (baseOffset === expected) return null
  return segment.isGapRight(position + fields.sizeBytes(start), nextOffset) ? null : OUT_OF_ORDER
}
