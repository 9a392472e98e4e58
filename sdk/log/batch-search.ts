import type { File } from '../environment/environment.ts'
import { ATTRIBUTES_AT, BATCH_HEADER_BYTES, findHeaderProblem, MAGIC, MAGIC_AT } from '../record/batch-header.ts'
import { crc32c } from '../record/crc32c.ts'
import { isSafeInt64 } from '../record/int64.ts'
import { RecordBatch } from '../record/record-batch.ts'

const CHUNK_BYTES = 1_048_576

export interface SearchRange {
  /** What stands here is no valid batch; the search begins behind its first byte. */
  readonly position: number
  readonly end: number
  /** Offsets a batch found there can have: half-open. The damaged batch should begin at `fromOffset`. */
  readonly fromOffset: number
  readonly toOffset: number
}

export interface FoundBatch {
  readonly position: number
  readonly baseOffset: number
  readonly nextOffset: number
}

/** What the damaged batch says of itself, where its first bytes look right. */
interface Damaged {
  readonly endPosition: number
  /** Whether it begins with the offset that belongs here. */
  readonly isRecognised: boolean
  readonly nextOffset: number
  readonly crc: number
}

/**
 * The next whole batch behind damage: right CRC, possible offsets. It is looked for first where the damaged batch says
 * that it ends; then at every byte. A record's value may itself contain batches, and the last batch of a log may be torn
 * inside such a value. So what stands inside the damaged batch is believed only when that one, ending there, has its right
 * CRC: then it is just its length that is wrong. And what is found elsewhere by looking at every byte must be followed by
 * another batch or by the end.
 */
export function findNextBatch(file: File, range: SearchRange): FoundBatch | undefined {
  const damaged = readDamaged(file, range)
  if (damaged !== undefined && damaged.endPosition < range.end) {
    const found = batchAt(file, damaged.endPosition, range)
    // Where one does not follow the other, the length may be what is wrong, and there are others between the two.
    const isDoubtful = damaged.isRecognised && found !== undefined && found.baseOffset !== damaged.nextOffset
    const inside = isDoubtful ? searchBytes(file, { ...range, end: damaged.endPosition }, damaged) : undefined
    if (found !== undefined) return inside ?? found
  }
  return searchBytes(file, range, damaged)
}

function readDamaged(file: File, range: SearchRange): Damaged | undefined {
  const header = Buffer.alloc(BATCH_HEADER_BYTES)
  if (file.read(header, range.position) < header.length || !isSafeInt64(header, 0)) return undefined
  const batch = new RecordBatch(header)
  const { sizeBytes, baseOffset, nextOffset, lastOffsetDelta, crc } = batch
  const isRecognised = baseOffset === range.fromOffset && lastOffsetDelta >= 0
  return { endPosition: range.position + Math.max(1, sizeBytes), isRecognised, nextOffset, crc }
}

function searchBytes(file: File, range: SearchRange, damaged: Damaged | undefined): FoundBatch | undefined {
  const chunk = Buffer.allocUnsafe(Math.max(0, Math.min(CHUNK_BYTES, range.end - range.position)))
  let start = range.position + 1
  while (start + BATCH_HEADER_BYTES <= range.end) {
    const length = file.read(chunk.subarray(0, Math.min(chunk.length, range.end - start)), start)
    if (length < BATCH_HEADER_BYTES) return undefined
    const bytes = chunk.subarray(0, length)
    const last = length - BATCH_HEADER_BYTES
    let magic = bytes.indexOf(MAGIC, MAGIC_AT)
    while (magic !== -1 && magic - MAGIC_AT <= last) {
      const at = magic - MAGIC_AT
      if (isPossible(bytes, at, start + at, range)) {
        const found = batchAt(file, start + at, range)
        if (found !== undefined && isNext(file, found, range, damaged)) return found
      }
      magic = bytes.indexOf(MAGIC, magic + 1)
    }
    // The next chunk begins with the first header that did not fit.
    start += last + 1
  }
  return undefined
}

/** What the header alone tells; nearly every wrong place ends here. */
function isPossible(bytes: Buffer, at: number, position: number, range: SearchRange): boolean {
  if (findHeaderProblem(bytes, at) !== null) return false
  const batch = new RecordBatch(bytes, at)
  if (position + batch.sizeBytes > range.end) return false
  return batch.baseOffset >= range.fromOffset && batch.nextOffset <= range.toOffset
}

function batchAt(file: File, position: number, range: SearchRange): FoundBatch | undefined {
  const header = Buffer.alloc(BATCH_HEADER_BYTES)
  if (file.read(header, position) < header.length || !isPossible(header, 0, position, range)) return undefined
  const bytes = Buffer.allocUnsafe(new RecordBatch(header).sizeBytes)
  if (file.read(bytes, position) < bytes.length) return undefined
  const batch = new RecordBatch(bytes)
  if (!batch.isValid()) return undefined
  return { position, baseOffset: batch.baseOffset, nextOffset: batch.nextOffset }
}

/** Whether a valid batch is one of the log, not one in a record's value. */
function isNext(file: File, found: FoundBatch, range: SearchRange, damaged: Damaged | undefined): boolean {
  if (damaged?.isRecognised && found.position < damaged.endPosition) {
    if (found.baseOffset !== damaged.nextOffset) return false
    const covered = Buffer.allocUnsafe(Math.max(0, found.position - range.position - ATTRIBUTES_AT))
    return file.read(covered, range.position + ATTRIBUTES_AT) === covered.length && crc32c(covered) === damaged.crc
  }
  const header = Buffer.alloc(BATCH_HEADER_BYTES)
  file.read(header, found.position)
  const end = found.position + new RecordBatch(header).sizeBytes
  if (end === range.end) return true
  if (file.read(header, end) < header.length || findHeaderProblem(header, 0) !== null) return false
  return new RecordBatch(header).baseOffset >= found.nextOffset
}
