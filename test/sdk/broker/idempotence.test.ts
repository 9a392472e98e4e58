/** InitProducerId, and Produce of batches that may come twice. */
import { expect, test } from 'vitest'
import type { Broker } from '../../../sdk/broker/broker.ts'
import { Owner } from '../../../sdk/broker/owner.ts'
import { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import { readWholeFile } from '../../../sdk/log/whole-file.ts'
import type { BuildOptions } from '../../../sdk/record/batch-builder.ts'
import { batch, create, offsetAt, produce, readAll, send } from '../../support/broker/requests.ts'
import { watchedEnvironment } from '../../support/broker/watched-environment.ts'
import { createWorld, PATH, testOwners } from '../../support/broker/worlds.ts'

const OPTIONS = { waitMs: 0, survives: 'power-loss' } as const

async function idOf(owner: Broker): Promise<number> {
  return (await owner.initProducerId({ transactionalId: null, transactionTimeoutMs: -1 })).producerId
}

/** Batch n of a producer: one record, `n`. */
function numbered(n: number, options: BuildOptions = {}): Buffer {
  return batch([`${n}`], { producerId: 7, producerEpoch: 0, baseSequence: n, ...options })
}

testOwners('a producer id is handed out once, also over restarts', async (world) => {
  const ids = new Set<number>()
  for (let ownership = 0; ownership < 3; ownership++) {
    const owner = await world.own()
    for (const id of await Promise.all(Array.from({ length: 1_001 }, () => idOf(owner)))) ids.add(id)
    await owner.close()
  }
  expect(ids.size).toBe(3_003)
})

test('a producer id is handed out once, whatever operation of the disk the power goes at', async () => {
  const machine = new MemoryEnvironment()
  const given = new Set<number>()
  const crashes: { readonly environment: MemoryEnvironment; readonly given: ReadonlySet<number> }[] = []
  const environment = watchedEnvironment(machine, () => {
    crashes.push({ environment: machine.crash({ keepUnsynced: 'none' }), given: new Set(given) })
  })
  const owner = await Owner.open(environment, PATH, OPTIONS)
  for (let n = 0; n < 2_001; n++) given.add(await idOf(owner))
  await owner.close()
  expect(crashes.length).toBeGreaterThan(20)
  for (const [operation, crash] of crashes.entries()) {
    const again = await Owner.open(crash.environment, PATH, OPTIONS)
    expect(crash.given.has(await idOf(again)), `operation ${operation}`).toBe(false)
    await again.close()
  }
})

testOwners('each of the last five batches, sent again, is answered with the offset it has', async (world) => {
  const owner = await world.own()
  await create(owner, 't')
  for (let n = 0; n < 7; n++) expect(await send(owner, 't', numbered(n))).toBe(n)
  for (const n of [6, 2, 4, 3, 5, 6]) expect(await send(owner, 't', numbered(n)), `batch ${n}`).toBe(n)
  expect((await produce(owner, 't', numbered(1))).error?.code).toBe('OUT_OF_ORDER_SEQUENCE')
  expect(await send(owner, 't', numbered(7))).toBe(7)
  expect((await readAll(owner, 't')).length).toBe(8)
})

testOwners('the next owner knows the last five batches too', async (world) => {
  const first = await world.own()
  await create(first, 't')
  for (let n = 0; n < 4; n++) {
    await send(first, 't', numbered(n))
    // Those of others are between them.
    await send(first, 't', 'other')
  }
  await first.close()
  const second = await world.own()
  for (let n = 4; n < 7; n++) await send(second, 't', numbered(n))
  await second.close()
  const third = await world.own()
  for (const n of [2, 3, 4, 5, 6]) expect(await send(third, 't', numbered(n)), `batch ${n}`).toBe(n < 4 ? 2 * n : 4 + n)
  expect((await produce(third, 't', numbered(1))).error?.code).toBe('OUT_OF_ORDER_SEQUENCE')
  expect(await send(third, 't', numbered(7))).toBe(11)
})

test('after a kill, at any batch, what the old owner had appended is not appended again', async () => {
  for (let count = 1; count <= 20; count++) {
    const machine = new MemoryEnvironment()
    const first = await Owner.open(machine, PATH, OPTIONS)
    // Segments of three batches: a snapshot, which has but the newest, is never far.
    await create(first, 't', 1, { 'segment.bytes': '1048576' })
    const large = (n: number) => batch(['x'.repeat(300_000)], { producerId: 7, producerEpoch: 0, baseSequence: n })
    for (let n = 0; n < count; n++) await send(first, 't', large(n))
    const owner = await Owner.open(machine.crash({ keepUnsynced: 'all' }), PATH, OPTIONS)
    for (let n = Math.max(0, count - 5); n < count; n++) expect(await send(owner, 't', large(n))).toBe(n)
    expect((await offsetAt(owner, 't', 'latest')).offset).toBe(count)
    expect(await send(owner, 't', large(count))).toBe(count)
    await owner.close()
  }
})

test('a gap is refused, and nothing of it is stored', async () => {
  const owner = await createWorld().own()
  await create(owner, 't')
  await send(owner, 't', numbered(0))
  expect((await produce(owner, 't', numbered(2))).error).toMatchObject({
    code: 'OUT_OF_ORDER_SEQUENCE',
    message: expect.stringContaining('sequence 2 to t-0, where 1 is next'),
  })
  expect(await send(owner, 't', numbered(1))).toBe(1)
})

test('who is not known begins anywhere; a new epoch begins with 0 and ends the old one', async () => {
  const owner = await createWorld().own()
  await create(owner, 't', 2)
  expect(await send(owner, 't', numbered(41))).toBe(0)
  expect(await send(owner, 't', numbered(42))).toBe(1)
  expect((await produce(owner, 't', numbered(43, { producerEpoch: 1 }))).error?.code).toBe('OUT_OF_ORDER_SEQUENCE')
  expect(await send(owner, 't', numbered(0, { producerEpoch: 1 }))).toBe(2)
  expect((await produce(owner, 't', numbered(43))).error?.code).toBe('INVALID_PRODUCER_EPOCH')
  expect(await send(owner, 't', numbered(0, { producerEpoch: 1 }))).toBe(2)
  // Each partition has a sequence of its own.
  expect(await send(owner, 't', numbered(5), 1)).toBe(0)
})

test('sequences wrap', async () => {
  const owner = await createWorld().own()
  await create(owner, 't')
  const last = batch(['a', 'b', 'c'], { producerId: 7, producerEpoch: 0, baseSequence: 0x7fff_fffe })
  expect(await send(owner, 't', Buffer.from(last))).toBe(0)
  expect(await send(owner, 't', numbered(1))).toBe(3)
  expect(await send(owner, 't', last)).toBe(0)
})

test('a batch that comes again to a topic with LogAppendTime is answered with the time it has', async () => {
  const environment = new MemoryEnvironment({ clock: 'manual' })
  const owner = await createWorld(environment).own()
  await create(owner, 't', 1, { 'message.timestamp.type': 'LogAppendTime' })
  const first = await produce(owner, 't', numbered(0))
  expect(first.logAppendTimeMs).toBe(environment.clock.nowMs())
  environment.advance(5_000)
  expect(await produce(owner, 't', numbered(0))).toEqual(first)
})

test('a batch of which only a part was stored under its numbers is no batch that came before', async () => {
  const owner = await createWorld().own()
  await create(owner, 't')
  await send(owner, 't', batch(['a', 'b'], { producerId: 7, producerEpoch: 0, baseSequence: 0 }))
  expect((await produce(owner, 't', numbered(0))).error?.code).toBe('OUT_OF_ORDER_SEQUENCE')
})

test('producers are forgotten a day after their last batch, but for the last 64', async () => {
  const environment = new MemoryEnvironment({ clock: 'manual' })
  const owner = await createWorld(environment).own()
  await create(owner, 't')
  const from = async (producerId: number, baseSequence: number) => {
    const record = { key: null, value: Buffer.from('x'), timestampMs: environment.clock.nowMs() }
    return await produce(owner, 't', batch([record], { producerId, producerEpoch: 0, baseSequence }))
  }
  for (let producerId = 0; producerId < 100; producerId++) await from(producerId, 0)
  environment.advance(86_400_000)
  expect((await from(5, 3)).error?.code).toBe('OUT_OF_ORDER_SEQUENCE')
  for (let producerId = 100; producerId < 200; producerId++) await from(producerId, 0)
  expect((await from(5, 3)).error).toBeNull()
  expect((await from(199, 3)).error?.code).toBe('OUT_OF_ORDER_SEQUENCE')
  await owner.close()
  environment.advance(86_400_000)
  const next = await createWorld(environment).own()
  const again = batch(['x'], { producerId: 199, producerEpoch: 0, baseSequence: 3 })
  expect((await produce(next, 't', again)).error?.code).toBe('OUT_OF_ORDER_SEQUENCE')
})

test('a producer without a sequence is refused', async () => {
  const owner = await createWorld().own()
  await create(owner, 't')
  const { error } = await produce(owner, 't', numbered(-1))
  expect(error?.code).toBe('INVALID_RECORD')
})

test('an id that was given out before, since the metadata log is an older copy, swallows nothing', async () => {
  const machine = new MemoryEnvironment()
  const world = createWorld(machine)
  const first = await world.own()
  await create(first, 't')
  await first.close()
  const log = `${PATH}/__cluster_metadata-0/00000000000000000000.log`
  const older = readWholeFile(machine.files, log)!
  const second = await world.own()
  const producerId = await idOf(second)
  await send(second, 't', numbered(0, { producerId }))
  await second.close()
  const file = machine.files.open(log, { write: true })
  file.truncate(older.length)
  file.write([older], 0)
  file.close()
  const third = await world.own()
  expect(await idOf(third)).toBe(producerId)
  const { error } = await produce(third, 't', numbered(0, { producerId }))
  expect(error).toMatchObject({
    code: 'OUT_OF_ORDER_SEQUENCE',
    message: expect.stringContaining('metadata log is older'),
  })
  expect(await send(third, 't', numbered(0, { producerId, producerEpoch: 1 }))).toBe(1)
})

test('sends that wait for an ownership to begin are appended before those that find it begun', async () => {
  const owner = await createWorld().own()
  await create(owner, 't')
  const answers: Promise<number>[] = []
  for (let n = 0; n < 200; n++) {
    answers.push(send(owner, 't', numbered(n)))
    await Promise.resolve()
  }
  expect(await Promise.all(answers)).toEqual(Array.from({ length: 200 }, (_, n) => n))
})
