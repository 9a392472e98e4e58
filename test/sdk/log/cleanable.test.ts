import { expect, test } from 'vitest'
import { findCleanable } from '../../../sdk/log/cleanable.ts'
import { DEFAULT_LOG_CONFIG, type LogConfig } from '../../../sdk/log/log-config.ts'

const NOW_MS = 1_000_000

/** Four segments of 100 bytes and 10 offsets, aged 400, 300, 200 and 100 ms; the last one is written to. */
function judge(
  cleanedOffset: number | undefined,
  {
    stableOffset = 40,
    logStartOffset = 0,
    ...config
  }: Partial<LogConfig> & { stableOffset?: number; logStartOffset?: number } = {},
) {
  const segments = [0, 10, 20, 30].map((baseOffset) => {
    const maxTimestampMs = NOW_MS - 400 + baseOffset * 10
    return {
      baseOffset,
      limitOffset: baseOffset + 10,
      sizeBytes: 100,
      maxTimestampMs,
      firstTimestampMs: maxTimestampMs,
    }
  })
  const log = { segments, logStartOffset, logEndOffset: 40, stableOffset, config: { ...DEFAULT_LOG_CONFIG, ...config } }
  return findCleanable(log, cleanedOffset, NOW_MS)
}

test('what was never compacted is dirty as a whole, but for the segment that is written to', () => {
  expect(judge(undefined)).toEqual({ firstDirtyOffset: 0, endOffset: 30, dirtyRatio: 1, isDue: true })
})

test('it is due when more than min.cleanable.dirty.ratio is dirty', () => {
  expect(judge(10)).toMatchObject({ firstDirtyOffset: 10, dirtyRatio: 2 / 3, isDue: true })
  expect(judge(20)).toMatchObject({ firstDirtyOffset: 20, dirtyRatio: 1 / 3, isDue: false })
  expect(judge(20, { minCleanableDirtyRatio: 0.3 })).toMatchObject({ isDue: true })
  expect(judge(30, { minCleanableDirtyRatio: 0 })).toMatchObject({ dirtyRatio: 0, isDue: false })
})

test('or when a dirty segment begins with a record older than max.compaction.lag.ms', () => {
  expect(judge(20, { maxCompactionLagMs: 199 })).toMatchObject({ isDue: true })
  expect(judge(20, { maxCompactionLagMs: 200 })).toMatchObject({ isDue: false })
})

test('what is undecided, unflushed or younger than min.compaction.lag.ms stays, and all behind it', () => {
  expect(judge(undefined, { stableOffset: 25 })).toMatchObject({ endOffset: 20 })
  expect(judge(undefined, { stableOffset: 5 })).toMatchObject({ endOffset: 0, dirtyRatio: 0, isDue: false })
  expect(judge(undefined, { minCompactionLagMs: 250 })).toMatchObject({ endOffset: 20 })
  expect(judge(undefined, { minCompactionLagMs: 1000 })).toMatchObject({ endOffset: 0, isDue: false })
})

test('a checkpoint outside the log is not believed', () => {
  expect(judge(41)).toMatchObject({ firstDirtyOffset: 0 })
  expect(judge(5, { logStartOffset: 12 })).toMatchObject({ firstDirtyOffset: 12 })
})
