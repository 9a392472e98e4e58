/**
 * Kafka's variable-length integers: 7 bits a byte, low group first. Signed ones are zigzagged (0, −1, 1, −2 … become
 * 0, 1, 2, 3 …), so that small negatives stay short. This file sizes and writes; `varint-reader.ts` reads.
 */
export const VARINT_MAX_BYTES = 5
export const VARLONG_MAX_BYTES = 10

const TWO_POW_27 = 0x800_0000

export function uvarintSize(value: number): number {
  const unsigned = value >>> 0
  if (unsigned < 0x80) return 1
  if (unsigned < 0x4000) return 2
  if (unsigned < 0x20_0000) return 3
  return unsigned < 0x1000_0000 ? 4 : 5
}

/** Bytes of an int32 as a zigzag varint. */
export function varintSize(value: number): number {
  return uvarintSize((value << 1) ^ (value >> 31))
}

/** Bytes of a safe integer as a zigzag varlong. */
export function varlongSize(value: number): number {
  if (value === (value | 0)) return varintSize(value)
  // −x takes as many bytes as x − 1: zigzag maps them to 2x − 1 and 2x − 2.
  let rest = value < 0 ? -(value + 1) : value
  let size = 1
  for (rest = Math.floor(rest / 64); rest > 0; rest = Math.floor(rest / 128)) size++
  return size
}

/** Writes an unsigned int32 and returns the position behind it. One and two bytes, nearly all there are, go fast. */
export function writeUvarint(bytes: Uint8Array, position: number, value: number): number {
  const unsigned = value >>> 0
  if (unsigned < 0x80) {
    bytes[position] = unsigned
    return position + 1
  }
  if (unsigned < 0x4000) {
    bytes[position] = (unsigned & 0x7f) | 0x80
    bytes[position + 1] = unsigned >>> 7
    return position + 2
  }
  return writeLongUvarint(bytes, position, unsigned)
}

function writeLongUvarint(bytes: Uint8Array, position: number, value: number): number {
  let rest = value
  let end = position
  while (rest > 0x7f) {
    bytes[end++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  bytes[end++] = rest
  return end
}

/** Writes an int32 zigzagged and returns the position behind it. */
export function writeVarint(bytes: Uint8Array, position: number, value: number): number {
  return writeUvarint(bytes, position, (value << 1) ^ (value >> 31))
}

/** Writes a safe integer zigzagged and returns the position behind it. */
export function writeVarlong(bytes: Uint8Array, position: number, value: number): number {
  if (value === (value | 0)) return writeVarint(bytes, position, value)
  // Twice 2^53 is not exact as a number, so the zigzagged value is kept as its low 28 bits and the rest.
  const magnitude = value < 0 ? -(value + 1) : value
  let low = (magnitude % TWO_POW_27) * 2 + (value < 0 ? 1 : 0)
  let end = position
  for (let group = 0; group < 4; group++, low >>>= 7) bytes[end++] = (low & 0x7f) | 0x80
  return writeUvarint(bytes, end, Math.floor(magnitude / TWO_POW_27))
}
