/** Compaction by an owner, as time passes. */
import { expect, test } from 'vitest'
import type { Broker } from '../../../sdk/broker/broker.ts'
import { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import { verifyDirectory } from '../../../sdk/inspect/verify.ts'
import { readWholeFile } from '../../../sdk/log/whole-file.ts'
import { batch, batchesOf, commit, committed, create, fetch, offsetAt, send } from '../../support/broker/requests.ts'
import { createWorld } from '../../support/broker/worlds.ts'

const START_MS = 1_700_000_000_000
const COMPACT = { 'cleanup.policy': 'compact', 'internal.segment.bytes': '600' }

function createMachine() {
  const environment = new MemoryEnvironment({ clock: 'manual', startMs: START_MS })
  return { ...createWorld(environment), environment }
}

async function put(owner: Broker, topic: string, key: string, value: string | null, partition = 0): Promise<void> {
  const record = { key: Buffer.from(key), value: value === null ? null : Buffer.from(value), timestampMs: START_MS }
  await send(owner, topic, batch([record]), partition)
}

/** 40 values of 4 keys. */
async function fill(owner: Broker, topic: string, partition = 0): Promise<void> {
  for (let n = 0; n < 40; n++) await put(owner, topic, `k${n % 4}`, `value ${n}`, partition)
}

async function recordsOf(broker: Broker, topic: string, partition = 0): Promise<string[]> {
  const found: string[] = []
  for (let offset = 0; ; ) {
    const answer = await fetch(broker, topic, { partition, offset })
    expect(answer.error).toBeNull()
    const batches = batchesOf(answer)
    if (batches.length === 0) return found
    for (const each of batches) found.push(...each.records().map(({ key, value }) => `${key}=${value}`))
    offset = batches.at(-1)!.nextOffset
  }
}

/** Lets a compaction under way come to its end. */
async function settle(environment: MemoryEnvironment): Promise<void> {
  for (let turn = 0; turn < 200; turn++) await environment.timers.yield()
}

function checkpoint(environment: MemoryEnvironment): string | undefined {
  return readWholeFile(environment.files, '/data/cleaner-offset-checkpoint')?.toString()
}

/** Bytes of all segments. */
function bytesOf(environment: MemoryEnvironment, name: string): number {
  const sizes = logFiles(environment, name).map((file) => environment.files.stat(`/data/${name}/${file}`)!.sizeBytes)
  return sizes.reduce((total, sizeBytes) => total + sizeBytes, 0)
}

function logFiles(environment: MemoryEnvironment, name: string): string[] {
  return environment.files.list(`/data/${name}`).filter((file) => file.endsWith('.log'))
}

test('after 15 s a compacted topic has the newest value of each key, for followers too; others keep all', async () => {
  const { environment, own, follow } = createMachine()
  const owner = await own()
  await create(owner, 'cards', 2, COMPACT)
  await create(owner, 'events', 1, { 'internal.segment.bytes': '600' })
  const follower = follow()
  for (const partition of [0, 1]) await fill(owner, 'cards', partition)
  await fill(owner, 'events')
  expect(await recordsOf(follower, 'cards')).toHaveLength(40)
  environment.advance(14_999)
  await settle(environment)
  expect(await recordsOf(owner, 'cards')).toHaveLength(40)
  environment.advance(1)
  await settle(environment)
  for (const broker of [owner, follower, await createWorld(environment.crash()).own()]) {
    for (const partition of [0, 1]) {
      const records = await recordsOf(broker, 'cards', partition)
      expect(records.length).toBeLessThan(14)
      expect(records.slice(-4).sort()).toEqual(['k0=value 36', 'k1=value 37', 'k2=value 38', 'k3=value 39'])
    }
    expect(await recordsOf(broker, 'events')).toHaveLength(40)
    expect(await offsetAt(broker, 'cards', 'latest')).toMatchObject({ offset: 40 })
  }
  expect(bytesOf(environment, 'cards-0')).toBeLessThan(1500)
  const active = logFiles(environment, 'cards-0').sort().at(-1)!
  expect(checkpoint(environment)).toContain(`cards 0 ${Number(active.slice(0, 20))}\n`)
  environment.advance(60_000)
  expect(environment.files.list('/data/cards-0').filter((name) => name.endsWith('.deleted'))).toEqual([])
})

test('a little that is dirty is left alone until min.cleanable.dirty.ratio or max.compaction.lag.ms asks for it', async () => {
  const { environment, own } = createMachine()
  const first = await own()
  await create(first, 'cards', 1, COMPACT)
  for (let n = 0; n < 200; n++) await put(first, 'cards', `k${n}`, 'x')
  environment.advance(15_000)
  await settle(environment)
  await first.close()
  const owner = await own()
  for (let n = 0; n < 20; n++) await put(owner, 'cards', 'k', `${n}`)
  const isDirty = async () => (await recordsOf(owner, 'cards')).includes('k=0')
  environment.advance(15_000)
  await settle(environment)
  expect(await isDirty()).toBe(true)
  await owner.incrementalAlterConfigs({ topic: 'cards', configs: { 'max.compaction.lag.ms': '20000' } })
  environment.advance(15_000)
  await settle(environment)
  expect(await isDirty()).toBe(false)
})

test('commits of __consumer_offsets older than a week are compacted, and every group is where it was', async () => {
  const { environment, own, follow } = createMachine()
  let owner = await own()
  await create(owner, 't', 2)
  for (let n = 0; n < 60; n++) for (const partition of [0, 1]) await send(owner, 't', `${n}`, partition)
  for (let n = 1; n <= 50; n++) {
    for (const partition of [0, 1]) await commit(owner, 'g', 't', { partition, offset: n })
    if (n % 20 !== 0) continue
    // By Kafka's segment.ms: after a week the next commit begins a new segment.
    await owner.close()
    environment.advance(8 * 86_400_000)
    owner = await own()
  }
  const [name] = environment.files.list('/data').filter((each) => each.startsWith('__consumer_offsets-'))
  const before = bytesOf(environment, name!)
  expect(before).toBeGreaterThan(5000)
  await settle(environment)
  environment.advance(15_000)
  await settle(environment)
  expect(bytesOf(environment, name!)).toBeLessThan(before / 2)
  for (const broker of [owner, follow(), await createWorld(environment.crash()).own()]) {
    expect(await committed(broker, 'g')).toEqual(['t-0@50', 't-1@50'])
  }
})

test('where damage is in the way nothing is compacted, one warning says so, and other partitions go on', async () => {
  const { environment, own } = createMachine()
  const first = await own()
  await create(first, 'cards', 2, COMPACT)
  for (const partition of [0, 1]) await fill(first, 'cards', partition)
  await first.close()
  const path = '/data/cards-0/00000000000000000000.log'
  const file = environment.files.open(path, { write: true })
  file.write([Buffer.from([0xff])], 75)
  file.close()
  const owner = await own()
  for (let round = 0; round < 3; round++) {
    environment.advance(15_000)
    await settle(environment)
  }
  expect(environment.warnings.map(({ code }) => code)).toEqual(['TIDEMARK_COMPACTION_FAILED'])
  expect(environment.warnings[0]!.message).toMatch(/cards-0 cannot be compacted: at offset 0 it is damaged/)
  expect(bytesOf(environment, 'cards-0')).toBeGreaterThan(3000)
  expect(bytesOf(environment, 'cards-1')).toBeLessThan(1500)
  expect(environment.files.list('/data/cards-0').filter((name) => name.endsWith('.cleaned'))).toEqual([])
  await owner.close()
})

test('closing ends a compaction under way, and the next owner finishes it', async () => {
  const { environment, own } = createMachine()
  const first = await own()
  await create(first, 'cards', 1, COMPACT)
  await fill(first, 'cards')
  environment.advance(15_000)
  await first.close()
  const names = environment.files.list('/data/cards-0')
  expect(names.filter((name) => /\.(cleaned|swap)$/.test(name))).toEqual([])
  expect(environment.files.stat('/data/.kafka_cleanshutdown')).toBeDefined()
  await own()
  environment.advance(15_000)
  await settle(environment)
  expect(bytesOf(environment, 'cards-0')).toBeLessThan(1500)
})

test('compact,delete compacts what is young and deletes what is old', async () => {
  const { environment, own } = createMachine()
  const owner = await own()
  await create(owner, 'cards', 1, { ...COMPACT, 'cleanup.policy': 'compact,delete', 'retention.ms': '3600000' })
  await fill(owner, 'cards')
  environment.advance(15_000)
  await settle(environment)
  expect(await recordsOf(owner, 'cards')).toContain('k3=value 39')
  expect(bytesOf(environment, 'cards-0')).toBeLessThan(1500)
  environment.advance(4_000_000)
  await settle(environment)
  expect(await offsetAt(owner, 'cards', 'earliest')).toMatchObject({ offset: 40 })
})

test('a topic that is no longer to be compacted keeps what is left of it, and nobody takes the gaps for damage', async () => {
  const { environment, own, follow } = createMachine()
  const first = await own()
  await create(first, 'cards', 1, COMPACT)
  await fill(first, 'cards')
  environment.advance(15_000)
  await settle(environment)
  const left = await recordsOf(first, 'cards')
  expect(left.length).toBeLessThan(14)
  await first.incrementalAlterConfigs({ topic: 'cards', configs: { 'cleanup.policy': 'delete' } })
  const crashed = createWorld(environment.crash())
  for (const broker of [first, follow(), crashed.follow(), await crashed.own()]) {
    expect(await recordsOf(broker, 'cards')).toEqual(left)
  }
  await first.close()
  expect(await verifyDirectory('/data', { environment })).toEqual([])
  expect(await recordsOf(await own(), 'cards')).toEqual(left)
})

test('a checkpoint beyond the end of the log, which lost its tail, is not believed', async () => {
  const { environment, own } = createMachine()
  const first = await own()
  await create(first, 'cards', 1, COMPACT)
  await fill(first, 'cards')
  environment.advance(15_000)
  await settle(environment)
  await first.close()
  for (const name of logFiles(environment, 'cards-0')) environment.files.remove(`/data/cards-0/${name}`)
  const owner = await own()
  await fill(owner, 'cards')
  environment.advance(15_000)
  await settle(environment)
  expect((await recordsOf(owner, 'cards')).length).toBeLessThan(14)
})
