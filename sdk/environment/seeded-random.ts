/** Random numbers that a seed repeats. */
export interface SeededRandom {
  /** 0 ≤ x < 1. */
  number(): number
  /** A whole number, 0 ≤ n < `limit`; 0 if `limit` is 0. */
  below(limit: number): number
}

/** mulberry32: 32 bits of state are enough to choose faults. */
export function randomFrom(seed: number): SeededRandom {
  let state = seed >>> 0
  const number = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  return { number, below: (limit) => Math.floor(number() * limit) }
}
