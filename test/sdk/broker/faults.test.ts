/** Disks that refuse, fail or fill up while a broker works. */
import { expect, onTestFinished, test } from 'vitest'
import { Owner } from '../../../sdk/broker/owner.ts'
import { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import { TidemarkError } from '../../../sdk/errors.ts'
import { Chronicle } from '../../support/broker/chronicle.ts'
import { beat, commit, committed, create, member, produce, readAll, send } from '../../support/broker/requests.ts'
import { Script } from '../../support/broker/script.ts'
import { createWorld, PATH, type Writer } from '../../support/broker/worlds.ts'

const OPTIONS = { waitMs: 0, survives: 'power-loss' } as const
const SEED = Number(process.env['SEED'] ?? 7)
const STEPS = 18

/** Runs the script with a fault; everything that is refused must be refused in our words. Returns how much was. */
async function runWith(environment: MemoryEnvironment, chronicle: Chronicle, fault: () => void): Promise<number> {
  let refused = 0
  const tolerate = async (work: () => Promise<unknown>): Promise<void> => {
    try {
      await work()
    } catch (error) {
      if (!(error instanceof TidemarkError)) throw error
      refused++
    }
  }
  const script = new Script(SEED, chronicle)
  const owner = await Owner.open(environment, PATH, OPTIONS)
  fault()
  for (let step = 1; step <= STEPS; step++) {
    await tolerate(() => script.step(owner, environment.clock.nowMs()))
    if (step % 6 === 0) environment.advance(5_000)
  }
  environment.heal()
  await tolerate(() => owner.close())
  return refused
}

test(`whatever operation fails, once or from then on, calls are refused and nothing acknowledged is lost (SEED=${SEED})`, {
  timeout: 60_000,
}, async () => {
  const dry = new MemoryEnvironment({ clock: 'manual' })
  const before = dry.counts.changes
  expect(await runWith(dry, new Chronicle(), () => {})).toBe(0)
  const operations = dry.counts.changes - before
  const variants = [
    { error: 'EIO', sticky: false },
    { error: 'ENOSPC', sticky: false },
    { error: 'EIO', sticky: true },
    { error: 'ENOSPC', sticky: true },
    // Reading, asking for sizes, closing.
    { error: 'EIO', sticky: false, operation: 'any' },
    { error: 'EMFILE', sticky: true, operation: 'open' },
  ] as const
  let refused = 0
  let runs = 0
  for (let after = 0; after < operations; after += 3) {
    const variant = variants[runs++ % variants.length]!
    const operation = 'operation' in variant ? variant.operation : 'change'
    const environment = new MemoryEnvironment({ clock: 'manual' })
    const chronicle = new Chronicle()
    refused += await runWith(environment, chronicle, () => environment.failNext(operation, { ...variant, after }))
    // The process dies with what its kernel has, the machine with what its disk has, or the next owner just goes on.
    for (const next of [environment.crash(), environment.crash({ keepUnsynced: after }), environment]) {
      try {
        const owner = await Owner.open(next, PATH, OPTIONS)
        expect(owner.recovery.filter(({ isLoss }) => isLoss)).toEqual([])
        await chronicle.check(owner, 'power-loss')
        for (const topic of chronicle.topics) await send(owner, topic, 'after')
        await owner.close()
        const again = await Owner.open(next, PATH, OPTIONS)
        expect(again.recovery).toEqual([])
        await again.close()
      } catch (error) {
        if (error instanceof Error)
          error.message = `SEED=${SEED} operation ${after} ${JSON.stringify(variant)}: ${error.message}`
        throw error
      }
    }
  }
  expect(refused).toBeGreaterThan(runs / 2)
})

async function createOwner(environment: MemoryEnvironment): Promise<Writer> {
  const owner = await createWorld(environment).own()
  await create(owner, 't', 2)
  for (const partition of [0, 1]) await send(owner, 't', 'first', partition)
  await commit(owner, 'g', 't', 1)
  return owner
}

test('a failed fsync stops its partition: whoever waits is refused, it is not tried again, others work on', async () => {
  const environment = new MemoryEnvironment()
  const owner = await createOwner(environment)
  environment.failNext('sync', { error: 'EIO', path: /t-0/ })
  const answers = await Promise.all(['a', 'b', 'c'].map((value) => produce(owner, 't', value)))
  for (const { error } of answers)
    expect(error).toMatchObject({ code: 'STORAGE_ERROR', message: expect.stringContaining('until it is opened again') })
  const { sync } = environment.counts
  expect((await produce(owner, 't', 'd')).error?.code).toBe('STORAGE_ERROR')
  expect(environment.counts.sync).toBe(sync)
  // Consumers never saw what may be gone.
  expect(await readAll(owner, 't')).toEqual(['0=first'])
  expect(await send(owner, 't', 'other', 1)).toBe(1)
  await commit(owner, 'g', 't', 1)
  await expect(owner.close()).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
  // What the kernel dropped is found out by looking, and the log goes on behind what is there.
  const next = await createWorld(environment.crash()).own()
  expect(await readAll(next, 't')).toEqual(['0=first'])
  expect(next.recovery.filter(({ isLoss }) => isLoss)).toEqual([])
  expect(await send(next, 't', 'again')).toBe(1)
  expect(await readAll(next, 't', 1)).toEqual(['0=first', '1=other'])
  const reopened = await createWorld(environment).own()
  expect((await readAll(reopened, 't'))[0]).toBe('0=first')
  expect(await committed(reopened, 'g')).toEqual(['t-0@1'])
})

test('a partition directory that was never finished, of a topic that is deleted since, does not stop the next owner', async () => {
  const environment = new MemoryEnvironment()
  const owner = await createOwner(environment)
  await create(owner, 'half', 1)
  environment.failNext('write', { error: 'EIO', path: /half-0.partition\.metadata/ })
  expect((await produce(owner, 'half', 'x')).error?.code).toBe('STORAGE_ERROR')
  await owner.deleteTopics({ topics: ['half'] })
  await owner.close()
  const next = await createWorld(environment).own()
  await create(next, 'half', 1)
  expect(await send(next, 'half', 'x')).toBe(0)
})

test('a disk that does not tell whose the lock is refuses what is written, in our words', async () => {
  const environment = new MemoryEnvironment()
  const owner = await createOwner(environment)
  environment.failNext('stat', { error: 'EIO', path: /\.lock$/ })
  await expect(commit(owner, 'g', 't', 1)).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
  environment.failNext('stat', { error: 'EIO', path: /\.lock$/ })
  expect((await produce(owner, 't', 'x')).error?.code).toBe('STORAGE_ERROR')
  expect(await send(owner, 't', 'again')).toBe(1)
})

test('a failed fsync of commits stops its groups, not the records', async () => {
  const environment = new MemoryEnvironment()
  const owner = await createOwner(environment)
  environment.failNext('sync', { error: 'EIO', path: /__consumer_offsets/ })
  await expect(commit(owner, 'g', 't', 1)).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
  await expect(commit(owner, 'g', 't', 1)).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
  await expect(beat(owner, 'g', member(1), { subscribedTopicNames: ['t'] })).rejects.toMatchObject({
    code: 'STORAGE_ERROR',
  })
  expect(await send(owner, 't', 'on')).toBe(1)
})

test('a failed fsync of the metadata stops topic changes and new leaderships, not the partitions that are led', async () => {
  const environment = new MemoryEnvironment()
  const owner = await createOwner(environment)
  environment.failNext('sync', { error: 'EIO', path: /__cluster_metadata/ })
  await expect(create(owner, 'u')).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
  await expect(owner.deleteTopics({ topics: ['t'] })).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
  expect((await owner.metadata({ topics: ['u'] })).topics).toEqual([])
  expect(await send(owner, 't', 'on')).toBe(1)
  const next = await createWorld(environment.crash()).own()
  expect(await readAll(next, 't')).toEqual(['0=first', '1=on'])
})

test('a full disk refuses everything that writes; with space again all of it works on', async () => {
  const environment = new MemoryEnvironment()
  const owner = await createOwner(environment)
  for (const room of [0, 1, 30, 61, 100]) {
    environment.setCapacity(environment.usedBytes + room)
    for (const partition of [0, 1]) {
      expect((await produce(owner, 't', 'x'.repeat(200), partition)).error).toMatchObject({
        code: 'STORAGE_ERROR',
        message: expect.stringContaining('disk is full'),
      })
    }
    environment.setCapacity(environment.usedBytes)
    await expect(commit(owner, 'g', 't', 1)).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
    await expect(create(owner, 'u')).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
    await expect(beat(owner, 'h', member(1), { subscribedTopicNames: ['t'] })).rejects.toMatchObject({
      code: 'STORAGE_ERROR',
    })
    expect(await readAll(owner, 't')).toEqual(['0=first'])
    expect(await committed(owner, 'g')).toEqual(['t-0@1'])
    environment.setCapacity(Number.POSITIVE_INFINITY)
  }
  expect(await send(owner, 't', 'second')).toBe(1)
  await commit(owner, 'g', 't', 2)
  await create(owner, 'u')
  expect(await send(owner, 'u', 'a')).toBe(0)
  await beat(owner, 'h', member(1), { subscribedTopicNames: ['t'] })
  await owner.close()
  const next = await createWorld(environment.crash()).own()
  expect(next.recovery).toEqual([])
  expect(await readAll(next, 't')).toEqual(['0=first', '1=second'])
  expect(await committed(next, 'g')).toEqual(['t-0@2'])
})

test('nothing that fails behind the scenes ends the process', async () => {
  const unhandled: unknown[] = []
  const note = (error: unknown) => unhandled.push(error)
  process.on('unhandledRejection', note)
  onTestFinished(() => void process.off('unhandledRejection', note))
  const environment = new MemoryEnvironment({ clock: 'manual' })
  const owner = await createOwner(environment)
  await beat(owner, 'g', member(1), { subscribedTopicNames: ['t'] })
  environment.failNext('any', { error: 'EIO', sticky: true })
  const waiting = owner
    .fetch({
      partitions: [{ topic: 't', partition: 0, fetchOffset: 1, maxBytes: 1_000 }],
      maxWaitMs: 10_000,
      minBytes: 1,
      maxBytes: 1_000,
      isolation: 'read_uncommitted',
    })
    .catch((error: unknown) => error)
  for (let second = 0; second < 60; second++) {
    environment.advance(1_000)
    await environment.timers.yield()
  }
  await waiting
  const codes = new Set(environment.warnings.map(({ code }) => code))
  expect(codes).toContain('TIDEMARK_GROUPS_STOPPED')
  await expect(owner.close()).rejects.toBeInstanceOf(TidemarkError)
  await environment.timers.yield()
  expect(unhandled).toEqual([])
})
