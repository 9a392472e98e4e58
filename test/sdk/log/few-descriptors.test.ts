import { expect, test } from 'vitest'
import { FilePool } from '../../../sdk/environment/file-pool.ts'
import type { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import type { PartitionLog } from '../../../sdk/log/partition-log.ts'
import { ReadOnlyLog } from '../../../sdk/log/read-only-log.ts'
import { readWholeFile, replaceWholeFile } from '../../../sdk/log/whole-file.ts'
import { append, createMachine, type OpenOptions, openLog, valuesOf } from './support/log-bench.ts'

const COUNT = 30
const SMALL = { segmentBytes: 400, indexIntervalBytes: 0, fileDeleteDelayMs: 0 }

/** Half of them are for the logs. */
const MAX_OPEN_FILES = 8

function openLogs(environment: MemoryEnvironment, options: OpenOptions = {}): PartitionLog[] {
  return Array.from({ length: COUNT }, (_, at) =>
    openLog({ environment, directory: `/data/events-${at}` }, { config: SMALL, ...options }),
  )
}

test('many logs are written, flushed, rolled, read and opened again with few descriptors', async () => {
  const environment = createMachine({ maxOpenFiles: MAX_OPEN_FILES })
  const { limit } = FilePool.of(environment.files)
  let most = 0
  const look = () => {
    most = Math.max(most, environment.openFiles)
  }
  const logs = openLogs(environment)
  const expected = logs.map((): string[] => [])
  for (let round = 0; round < 8; round++) {
    for (const [at, log] of logs.entries()) {
      const value = `round ${round} of ${at}${'.'.repeat(60)}`
      expected[at]!.push(value)
      append(log, value)
      look()
    }
    if (round % 3 === 2) await Promise.all(logs.map((log) => log.flush()))
    look()
  }
  for (const [at, log] of logs.entries()) expect(valuesOf(log)).toEqual(expected[at])
  expect(logs[0]!.segments().length).toBeGreaterThan(1)
  for (const log of logs) log.close()
  expect([most, environment.openFiles]).toEqual([limit, 0])
  for (const cleanShutdown of [true, false]) {
    const again = openLogs(environment, { cleanShutdown, recoveryPoint: cleanShutdown ? 8 : 0 })
    for (const [at, log] of again.entries()) expect(valuesOf(log)).toEqual(expected[at])
    expect(environment.openFiles).toBeLessThanOrEqual(limit)
    for (const log of again) log.abandon()
  }
})

test('a flush that fails while another log needs the descriptor ends the log that lost its bytes, and no other', async () => {
  const environment = createMachine({ maxOpenFiles: MAX_OPEN_FILES })
  const logs = openLogs(environment)
  for (const log of logs) append(log, 'flushed')
  await Promise.all(logs.map((log) => log.flush()))
  const { limit } = FilePool.of(environment.files)
  const [victim, ...others] = logs.slice(0, limit + 1) as [PartitionLog, ...PartitionLog[]]
  append(victim, 'lost')
  environment.failNext('sync', { error: 'EIO', path: /events-0/ })
  for (const log of others) append(log, 'kept')
  await expect(victim.flush()).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
  expect(victim.failure).toBeDefined()
  expect(victim.flushedOffset).toBe(1)
  expect(() => append(victim, 'more')).toThrow('Nothing more is written')
  for (const log of others) {
    await log.flush()
    append(log, 'after')
    expect(log.failure).toBeUndefined()
  }
  const crashed = environment.crash()
  expect(valuesOf(openLog({ environment: crashed, directory: '/data/events-1' }))).toEqual(['flushed', 'kept'])
})

test('an append that follows a failed flush is refused, though nobody was told of it before', async () => {
  const environment = createMachine({ maxOpenFiles: MAX_OPEN_FILES })
  const logs = openLogs(environment)
  append(logs[0]!, 'lost')
  environment.failNext('sync', { error: 'EIO', path: /events-0/ })
  for (const log of logs.slice(1)) append(log, 'kept')
  expect(() => append(logs[0]!, 'more')).toThrow('Nothing more is written')
  await expect(logs[0]!.flush()).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
})

test('without any descriptor left an append is refused in words that help, and succeeds later', async () => {
  const environment = createMachine({ maxOpenFiles: MAX_OPEN_FILES })
  const [log, other] = openLogs(environment) as [PartitionLog, PartitionLog]
  append(other, 'other')
  await other.flush()
  for (let n = 0; n < COUNT; n++)
    FilePool.of(environment.files).open(`/data/pooled-${n}`, { write: true, create: true })
  environment.failNext('open', { error: 'EMFILE', sticky: true })
  const refused = (() => {
    try {
      return append(log, 'x')
    } catch (error) {
      return error
    }
  })()
  expect(refused).toMatchObject({ code: 'TOO_MANY_OPEN_FILES', retriable: true })
  expect((refused as Error).message).toContain('ulimit -n')
  environment.heal()
  append(log, 'x')
  await log.flush()
  expect([valuesOf(log), log.failure]).toEqual([['x'], undefined])
})

test('every file of a log is closed before it is deleted, as Windows wants it', async () => {
  const environment = createMachine({ maxOpenFiles: 100 })
  const log = openLog({ environment, directory: '/data/events-0' }, { config: SMALL })
  for (let n = 0; n < 12; n++) append(log, `${n}${'.'.repeat(100)}`)
  await log.flush()
  expect(valuesOf(log)).toHaveLength(12)
  expect(log.segments().length).toBeGreaterThan(3)
  // The active segment's log is what may stay open, wherever the first file is renamed.
  environment.failNext('rename', { error: 'EBUSY', path: /\.log$/ })
  log.advanceLogStart(12)
  expect(() => log.applyRetention(0)).toThrow('EBUSY')
  expect(environment.openFiles).toBeLessThanOrEqual(9)
  log.abandon()
  expect(environment.openFiles).toBe(0)
})

test('a follower whose descriptor went to another file reads a segment that was replaced meanwhile from its new file', () => {
  const environment = createMachine({ maxOpenFiles: 4 })
  const directory = '/data/events-0'
  const log = openLog({ environment, directory }, { config: SMALL })
  const values = Array.from({ length: 12 }, (_, n) => `${n}${'.'.repeat(100)}`)
  for (const value of values) append(log, value)
  log.close()
  const follower = ReadOnlyLog.open(environment, { directory, topic: 'events', partition: 0 })
  expect(valuesOf(follower)).toEqual(values)
  const first = `${directory}/00000000000000000000.log`
  const bytes = readWholeFile(environment.files, first)!
  for (let n = 0; n < COUNT; n++) FilePool.of(environment.files).open(`/data/${n}`, { write: true, create: true })
  replaceWholeFile(environment.files, directory, '00000000000000000000.log', bytes)
  for (const turn of [1, 2]) expect(valuesOf(follower), `turn ${turn}`).toEqual(values)
  follower.close()
})
