import { expect, test } from 'vitest'
import { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import { DEFAULT_LOG_CONFIG, type LogConfig } from '../../../sdk/log/log-config.ts'
import { findExpired } from '../../../sdk/log/retention.ts'
import type { Segment } from '../../../sdk/log/segment.ts'
import { append, batchOfBytes, createPlace, openLog, type Place, readAll } from './support/log-bench.ts'

/** Segments of ten offsets and 100 bytes each, one second apart; the last one ends the log. */
function segmentsOf(count: number, timestamps?: readonly number[]): Segment[] {
  return Array.from({ length: count }, (_, at) => ({
    baseOffset: at * 10,
    limitOffset: at * 10 + 10,
    sizeBytes: 100,
    maxTimestampMs: timestamps?.[at] ?? at * 1000,
    path: () => '/nowhere',
  })) as unknown as Segment[]
}

interface Case {
  readonly what: string
  readonly config: Partial<LogConfig>
  readonly segments?: Segment[]
  readonly nowMs?: number
  readonly logStartOffset?: number
  readonly highWatermark?: number
  readonly expired: number
}

const CASES: Case[] = [
  { what: 'nothing is asked for', config: { retentionMs: -1 }, nowMs: 1e12, expired: 0 },
  { what: 'older than retention.ms', config: { retentionMs: 1000 }, nowMs: 3001, expired: 3 },
  { what: 'not exactly as old', config: { retentionMs: 1000 }, nowMs: 3000, expired: 2 },
  { what: 'all of them', config: { retentionMs: 1000 }, nowMs: 1e12, expired: 5 },
  {
    what: 'a young record in an old segment keeps it and all behind it',
    config: { retentionMs: 1000 },
    segments: segmentsOf(5, [0, 9000, 2000, 3000, 4000]),
    nowMs: 9000,
    expired: 1,
  },
  {
    what: 'by size: as long as retention.bytes are left',
    config: { retentionMs: -1, retentionBytes: 250 },
    expired: 2,
  },
  { what: 'by size: exactly what is left', config: { retentionMs: -1, retentionBytes: 200 }, expired: 3 },
  { what: 'by size and by time', config: { retentionMs: 1000, retentionBytes: 400 }, nowMs: 3500, expired: 3 },
  { what: 'not beyond the high watermark', config: { retentionMs: 1000 }, nowMs: 1e12, highWatermark: 25, expired: 2 },
  {
    what: 'below the log start, whatever the policy',
    config: { cleanupPolicy: new Set(['compact'] as const), retentionMs: 1000, retentionBytes: 0 },
    nowMs: 1e12,
    logStartOffset: 30,
    expired: 3,
  },
  { what: 'a log start inside a segment keeps it', config: { retentionMs: -1 }, logStartOffset: 29, expired: 2 },
  { what: 'the last segment is not below the log start', config: { retentionMs: -1 }, logStartOffset: 50, expired: 4 },
  {
    what: 'with no policy nothing is deleted',
    config: { cleanupPolicy: new Set(), retentionMs: 0, retentionBytes: 0 },
    nowMs: 1e12,
    expired: 0,
  },
  {
    what: 'with both policies, too',
    config: { cleanupPolicy: new Set(['compact', 'delete'] as const), retentionMs: 1000 },
    nowMs: 3001,
    expired: 3,
  },
]

test.each(CASES)(
  'retention: $what',
  ({ config, segments = segmentsOf(5), nowMs = 5000, logStartOffset = 0, highWatermark = 50, expired }) => {
    const files = new MemoryEnvironment().files
    const bounds = { nowMs, logStartOffset, highWatermark }
    expect(findExpired(files, segments, { ...DEFAULT_LOG_CONFIG, ...config }, bounds)).toBe(expired)
  },
)

test('without timestamps a segment is as old as its file', () => {
  const environment = new MemoryEnvironment({ clock: 'manual' })
  const file = environment.files.open('/nowhere', { write: true, create: true })
  file.write([Buffer.from('x')], 0)
  const segments = segmentsOf(2, [-1, -1])
  const bounds = { logStartOffset: 0, highWatermark: 20 }
  const expired = (nowMs: number) =>
    findExpired(environment.files, segments, { ...DEFAULT_LOG_CONFIG, retentionMs: 1000 }, { ...bounds, nowMs })
  expect(expired(environment.clock.nowMs() + 1000)).toBe(0)
  expect(expired(environment.clock.nowMs() + 1001)).toBe(2)
})

function createManual(): { environment: MemoryEnvironment; place: Place } {
  const environment = new MemoryEnvironment({ clock: 'manual' })
  return { environment, place: { environment, directory: '/events-0' } }
}

test('deleted segments are renamed at once and removed after file.delete.delay.ms', async () => {
  const { environment, place } = createManual()
  const log = openLog(place, { config: { segmentBytes: 200, retentionBytes: 300, fileDeleteDelayMs: 60_000 } })
  for (let n = 0; n < 5; n++) log.append(batchOfBytes(150), { leaderEpoch: 0 })
  expect(log.applyRetention(0)).toEqual([])
  await log.flush()
  expect(log.applyRetention(0)).toMatchObject([{ baseOffset: 0, endOffset: 1 }, { baseOffset: 1 }, { baseOffset: 2 }])
  expect([log.logStartOffset, log.logEndOffset]).toEqual([3, 5])
  expect(() => log.read(2, 100, { limit: 'logEndOffset' })).toThrow(
    expect.objectContaining({ code: 'OFFSET_OUT_OF_RANGE' }),
  )
  const names = () => environment.files.list(place.directory).filter((name) => name.endsWith('.deleted')).length
  expect(names()).toBe(3 * 3 + 2)
  environment.advance(59_999)
  expect(names()).toBe(11)
  environment.advance(1)
  expect(names()).toBe(0)
  log.close()
  const again = openLog(place, { config: { segmentBytes: 200 } })
  expect([again.logStartOffset, readAll(again).records.length]).toEqual([3, 2])
  again.close()
})

test('what was renamed and not removed yet goes at the next opening, and at a close', async () => {
  const { environment, place } = createManual()
  const log = openLog(place, { config: { segmentBytes: 200, retentionBytes: 0 } })
  for (let n = 0; n < 3; n++) log.append(batchOfBytes(150), { leaderEpoch: 0 })
  await log.flush()
  log.applyRetention(0)
  const names = (files: MemoryEnvironment['files']) =>
    files.list(place.directory).filter((name) => name.endsWith('.deleted'))
  expect(names(environment.files)).not.toEqual([])
  const crashed = environment.crash({ keepUnsynced: 'all' })
  openLog({ ...place, environment: crashed })
  expect(names(crashed.files)).toEqual([])
  log.close()
  expect(names(environment.files)).toEqual([])
})

test('when everything goes, the log goes on in a new segment at its end', async () => {
  const log = openLog(createPlace('memory'), { config: { retentionMs: 1000 } })
  for (let n = 0; n < 3; n++) append(log, `v@${n}`)
  await log.flush()
  expect(log.applyRetention(100_000)).toHaveLength(1)
  expect([log.logStartOffset, log.logEndOffset, log.segments().length]).toEqual([3, 3, 1])
  expect(log.applyRetention(100_000)).toEqual([])
  expect(append(log, 'next')).toBe(3)
  await log.flush()
  expect(readAll(log).records).toEqual([{ offset: 3, value: 'next' }])
  log.close()
})

test('the epochs of what was deleted go with it, but for the one the log now begins in', async () => {
  const log = openLog(createPlace('memory'), { config: { segmentBytes: 200, retentionBytes: 300 } })
  for (let epoch = 0; epoch < 5; epoch++) log.append(batchOfBytes(150), { leaderEpoch: epoch })
  await log.flush()
  log.applyRetention(0)
  expect(log.endOffsetForEpoch(1)).toEqual({ leaderEpoch: 1, endOffset: 3 })
  expect([log.epochAt(3), log.epochAt(4), log.latestEpoch]).toEqual([3, 4, 4])
})
