import { expect, test } from 'vitest'
import { moveBack, moveTo, type ResetPlace } from '../../../sdk/offsets/reset-change.ts'

function place(committed: number | null, logStartOffset = 10, logEndOffset = 100): ResetPlace {
  const before = committed === null ? null : { offset: committed, leaderEpoch: 3, metadata: 'm' }
  return { before, logStartOffset, logEndOffset }
}

/** [committed, wanted, goes to, outside, delivered again, skipped]; the log holds 10 to 99. */
const MOVES: readonly (readonly [number | null, number, number, number | null, number, number])[] = [
  [40, 10, 10, null, 30, 0],
  [40, 100, 100, null, 0, 60],
  [40, 50, 50, null, 0, 10],
  [40, 40, 40, null, 0, 0],
  // An offset outside the log becomes the nearest one inside.
  [40, 500, 100, 500, 0, 60],
  [40, 3, 10, 3, 30, 0],
  [40, -5, 10, -5, 30, 0],
  // A group that never committed has read nothing.
  [null, 10, 10, null, 0, 0],
  [null, 100, 100, null, 0, 90],
  // A commit outside the log counts only for what is inside.
  [4, 10, 10, null, 0, 0],
  [140, 10, 10, null, 90, 0],
  [140, 100, 100, null, 0, 0],
]

test.each(MOVES)('from %s to %s goes to %s (outside: %s), %s again, %s skipped', (committed, wanted, ...expected) => {
  const { offset, outside, redelivered, skipped } = moveTo(wanted, place(committed))
  const sizes = [redelivered, skipped].map(({ from, to }) => to - from)
  expect([offset, outside, ...sizes]).toEqual(expected)
})

test('going back keeps the former offset, and says where the log does not have it any more', () => {
  expect(moveBack(40, place(70))).toEqual({
    outside: null,
    redelivered: { from: 40, to: 70 },
    skipped: { from: 70, to: 70 },
  })
  expect(moveBack(4, place(70))).toEqual({
    outside: 4,
    redelivered: { from: 10, to: 70 },
    skipped: { from: 70, to: 70 },
  })
  expect(moveBack(90, place(70))).toMatchObject({ outside: null, skipped: { from: 70, to: 90 } })
  expect(moveBack(null, place(70))).toMatchObject({ outside: null, redelivered: { from: 10, to: 70 } })
})
