const SEED = 0x9747b28c
const MULTIPLIER = 0x5bd1e995

/** Kafka's 32-bit murmur2, an int32 as in Java. Keys land in the same partition as with Kafka's own producer. */
export function murmur2(bytes: Uint8Array): number {
  const length = bytes.length
  const wordsEnd = length & ~3
  let hash = SEED ^ length
  for (let at = 0; at < wordsEnd; at += 4) {
    let word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    word = Math.imul(word, MULTIPLIER)
    word = Math.imul(word ^ (word >>> 24), MULTIPLIER)
    hash = Math.imul(hash, MULTIPLIER) ^ word
  }
  const tail = length & 3
  if (tail === 3) hash ^= bytes[wordsEnd + 2]! << 16
  if (tail >= 2) hash ^= bytes[wordsEnd + 1]! << 8
  if (tail >= 1) hash = Math.imul(hash ^ bytes[wordsEnd]!, MULTIPLIER)
  hash = Math.imul(hash ^ (hash >>> 13), MULTIPLIER)
  return hash ^ (hash >>> 15)
}
