import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { ReadingSchedule } from '../../../extension/source/reading-schedule.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

/** `isNew`: whether what is read next says anything new. */
function createSchedule(isNew = () => true) {
  const reads: number[] = []
  const schedule = new ReadingSchedule(async () => {
    reads.push(performance.now())
    return isNew()
  })
  return { schedule, reads }
}

test('nothing is read where nobody looks, whatever changes', async () => {
  const { schedule, reads } = createSchedule()
  schedule.touch()
  await vi.advanceTimersByTimeAsync(3_600_000)
  expect(reads).toEqual([])
})

test('whoever begins to look sees the present at once', async () => {
  const { schedule, reads } = createSchedule()
  schedule.demand = 'live'
  await vi.advanceTimersByTimeAsync(0)
  expect(reads).toHaveLength(1)
})

test('a change is read at once, and a storm of changes a few times a second', async () => {
  const { schedule, reads } = createSchedule()
  schedule.demand = 'live'
  await vi.advanceTimersByTimeAsync(1_000)
  reads.length = 0
  schedule.touch()
  await vi.advanceTimersByTimeAsync(1)
  expect(reads).toHaveLength(1)
  for (let index = 0; index < 1_000; index++) {
    schedule.touch()
    await vi.advanceTimersByTimeAsync(1)
  }
  expect(reads.length).toBeGreaterThan(4)
  expect(reads.length).toBeLessThan(9)
})

test('where changes are not told, a visible tree is read every two seconds', async () => {
  const { schedule, reads } = createSchedule()
  schedule.demand = 'live'
  await vi.advanceTimersByTimeAsync(10_000)
  expect(reads).toHaveLength(6)
})

test('where nothing happens, the poll slows down, and is back at its pace with the first news', async () => {
  let isNew = false
  const { schedule, reads } = createSchedule(() => isNew)
  schedule.demand = 'live'
  await vi.advanceTimersByTimeAsync(300_000)
  expect(reads.slice(0, 5).map((atMs) => atMs - (reads[0] ?? 0))).toEqual([0, 4_000, 12_000, 22_000, 32_000])
  isNew = true
  await vi.advanceTimersByTimeAsync(10_000)
  reads.length = 0
  await vi.advanceTimersByTimeAsync(10_000)
  expect(reads).toHaveLength(5)
})

test('where changes are told, the poll only looks for those that were missed', async () => {
  const { schedule, reads } = createSchedule()
  schedule.demand = 'live'
  await vi.advanceTimersByTimeAsync(1_000)
  schedule.touch()
  await vi.advanceTimersByTimeAsync(1)
  reads.length = 0
  await vi.advanceTimersByTimeAsync(30_000)
  expect(reads).toHaveLength(3)
})

test('for a summary, changes are read at most every five seconds', async () => {
  const { schedule, reads } = createSchedule()
  schedule.demand = 'summary'
  for (let index = 0; index < 90; index++) {
    schedule.touch()
    await vi.advanceTimersByTimeAsync(100)
  }
  expect(reads).toHaveLength(2)
})

test('two reads never go on at the same time', async () => {
  let running = 0
  let most = 0
  const ends: (() => void)[] = []
  const schedule = new ReadingSchedule(async () => {
    most = Math.max(most, ++running)
    await new Promise<void>((resolve) => ends.push(resolve))
    running--
    return true
  })
  schedule.demand = 'live'
  await vi.advanceTimersByTimeAsync(0)
  schedule.touch()
  await vi.advanceTimersByTimeAsync(5_000)
  const asked = schedule.now()
  expect(ends).toHaveLength(1)
  ends[0]?.()
  await vi.advanceTimersByTimeAsync(0)
  ends[1]?.()
  await asked
  expect(most).toBe(1)
})
