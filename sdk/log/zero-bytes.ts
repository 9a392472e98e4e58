import type { File } from '../environment/environment.ts'

const CHUNK_BYTES = 1_048_576
const ZEROS = Buffer.alloc(CHUNK_BYTES)

/** Whether a file has only zeros from `start` to `end`: space that was allocated and never written. */
export function isZero(file: File, start: number, end: number): boolean {
  const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, end - start))
  for (let at = start; at < end; ) {
    const count = file.read(chunk.subarray(0, end - at), at)
    if (count === 0) return true
    if (chunk.compare(ZEROS, 0, count, 0, count) !== 0) return false
    at += count
  }
  return true
}
