/** `00000000000000368769.log`, `….index.deleted`: the base offset in 20 digits, then what it is. */
const SEGMENT_FILE = /^(\d{20})(\.[a-z]+(?:\.[a-z]+)?)$/

/** Every kind of file that belongs to a segment. Removed in this order: once the log is gone, so is the segment. */
export const SEGMENT_SUFFIXES = ['.log', '.index', '.timeindex', '.txnindex', '.snapshot'] as const

export function segmentFileName(baseOffset: number, suffix: string): string {
  return String(baseOffset).padStart(20, '0') + suffix
}

/** undefined for any other file. */
export function parseSegmentFileName(name: string): { baseOffset: number; suffix: string } | undefined {
  const match = SEGMENT_FILE.exec(name)
  if (match === null) return undefined
  const baseOffset = Number(match[1])
  return Number.isSafeInteger(baseOffset) ? { baseOffset, suffix: match[2]! } : undefined
}
