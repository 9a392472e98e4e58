import { expect, test } from 'vitest'
import { durationMs } from '../../../sdk/client/duration.ts'

test.each([
  [0, 0],
  [1500, 1500],
  ['PT30M', 1_800_000],
  ['PT6H', 21_600_000],
  ['P7D', 604_800_000],
  ['P2W', 1_209_600_000],
  ['P1DT12H', 129_600_000],
  ['pt1h30m5s', 5_405_000],
  ['PT0.5S', 500],
  ['PT0,25S', 250],
] as const)('%s is %s ms', (duration, ms) => {
  expect(durationMs(duration)).toBe(ms)
})

test.each([
  '',
  'P',
  'PT',
  'P1DT',
  '30M',
  'PT30',
  'P1Y',
  'P1M',
  '-PT5M',
  'PT1.5H',
  '1h',
  -1,
  Number.NaN,
  Number.POSITIVE_INFINITY,
])('%s is no duration', (duration) => {
  expect(() => durationMs(duration)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
})
