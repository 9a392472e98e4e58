/** The sequence `count` records behind `sequence`. Sequences wrap: 0 follows 2^31 − 1. */
export function sequenceAfter(sequence: number, count: number): number {
  const after = sequence + count
  if (after > 0x7fff_ffff) return after - 0x8000_0000
  return after < 0 ? after + 0x8000_0000 : after
}
