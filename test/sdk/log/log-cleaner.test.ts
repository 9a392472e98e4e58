import { expect, test } from 'vitest'
import type { CrashOptions } from '../../../sdk/environment/memory-disk.ts'
import type { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import { randomFrom, type SeededRandom } from '../../../sdk/environment/seeded-random.ts'
import type { PartitionLog } from '../../../sdk/log/partition-log.ts'
import { encodeBatch } from '../../../sdk/record/batch-builder.ts'
import {
  appendEntries,
  batchesOf,
  COMPACTED,
  compact,
  entriesOf,
  expectSubset,
  fingerprint,
  NOW_MS,
  recordsIn,
  tableOf,
} from './support/compaction-bench.ts'
import { createMachine, createPlace, MEMORY_DIRECTORY, openLog } from './support/log-bench.ts'

const SEED = Number(process.env['SEED'] ?? Math.floor(Math.random() * 1e9))
const DAY_MS = 86_400_000

/** Fills the log up to a fresh segment, so that what came before can be compacted. */
function rollOver(log: PartitionLog): void {
  const segments = log.segments().length
  while (log.segments().length === segments) appendEntries(log, `filler=${'.'.repeat(100)}`)
}

function createLog(): PartitionLog {
  return openLog(createPlace('memory'), COMPACTED)
}

test('the newest record of each key stays at its offset, older ones go', async () => {
  const log = createLog()
  appendEntries(log, 'a=1', 'b=1', 'c=1')
  appendEntries(log, 'a=2', 'b=2')
  appendEntries(log, 'a=3')
  rollOver(log)
  const { nextDirtyOffset, bytesBefore, bytesAfter } = await compact(log)
  expect(entriesOf(log).slice(0, 3)).toEqual(['2:c=1', '4:b=2', '5:a=3'])
  expect(nextDirtyOffset).toBe(log.segments().at(-1)!.baseOffset)
  expect(bytesAfter).toBeLessThan(bytesBefore)
  const [first] = batchesOf(log)
  expect([first!.baseOffset, first!.lastOffset, first!.recordCount]).toEqual([0, 2, 1])
})

test('the segment that is written to is never compacted, nor what consumers cannot see yet', async () => {
  const log = createLog()
  appendEntries(log, 'a=1', 'a=2')
  expect(await compact(log)).toMatchObject({ nextDirtyOffset: 0, bytesBefore: 0 })
  expect(entriesOf(log)).toEqual(['0:a=1', '1:a=2'])
  rollOver(log)
  expect(log.cleanable(undefined, NOW_MS)).toMatchObject({ endOffset: 0, isDue: false })
  await log.flush()
  expect(log.cleanable(undefined, NOW_MS)).toMatchObject({ endOffset: log.segments().at(-1)!.baseOffset, isDue: true })
})

test('a tombstone gets its delete horizon with the first pass, and goes with the first one behind it', async () => {
  const { environment, directory } = createPlace('memory')
  const clock = { nowMs: NOW_MS }
  const place = {
    environment: {
      ...spread(environment),
      clock: { ...environment.clock, nowMs: () => clock.nowMs, monotonicMs: () => 0 },
    },
    directory,
  }
  const log = openLog(place, COMPACTED)
  appendEntries(log, 'a=1', 'b=1')
  appendEntries(log, 'a')
  rollOver(log)
  let { nextDirtyOffset } = await compact(log)
  const horizons = () =>
    batchesOf(log)
      .map((batch) => batch.deleteHorizonMs)
      .filter((horizon) => horizon !== null)
  expect(horizons()).toEqual([NOW_MS + DAY_MS])
  expect(entriesOf(log).slice(0, 2)).toEqual(['1:b=1', '2:a'])
  expect(recordsIn(log).every((record) => record.timestampMs === NOW_MS)).toBe(true)
  clock.nowMs += DAY_MS - 1
  rollOver(log)
  ;({ nextDirtyOffset } = await compact(log, nextDirtyOffset))
  expect(horizons()).toEqual([NOW_MS + DAY_MS])
  expect(entriesOf(log)).toContain('2:a')
  clock.nowMs += 1
  rollOver(log)
  await compact(log, nextDirtyOffset)
  expect(entriesOf(log)).not.toContain('2:a')
  expect([...tableOf(log).keys()]).toEqual(['b', 'filler'])
})

/** Environments are classes with getters on the prototype; a test that replaces one part needs the others as they are. */
function spread(environment: ReturnType<typeof createPlace>['environment']) {
  const { files, timers, random, process } = environment
  return {
    files,
    timers,
    random,
    process,
    lockDirectory: (path: string) => environment.lockDirectory(path),
    findLockHolder: (path: string) => environment.findLockHolder(path),
    isLocked: (path: string) => environment.isLocked(path),
    bindFence: (path: string, name: string) => environment.bindFence(path, name),
    connect: (path: string, name: string) => environment.connect(path, name),
  }
}

const CODECS = ['none', 'gzip', 'zstd'] as const

/** One batch of random entries, as a producer would send it. */
function appendRandom(log: PartitionLog, random: SeededRandom, sequence: { next: number }): void {
  const count = 1 + random.below(5)
  const records = Array.from({ length: count }, () => {
    const key =
      random.below(20) === 0 ? `a-key-too-long-to-stand-in-its-slot-${random.below(8)}` : `k${random.below(12)}`
    const value = random.below(4) === 0 ? null : Buffer.from(`v${sequence.next++}`)
    const headers = random.below(3) === 0 ? [{ key: 'h', value: Buffer.from([random.below(9)]) }] : []
    return { key: Buffer.from(key), value, headers, timestampMs: NOW_MS - random.below(1000) }
  })
  const isIdempotent = random.below(4) === 0
  const batch = encodeBatch(records, {
    codec: CODECS[random.below(3)]!,
    timestampType: random.below(5) === 0 ? 'LogAppendTime' : 'CreateTime',
    ...(isIdempotent ? { producerId: 7 + random.below(2), producerEpoch: 0, baseSequence: sequence.next } : {}),
  })
  log.append(batch, { leaderEpoch: log.latestEpoch ?? 0 })
}

interface Story {
  readonly environment: MemoryEnvironment
  readonly log: PartitionLog
  /** Every record that was appended. */
  readonly appended: Map<number, string>
  cleanedOffset: number | undefined
}

/** A log of some segments, parts of which were compacted before. */
async function createStory(seed: number, earlierPasses: number, batches = 25): Promise<Story> {
  const random = randomFrom(seed)
  const environment = createMachine()
  const log = openLog({ environment, directory: MEMORY_DIRECTORY }, COMPACTED)
  const story: Story = { environment, log, appended: new Map(), cleanedOffset: undefined }
  const sequence = { next: 0 }
  for (let pass = 0; pass <= earlierPasses; pass++) {
    const segments = log.segments().length
    for (let batch = 0; batch < batches; batch++) appendRandom(log, random, sequence)
    // However small the batches were, every pass finds something to do.
    while (log.segments().length === segments) appendRandom(log, random, sequence)
    for (const record of recordsIn(log)) story.appended.set(record.offset, fingerprint(record))
    await log.flush()
    if (pass < earlierPasses) story.cleanedOffset = (await compact(log, story.cleanedOffset)).nextDirtyOffset
  }
  return story
}

/** The records below the end of the pass, newest of their key first seen from there. */
function expectCompacted(log: PartitionLog, endOffset: number, context: string): void {
  const keys = recordsIn(log).flatMap(({ offset, key }) => (offset < endOffset ? [String(key)] : []))
  expect(keys, `${context}: each key is there once below ${endOffset}`).toEqual([...new Set(keys)])
}

test('random logs: a table by replay is the same before and after, and no key is left twice', async () => {
  for (let round = 0; round < 40; round++) {
    const context = `SEED=${SEED}, round ${round}`
    const { environment, log, appended, cleanedOffset } = await createStory(SEED + round, round % 4)
    const before = tableOf(log)
    // Room for seven keys: any batch of this test has fewer, a log has more. A map smaller than a batch would end no pass.
    const maxMapBytes = round % 5 === 4 ? 24 * 12 : undefined
    const { nextDirtyOffset } = await compact(log, cleanedOffset, { maxMapBytes })
    expect(tableOf(log), context).toEqual(before)
    expectSubset(log, appended, context)
    expectCompacted(log, nextDirtyOffset, context)
    if (maxMapBytes === undefined) expect(nextDirtyOffset, context).toBe(log.segments().at(-1)!.baseOffset)
    expect(nextDirtyOffset, context).toBeGreaterThan(cleanedOffset ?? 0)
    const { logEndOffset } = log
    log.close()
    for (const cleanShutdown of [true, false]) {
      const again = openLog(
        { environment, directory: MEMORY_DIRECTORY },
        { ...COMPACTED, cleanShutdown, recoveryPoint: 0 },
      )
      expect(again.recovery, context).toMatchObject({ isLoss: false, tornBytes: 0, rebuiltIndexes: 0 })
      expect(tableOf(again), context).toEqual(before)
      expect(again.logEndOffset, context).toBe(logEndOffset)
      again.close()
    }
  }
})

const CRASHES: CrashOptions[] = [
  { keepUnsynced: 'none' },
  { keepUnsynced: 'all' },
  ...[1, 2].map((seed) => ({ keepUnsynced: seed })),
  ...[4, 5, 6].map((seed) => ({ keepUnsynced: seed, reorder: true })),
]

test('a crash at any change of a compaction leaves the same table, and the next pass comes to its end', async () => {
  for (const earlierPasses of [0, 1]) {
    let stopped = true
    let stopAt = 0
    for (; stopped; stopAt++) {
      const { environment, log, appended, cleanedOffset } = await createStory(SEED, earlierPasses, 6)
      const before = tableOf(log)
      environment.failNext('change', { after: stopAt, error: 'EIO', sticky: true })
      stopped = await compact(log, cleanedOffset).then(
        () => false,
        () => true,
      )
      for (const options of CRASHES) {
        const context = `SEED=${SEED}, ${earlierPasses} passes before, crash at change ${stopAt}, ${JSON.stringify(options)}`
        const crashed = environment.crash(options)
        const place = { environment: crashed, directory: MEMORY_DIRECTORY }
        const again = openLog(place, { ...COMPACTED, recoveryPoint: log.logEndOffset })
        expect(again.recovery.isLoss, context).toBe(false)
        expect(again.logEndOffset, context).toBe(log.logEndOffset)
        expect(tableOf(again), context).toEqual(before)
        expectSubset(again, appended, context)
        const names = crashed.files.list(MEMORY_DIRECTORY)
        expect(
          names.filter((name) => /\.(cleaned|swap|deleted)$/.test(name)),
          context,
        ).toEqual([])
        const { nextDirtyOffset } = await compact(again, cleanedOffset)
        expect(tableOf(again), context).toEqual(before)
        expectCompacted(again, nextDirtyOffset, context)
      }
    }
    expect(stopAt).toBeGreaterThan(15)
  }
})

test('a crash while a merged segment takes the place of several leaves the same table', async () => {
  const isSwapping = (names: string[]) => names.some((name) => /\.(swap|deleted)$/.test(name))
  const createSmall = async () => {
    const environment = createMachine()
    const log = openLog({ environment, directory: MEMORY_DIRECTORY }, COMPACTED)
    for (let n = 0; n < 30; n++) appendEntries(log, `k${n % 9}=${n}`)
    const { nextDirtyOffset } = await compact(log)
    // Values and their tombstones are in different segments, which are merged into one.
    for (let n = 0; n < 14; n++) appendEntries(log, `k${n % 5}`, `other${n % 3}=${n}`)
    await log.flush()
    // What the first pass deleted is not of interest.
    for (const name of environment.files.list(MEMORY_DIRECTORY)) {
      if (name.endsWith('.deleted')) environment.files.remove(`${MEMORY_DIRECTORY}/${name}`)
    }
    environment.files.syncDirectory(MEMORY_DIRECTORY)
    return { environment, log, nextDirtyOffset, segments: log.segments().length }
  }
  let swaps = 0
  for (let stopAt = 0, stopped = true; stopped; stopAt++) {
    const { environment, log, nextDirtyOffset, segments } = await createSmall()
    const before = tableOf(log)
    environment.failNext('change', { after: stopAt, error: 'EIO', sticky: true })
    stopped = await compact(log, nextDirtyOffset).then(
      () => false,
      () => true,
    )
    if (!stopped) expect(log.segments().length).toBeLessThan(segments)
    if (!isSwapping(environment.files.list(MEMORY_DIRECTORY))) continue
    swaps++
    for (let seed = 0; seed < 6; seed++) {
      const options = { keepUnsynced: stopAt * 6 + seed, reorder: true }
      const crashed = environment.crash(options)
      const again = openLog({ environment: crashed, directory: MEMORY_DIRECTORY }, COMPACTED)
      const context = `crash at change ${stopAt}, ${JSON.stringify(options)}`
      expect(tableOf(again), context).toEqual(before)
      expect(again.logEndOffset, context).toBe(log.logEndOffset)
    }
  }
  expect(swaps).toBeGreaterThan(20)
})

test('where the disk refuses at any change, the log goes on or says that it failed, and nothing is lost', async () => {
  for (const error of ['EIO', 'ENOSPC']) {
    for (let failAt = 0; ; failAt++) {
      const { environment, log, cleanedOffset } = await createStory(SEED, 1, 6)
      const before = tableOf(log)
      const { changes } = environment.counts
      environment.failNext('change', { after: failAt, error })
      const outcome = await compact(log, cleanedOffset).then(
        () => 'done',
        (failure) => failure.code,
      )
      if (outcome === 'done' && environment.counts.changes - changes <= failAt) break
      const context = `SEED=${SEED}, ${error} at change ${failAt}: ${outcome}`
      environment.heal()
      let live = log
      if (log.failure !== undefined) {
        log.abandon()
        live = openLog({ environment, directory: MEMORY_DIRECTORY }, { ...COMPACTED, recoveryPoint: log.logEndOffset })
      }
      expect(tableOf(live), context).toEqual(before)
      await compact(live, cleanedOffset)
      expect(tableOf(live), context).toEqual(before)
    }
  }
})
