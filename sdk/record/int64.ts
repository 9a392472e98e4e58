import { TidemarkError } from '../errors.ts'

const TWO_POW_32 = 0x1_0000_0000

/**
 * Reads a big-endian int64 as a number, from two halves: no BigInt, so no allocation. The bytes must be there.
 * Throws CORRUPT_BATCH beyond ±2^53, where a number would no longer be exact.
 */
export function readInt64(bytes: Buffer, position: number, what = 'A 64-bit number'): number {
  const value = bytes.readInt32BE(position) * TWO_POW_32 + bytes.readUInt32BE(position + 4)
  if (!Number.isSafeInteger(value)) {
    throw new TidemarkError('CORRUPT_BATCH', `${what} is ${bytes.readBigInt64BE(position)}, beyond ±2^53.`)
  }
  return value
}

/** Whether the big-endian int64 at `position` fits a number exactly. */
export function isSafeInt64(bytes: Buffer, position: number): boolean {
  return Number.isSafeInteger(bytes.readInt32BE(position) * TWO_POW_32 + bytes.readUInt32BE(position + 4))
}

/** Writes a safe integer as a big-endian int64. */
export function writeInt64(bytes: Buffer, position: number, value: number): void {
  bytes.writeInt32BE(Math.floor(value / TWO_POW_32), position)
  bytes.writeInt32BE(value | 0, position + 4)
}
