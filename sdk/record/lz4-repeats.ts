/** Told of what a block consists of: literals from `start` to `end`, then a repeat of `length` bytes from `offset` bytes back. */
export type OnRepeat = (start: number, end: number, offset: number, length: number) => void

/** Shorter repeats cost as much as they save. */
export const MIN_REPEAT_BYTES = 4
/** LZ4 reaches back as far as two bytes can say. */
export const BLOCK_BYTES = 65_536

const HASH_BITS = 13
/** LZ4 wants its last bytes to be literals, so that a decoder may copy in large steps. */
const END_LITERALS = 12
/** After so many misses in a row (a power of two) the search takes larger steps: what does not repeat is not worth it. */
const SKIP_BITS = 6

const table = new Uint16Array(1 << HASH_BITS)

/**
 * Finds what repeats in a block of at most `BLOCK_BYTES`, greedily, by a table of the places where four bytes stood last.
 * Tells of every repeat in order, and returns where the literals behind the last one begin.
 */
export function findRepeats(input: Buffer, begin: number, end: number, onRepeat: OnRepeat): number {
  table.fill(0)
  const last = end - END_LITERALS
  let literals = begin
  let at = begin
  let misses = 1 << SKIP_BITS
  while (at < last) {
    const hash = (Math.imul(wordAt(input, at), 0x9e37_79b1) >>> (32 - HASH_BITS)) & (table.length - 1)
    const candidate = begin + table[hash]!
    table[hash] = at - begin
    if (candidate >= at || wordAt(input, candidate) !== wordAt(input, at)) {
      at += misses++ >> SKIP_BITS
      continue
    }
    let length = MIN_REPEAT_BYTES
    while (at + length < end - (END_LITERALS >> 1) && input[candidate + length] === input[at + length]) length++
    onRepeat(literals, at, at - candidate, length)
    at += length
    literals = at
    misses = 1 << SKIP_BITS
  }
  return literals
}

function wordAt(input: Buffer, at: number): number {
  return input[at]! | (input[at + 1]! << 8) | (input[at + 2]! << 16) | (input[at + 3]! << 24)
}
