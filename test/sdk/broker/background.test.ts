/** What an owner does by itself as time passes: flushing and retention. */
import { expect, test } from 'vitest'
import { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import {
  batch,
  commit,
  committed,
  create,
  fetch,
  offsetAt,
  produce,
  readAll,
  send,
} from '../../support/broker/requests.ts'
import { createWorld } from '../../support/broker/worlds.ts'

const DAY_MS = 86_400_000
const START_MS = 1_700_000_000_000

function createMachine() {
  const environment = new MemoryEnvironment({ clock: 'manual', startMs: START_MS })
  const record = (value: string, timestampMs = environment.clock.nowMs()) =>
    batch([{ key: null, value: Buffer.from(value), timestampMs }])
  return {
    ...createWorld(environment),
    environment,
    record,
    /** What the next owner finds after a power loss at this moment. */
    async afterPowerLoss(topic: string): Promise<string[]> {
      const owner = await createWorld(environment.crash()).own()
      return await readAll(owner, topic)
    },
  }
}

/** Lets flushes under way come to their end. */
async function settle(environment: MemoryEnvironment): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await environment.timers.yield()
}

test('by default, and with flush.messages=1, what was acknowledged survives a power loss', async () => {
  const machine = createMachine()
  const owner = await machine.own()
  await create(owner, 'default')
  await create(owner, 'asked', 1, { 'flush.messages': '1' })
  for (const topic of ['default', 'asked']) {
    expect(await produce(owner, topic, machine.record('a'))).toMatchObject({ error: null, survives: 'power-loss' })
    expect(await machine.afterPowerLoss(topic)).toEqual(['0=a'])
  }
  const relaxed = await createWorld(machine.environment.crash()).own({ survives: 'process-crash' })
  expect(await produce(relaxed, 'default', machine.record('b'))).toMatchObject({ survives: 'process-crash' })
  expect(await produce(relaxed, 'asked', machine.record('b'))).toMatchObject({ survives: 'power-loss' })
})

test('with another flush.messages records are flushed in the background, after that many at the latest', async () => {
  const machine = createMachine()
  const owner = await machine.own()
  await create(owner, 't', 1, { 'flush.messages': '3' })
  for (const value of ['a', 'b']) {
    expect(await produce(owner, 't', machine.record(value))).toMatchObject({ error: null, survives: 'process-crash' })
  }
  // Consumers need not wait for the disk.
  expect(await fetch(owner, 't')).toMatchObject({ highWatermark: 2 })
  await settle(machine.environment)
  expect(await machine.afterPowerLoss('t')).toEqual([])
  await send(owner, 't', machine.record('c'))
  await settle(machine.environment)
  await send(owner, 't', machine.record('d'))
  await settle(machine.environment)
  expect(await machine.afterPowerLoss('t')).toEqual(['0=a', '1=b', '2=c'])
  expect(await readAll(await createWorld(machine.environment.crash({ keepUnsynced: 'all' })).own(), 't')).toHaveLength(
    4,
  )
})

test('flush.ms flushes records that old, once, and not while there are none', async () => {
  const machine = createMachine()
  const { environment } = machine
  const owner = await machine.own()
  await create(owner, 't', 1, { 'flush.messages': '1000000', 'flush.ms': '200' })
  await send(owner, 't', machine.record('a'))
  environment.advance(150)
  await send(owner, 't', machine.record('b'))
  await settle(environment)
  expect(await machine.afterPowerLoss('t')).toEqual([])
  environment.advance(50)
  await settle(environment)
  expect(await machine.afterPowerLoss('t')).toEqual(['0=a', '1=b'])
  const { sync } = environment.counts
  environment.advance(2_000)
  await settle(environment)
  expect(environment.counts.sync).toBe(sync)
  await send(owner, 't', machine.record('c'))
  environment.advance(200)
  await settle(environment)
  expect(await machine.afterPowerLoss('t')).toHaveLength(3)
})

test('without flush configs what only survives the process is flushed with the checkpoints', async () => {
  const machine = createMachine()
  const owner = await machine.own({ survives: 'process-crash' })
  await create(owner, 't')
  await send(owner, 't', machine.record('a'))
  await settle(machine.environment)
  expect(await machine.afterPowerLoss('t')).toEqual([])
  machine.environment.advance(5_000)
  await settle(machine.environment)
  expect(await machine.afterPowerLoss('t')).toEqual(['0=a'])
})

test('a background flush that fails stops the partition, warns once and loses nothing before it', async () => {
  const machine = createMachine()
  const { environment } = machine
  const owner = await machine.own()
  await create(owner, 't', 1, { 'flush.messages': '2' })
  await create(owner, 'other')
  for (const value of ['a', 'b']) await send(owner, 't', machine.record(value))
  await settle(environment)
  environment.failNext('sync', { error: 'EIO', path: /t-0/ })
  for (const value of ['c', 'd', 'e']) await send(owner, 't', machine.record(value))
  await settle(environment)
  expect((await produce(owner, 't', machine.record('f'))).error).toMatchObject({ code: 'STORAGE_ERROR' })
  expect(environment.warnings.map(({ code }) => code)).toEqual(['TIDEMARK_FLUSH_FAILED'])
  expect(await send(owner, 'other', machine.record('x'))).toBe(0)
  expect((await machine.afterPowerLoss('t')).slice(0, 2)).toEqual(['0=a', '1=b'])
})

