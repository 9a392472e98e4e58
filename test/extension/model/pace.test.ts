import { expect, onTestFinished, test, vi } from 'vitest'
import { Pace } from '../../../extension/model/pace.ts'

test('who asks all the time is served in steady turns, who asks seldom at once, and the last wish is not lost', () => {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const doneAtMs: number[] = []
  const startMs = performance.now()
  const pace = new Pace(() => doneAtMs.push(performance.now() - startMs), 250)
  for (let ms = 0; ms <= 1_000; ms += 100) {
    pace.ask()
    vi.advanceTimersByTime(100)
  }
  expect(doneAtMs).toEqual([0, 250, 500, 750, 1_000])
  vi.advanceTimersByTime(10_000)
  expect(doneAtMs.slice(5)).toEqual([1_250])
  pace.ask()
  expect(doneAtMs.slice(6)).toEqual([11_100])
  pace.ask()
  pace.dispose()
  vi.advanceTimersByTime(10_000)
  expect(doneAtMs.length).toBe(7)
})
