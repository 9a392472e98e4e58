import { expect, test } from 'vitest'
import { benchRecord } from './record.bench.ts'

test('the record benchmark runs on a tiny input and does the same work each time', () => {
  const figures = benchRecord(1000, 100)
  expect(figures.checksum).toBe(benchRecord(1000, 100).checksum)
  for (const figure of Object.values(figures)) expect(Number.isFinite(figure)).toBe(true)
})