test('nothing expires unless it was asked for', async () => {
  const machine = createMachine()
  const { environment } = machine
  const owner = await machine.own()
  await create(owner, 't', 1, { 'segment.ms': '1000' })
  for (const yearsAgo of [5, 4, 3, 2]) {
    await send(owner, 't', machine.record('old', START_MS - yearsAgo * 365 * DAY_MS))
    await commit(owner, 'g', 't', 6 - yearsAgo)
    environment.advance(2_000)
  }
  environment.advance(400_000)
  expect(await readAll(owner, 't')).toHaveLength(4)
  expect(await committed(owner, 'g')).toEqual(['t-0@4'])
  await owner.close()
  const next = await machine.own()
  environment.advance(400_000)
  expect(await readAll(next, 't')).toHaveLength(4)
  expect(await committed(next, 'g')).toEqual(['t-0@4'])
})

test('retention.ms deletes old segments, of topics that nobody uses too, and everybody sees where the log begins now', async () => {
  const machine = createMachine()
  const { environment } = machine
  const first = await machine.own()
  await create(first, 't', 2, { 'segment.ms': '1000', 'retention.ms': `${2 * DAY_MS}` })
  const follower = machine.follow()
  for (const daysAgo of [4, 3, 2, 1]) {
    for (const partition of [0, 1]) {
      await send(first, 't', machine.record(`${daysAgo}`, START_MS - daysAgo * DAY_MS), partition)
    }
  }
  await first.close()
  const owner = await machine.own()
  const files = (partition = 1) =>
    environment.files.list(`/data/t-${partition}`).filter((name) => name.endsWith('.log'))
  expect(files()).toHaveLength(4)
  environment.advance(30_000)
  // One partition that has to be opened per turn of the event loop.
  expect([files(0), files(1)].map(({ length }) => length)).toEqual([1, 4])
  await environment.timers.yield()
  for (const partition of [0, 1]) {
    for (const broker of [owner, follower]) {
      expect(await offsetAt(broker, 't', 'earliest', { partition })).toMatchObject({ offset: 3 })
      expect(await readAll(broker, 't', partition, 3)).toEqual(['3=1'])
      expect((await fetch(broker, 't', { partition, offset: 0 })).error?.code).toBe('OFFSET_OUT_OF_RANGE')
    }
  }
  expect(files()).toEqual(['00000000000000000003.log'])
  environment.advance(120_000)
  expect(environment.files.list('/data/t-1').filter((name) => name.endsWith('.deleted'))).toEqual([])
  await owner.incrementalAlterConfigs({ topic: 't', configs: { 'retention.ms': '-1' } })
  environment.advance(DAY_MS / 24)
  expect(await readAll(owner, 't', 0, 3)).toEqual(['3=1'])
})

test('retention.bytes keeps about so much', async () => {
  const machine = createMachine()
  const owner = await machine.own()
  await create(owner, 't', 1, { 'internal.segment.bytes': '400', 'retention.bytes': '1000' })
  for (let n = 0; n < 20; n++) await send(owner, 't', machine.record('x'.repeat(100)))
  machine.environment.advance(30_000)
  const { offset } = await offsetAt(owner, 't', 'earliest')
  expect(offset).toBeGreaterThan(10)
  expect(offset).toBeLessThan(18)
  expect(await readAll(owner, 't', 0, offset)).toHaveLength(20 - offset)
})

test('retention that fails warns, and goes on with the other partitions', async () => {
  const machine = createMachine()
  const { environment } = machine
  const owner = await machine.own()
  await create(owner, 't', 2, { 'segment.ms': '1000', 'retention.ms': '1000' })
  for (const partition of [0, 1]) {
    await send(owner, 't', machine.record('old'), partition)
    environment.advance(10_000)
    await send(owner, 't', machine.record('new'), partition)
  }
  environment.failNext('rename', { error: 'EIO', path: /t-0\/0/, sticky: true })
  environment.failNext('stat', { error: 'EIO', path: /t-0\/0/, sticky: true })
  environment.failNext('remove', { error: 'EIO', path: /t-0\/0/, sticky: true })
  environment.failNext('write', { error: 'EIO', path: /t-0/, sticky: true })
  environment.advance(20_000)
  expect(environment.warnings.map(({ code }) => code)).toContain('TIDEMARK_RETENTION_FAILED')
  expect(await offsetAt(owner, 't', 'earliest', { partition: 1 })).toMatchObject({ offset: expect.any(Number) })
  environment.heal()
  environment.advance(300_000)
  expect(await send(owner, 't', machine.record('newer'), 1)).toBe(2)
})
