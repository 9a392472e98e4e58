import { expect, test } from 'vitest'
import type { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import { TidemarkError } from '../../../sdk/errors.ts'
import type { PartitionLog } from '../../../sdk/log/partition-log.ts'
import {
  append,
  createMachine,
  createPlace,
  MEMORY_DIRECTORY,
  type OpenOptions,
  openLog,
  valuesOf,
} from './support/log-bench.ts'
import { Witness } from './support/witness.ts'

const SMALL: OpenOptions = { config: { segmentBytes: 600, indexIntervalBytes: 64 } }
const OPERATIONS = [
  'open',
  'write',
  'sync',
  'truncate',
  'rename',
  'remove',
  'syncDirectory',
  'sizeBytes',
  'read',
  'stat',
  'list',
] as const

/** What an owner does with a log; every step may fail. */
const STEPS: ((log: PartitionLog, witness: Witness) => unknown)[] = [
  (log, witness) => witness.append(log, 2),
  (log, witness) => witness.flush(log),
  (log, witness) => witness.append(log, 1, 0, 200),
  (log, witness) => witness.append(log, 3, 0, 60),
  (log, witness) => witness.flush(log),
  (log, witness) => witness.append(log, 1, 1, 300),
  (log, witness) => witness.append(log, 1, 2, 100),
  (log, witness) => witness.flush(log),
  (log) => log.assignEpoch(5),
  (log, witness) => witness.append(log, 2, Math.max(5, log.latestEpoch ?? 0)),
  (log, witness) => witness.truncate(log, Math.max(log.logStartOffset, log.logEndOffset - 2)),
  (log, witness) => witness.append(log, 1, log.latestEpoch ?? 5, 50),
  (log, witness) => witness.flush(log),
  (log, witness) => {
    const start = Math.min(3, log.highWatermark)
    witness.dropBelow(start)
    log.advanceLogStart(start)
    log.applyRetention(0)
  },
  (log, witness) => witness.append(log, 1, log.latestEpoch ?? 5, 250),
  (log, witness) => witness.flush(log),
  async (log, witness) => {
    await log.finish()
    witness.close(log)
  },
]

interface Owner {
  readonly environment: MemoryEnvironment
  readonly witness: Witness
  log: PartitionLog | undefined
}

/** Opens the log anew after it broke or was closed, as far as the disk lets it. */
function reopen(owner: Owner, context: string): void {
  owner.log = undefined
  try {
    const log = openLog({ environment: owner.environment, directory: MEMORY_DIRECTORY }, SMALL)
    owner.log = log
    owner.witness.adopt(log)
  } catch (error) {
    expect(error, context).toBeInstanceOf(TidemarkError)
    expect((error as TidemarkError).code, context).toBe('STORAGE_ERROR')
  }
}

async function runSteps(owner: Owner, context: string): Promise<void> {
  for (const [at, step] of STEPS.entries()) {
    if (owner.log === undefined || owner.log.failure !== undefined) {
      owner.log?.close()
      reopen(owner, context)
    }
    if (owner.log === undefined) continue
    try {
      await step(owner.log, owner.witness)
    } catch (error) {
      expect(error, `${context}, step ${at}`).toBeInstanceOf(TidemarkError)
      expect((error as TidemarkError).code, `${context}, step ${at}`).toBe('STORAGE_ERROR')
      if (at === STEPS.length - 1) owner.log = undefined
    }
  }
}

test.each(OPERATIONS)(
  'whatever "%s" fails, at any time, once or for long, acknowledged records are kept',
  async (operation) => {
    for (const error of ['EIO', 'ENOSPC']) {
      for (const sticky of [false, true]) {
        for (let after = 0; after < 400; after++) {
          const context = `${operation} ${after} fails with ${error}${sticky ? ', sticky' : ''}`
          const environment = createMachine()
          const owner: Owner = { environment, witness: new Witness(), log: undefined }
          reopen(owner, context)
          const before = environment.counts[operation]
          environment.failNext(operation, { after, error, sticky })
          await runSteps(owner, context)
          const reached = environment.counts[operation] - before
          environment.heal()
          const lost = openLog({ environment: environment.crash(), directory: MEMORY_DIRECTORY }, SMALL)
          owner.witness.check(lost, 'power-loss', `${context}, power loss`)
          const kept = openLog(
            { environment: environment.crash({ keepUnsynced: 'all' }), directory: MEMORY_DIRECTORY },
            SMALL,
          )
          owner.witness.check(kept, 'process-crash', `${context}, restart`)
          append(kept, 'works')
          await kept.flush()
          if (reached <= after) break
        }
      }
    }
  },
)

test('a failed flush ends the log: pending and later calls reject, what was flushed before can be read, a reopened log goes on', async () => {
  const place = { environment: createMachine(), directory: MEMORY_DIRECTORY }
  const log = openLog(place)
  append(log, 'flushed')
  await log.flush()
  place.environment.failNext('sync', { error: 'EIO' })
  append(log, 'pending')
  const first = log.flush()
  const shared = [log.flush(), log.flush()]
  for (const flush of [first, ...shared]) await expect(flush).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
  const { sync } = place.environment.counts
  await expect(log.flush()).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
  expect(() => append(log, 'never')).toThrow(/until it is opened again/)
  expect(place.environment.counts.sync, 'no sync is tried again on that descriptor').toBe(sync)
  expect([log.highWatermark, log.failure?.code]).toEqual([1, 'STORAGE_ERROR'])
  expect(log.read(0, 1000, { limit: 'highWatermark' }).length).toBeGreaterThan(0)
  log.close()
  expect(place.environment.counts.sync).toBe(sync)
  const again = openLog(place)
  const shown = valuesOf(again)
  expect(again.highWatermark).toBe(again.logEndOffset)
  // The kernel forgot that the page was never written; what the reopened log shows must survive all the same.
  const survivor = openLog({ environment: place.environment.crash(), directory: MEMORY_DIRECTORY })
  expect(valuesOf(survivor)).toEqual(shown)
})

test('a full disk refuses appends and says so; reading goes on, and so do appends once there is space', async () => {
  const environment = createMachine()
  const log = openLog({ environment, directory: MEMORY_DIRECTORY })
  append(log, 'before')
  await log.flush()
  environment.setCapacity(environment.usedBytes + 20)
  expect(() => append(log, 'x'.repeat(100))).toThrow(/disk is full/)
  expect(log.failure).toBeUndefined()
  expect(valuesOf(log)).toEqual(['before'])
  const reopened = openLog({ environment: environment.crash(), directory: MEMORY_DIRECTORY })
  expect(valuesOf(reopened)).toEqual(['before'])
  environment.setCapacity(Number.POSITIVE_INFINITY)
  expect(append(log, 'after')).toBe(1)
  await log.flush()
  expect(valuesOf(log)).toEqual(['before', 'after'])
  log.close()
})

test('a write that fails and cannot be taken back ends the log', () => {
  const place = createPlace('memory')
  const log = openLog(place)
  append(log, 'before')
  const environment = place.environment as MemoryEnvironment
  environment.failNext('write', { error: 'ENOSPC' })
  environment.failNext('truncate', { error: 'EIO' })
  expect(() => append(log, 'half')).toThrow(expect.objectContaining({ code: 'STORAGE_ERROR' }))
  expect(log.failure).toBeDefined()
  expect(() => append(log, 'more')).toThrow(/until it is opened again/)
  log.close()
  const again = openLog(place)
  expect(valuesOf(again)).toEqual(['before'])
  expect(again.recovery.tornBytes).toBeGreaterThan(0)
})
