import { BATCH_HEADER_BYTES, LOG_OVERHEAD_BYTES } from './batch-header.ts'
import { RecordBatch } from './record-batch.ts'

export interface ScanOptions {
  /** How much is checked of each batch: everything, or only what its 61 header bytes tell. */
  readonly verify: 'crc' | 'header'
  /** When given, offsets must start here or later and go up from batch to batch; when not, they are not looked at. */
  readonly baseOffset?: number | undefined
}

/** Why a scan ended before the end of the bytes. */
export interface BatchProblem {
  /**
   * - `incomplete`: the bytes end inside a batch that is fine so far: a torn tail, or more is still being written.
   * - `zeros`: nothing but zero bytes follows: space that was allocated and never written.
   * - `corrupt`: what stands here is no batch, or a damaged one.
   */
  readonly kind: 'incomplete' | 'zeros' | 'corrupt'
  /** For people: what is wrong. */
  readonly reason: string
  /** Where in the scanned bytes. */
  readonly position: number
  /** Bytes the batch at `position` needs, as far as it can be told: for 'incomplete', more than are there. */
  readonly sizeBytes: number | null
}

export interface BatchScan {
  readonly batches: RecordBatch[]
  /** Up to here everything is whole and checked as asked. */
  readonly validBytes: number
  /** Null when the bytes end exactly behind a batch. */
  readonly problem: BatchProblem | null
}

/** Zero bytes are compared page by page. */
const ZEROS = Buffer.alloc(4096)

/** Finds the batches at the start of `bytes`. Never throws: it says where and why it stopped. */
export function scanBatches(bytes: Buffer, options: ScanOptions): BatchScan {
  const batches: RecordBatch[] = []
  let position = 0
  let offset = options.baseOffset
  while (position < bytes.length) {
    const problem = findCut(bytes, position)
    if (problem !== null) return { batches, validBytes: position, problem }
    const batch = new RecordBatch(bytes, position)
    const { sizeBytes } = batch
    let reason = batch.findProblem('header')
    if (reason === null && offset !== undefined && batch.baseOffset < offset) {
      reason = `it begins at offset ${batch.baseOffset}, where ${offset} or more is expected`
    }
    if (reason === null && sizeBytes > bytes.length - position) {
      return { batches, validBytes: position, problem: incomplete(bytes, position, sizeBytes) }
    }
    if (reason === null && options.verify === 'crc') reason = batch.findProblem('crc')
    if (reason !== null) {
      return { batches, validBytes: position, problem: { kind: 'corrupt', reason, position, sizeBytes: null } }
    }
    batches.push(batch)
    position += sizeBytes
    if (offset !== undefined) offset = batch.nextOffset
  }
  return { batches, validBytes: position, problem: null }
}

/** What shows without a whole header: zeros, or too few bytes for one. */
function findCut(bytes: Buffer, position: number): BatchProblem | null {
  const remaining = bytes.length - position
  if (remaining >= LOG_OVERHEAD_BYTES && isZero(bytes, position)) {
    return { kind: 'zeros', reason: `${remaining} zero bytes follow`, position, sizeBytes: null }
  }
  return remaining < BATCH_HEADER_BYTES ? incomplete(bytes, position, BATCH_HEADER_BYTES) : null
}

function incomplete(bytes: Buffer, position: number, sizeBytes: number): BatchProblem {
  const reason = `a batch of at least ${sizeBytes} bytes begins, ${bytes.length - position} are there`
  return { kind: 'incomplete', reason, position, sizeBytes }
}

function isZero(bytes: Buffer, start: number): boolean {
  for (let at = start; at < bytes.length; at += ZEROS.length) {
    const end = Math.min(at + ZEROS.length, bytes.length)
    if (bytes.compare(ZEROS, 0, end - at, at, end) !== 0) return false
  }
  return true
}
