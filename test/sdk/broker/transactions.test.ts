/** Transactions through the port: InitProducerId, Produce, TxnOffsetCommit, EndTxn. */
import { expect, test } from 'vitest'
import type { Broker } from '../../../sdk/broker/broker.ts'
import { Owner } from '../../../sdk/broker/owner.ts'
import type { CrashOptions } from '../../../sdk/environment/memory-disk.ts'
import { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import { verifyDirectory } from '../../../sdk/inspect.ts'
import { readingNeighbour } from '../../support/broker/reading-neighbour.ts'
import {
  batch,
  batchesOf,
  beat,
  commit,
  committed,
  create,
  fetch,
  member,
  offsetAt,
  send,
} from '../../support/broker/requests.ts'
import { Sender, visible } from '../../support/broker/sender.ts'
import { watchedEnvironment } from '../../support/broker/watched-environment.ts'
import { createWorld, PATH, testOwners } from '../../support/broker/worlds.ts'

const OPTIONS = { waitMs: 0, survives: 'power-loss' } as const

async function stableOffset(broker: Broker, topic = 't', partition = 0): Promise<[lastStable: number, end: number]> {
  const { lastStableOffset, highWatermark } = await fetch(broker, topic, { isolation: 'read_committed', partition })
  return [lastStableOffset, highWatermark]
}

testOwners(
  'what a transaction wrote to several partitions and committed of a group shows when it is committed',
  async (world) => {
    const owner = await world.own()
    await create(owner, 't', 2)
    await create(owner, 'u')
    const sender = await Sender.begin(owner)
    await sender.send('a')
    await sender.send('b', 't', 1)
    await sender.send('c', 'u')
    await sender.commitOffset('g', 1)
    expect([await visible(owner), await visible(owner, 't', 1), await committed(owner, 'g')]).toEqual([[], [], []])
    const stable = await owner.offsetFetch({
      group: 'g',
      partitions: [{ topic: 't', partition: 0 }],
      requireStable: true,
    })
    expect(stable.partitions[0]?.error?.code).toBe('UNSTABLE_OFFSET_COMMIT')
    await sender.end('commit')
    await owner.close()
    for (const reader of [await world.own(), world.follow()]) {
      expect([await visible(reader), await visible(reader, 't', 1), await visible(reader, 'u')]).toEqual([
        ['a'],
        ['b'],
        ['c'],
      ])
      expect(await committed(reader, 'g')).toEqual(['t-0@1'])
    }
  },
)

testOwners('an aborted transaction shows nowhere, what others wrote meanwhile does', async (world) => {
  const owner = await world.own()
  await create(owner, 't')
  const sender = await Sender.begin(owner)
  await sender.send('never')
  await send(owner, 't', 'plain')
  await sender.commitOffset('g', 1)
  await sender.end('abort')
  await sender.send('later')
  await sender.end('commit')
  await owner.close()
  for (const reader of [await world.own(), world.follow()]) {
    expect(await visible(reader)).toEqual(['plain', 'later'])
    expect(await committed(reader, 'g')).toEqual([])
  }
  expect(
    (await verifyDirectory(world.path, { environment: world.environment })).filter(
      ({ severity }) => severity !== 'note',
    ),
  ).toEqual([])
})

test('a neighbour that reads from files leaves out what was aborted, and stops at the first open transaction', async () => {
  const world = createWorld()
  const owner = await world.own()
  await create(owner, 't')
  const [one, other] = [await Sender.begin(owner, 'one'), await Sender.begin(owner, 'other')]
  for (let n = 0; n < 40; n++) {
    const sender = n % 2 === 0 ? one : other
    await sender.send(`${n} `.padEnd(20_000, 'x'))
    if (n % 5 === 3) await sender.end(n % 3 === 0 ? 'commit' : 'abort')
  }
  const reading = await readingNeighbour(world)
  const open = await visible(owner)
  expect(open.map((value) => Number.parseInt(value, 10))).toEqual([1, 3, 10, 12, 14, 16, 18, 25, 27, 29, 31, 33])
  expect(await visible(reading.neighbour)).toEqual(open)
  await other.end('commit')
  const { bytesRead } = reading
  expect(await visible(reading.neighbour)).toEqual([...open, ...(await visible(owner)).slice(open.length)])
  expect([bytesRead, reading.bytesRead - bytesRead].every((bytes) => bytes > 30 * 20_000)).toBe(true)
})

test('readers wait at the first open transaction, and are woken by its end', async () => {
  const owner = await createWorld().own()
  await create(owner, 't')
  const [one, other] = [await Sender.begin(owner, 'one'), await Sender.begin(owner, 'other')]
  await one.send('a')
  await other.send('b')
  await other.end('commit')
  expect(await visible(owner)).toEqual([])
  const waiting = fetch(owner, 't', { isolation: 'read_committed', maxWaitMs: 30_000 })
  await one.end('commit')
  expect(batchesOf(await waiting).length).toBeGreaterThan(0)
  expect(await visible(owner)).toEqual(['a', 'b'])
})

test('asked again how it ended, by a client that got no answer, the broker and the next one say the same', async () => {
  const machine = new MemoryEnvironment()
  const owner = await Owner.open(machine, PATH, OPTIONS)
  await create(owner, 't')
  const sender = await Sender.begin(owner)
  await sender.send('a')
  const before = sender.producer
  await sender.end('commit')
  const after = sender.producer
  const again = { transactionalId: 'tx', ...before }
  expect(await owner.endTxn({ ...again, result: 'commit' })).toEqual(after)
  await expect(owner.endTxn({ ...again, result: 'abort' })).rejects.toMatchObject({ code: 'PRODUCER_FENCED' })
  const next = await Owner.open(machine.crash({ keepUnsynced: 'none' }), PATH, OPTIONS)
  expect(await next.endTxn({ ...again, result: 'commit' })).toEqual(after)
  expect(await visible(next)).toEqual(['a'])
  await next.close()
})

test('asked again at any time while it is being committed, the broker always answers the same', async () => {
  const environment = new MemoryEnvironment()
  const owner = await createWorld(environment).own()
  await create(owner, 't')
  const sender = await Sender.begin(owner)
  await sender.send('a')
  const request = { transactionalId: 'tx', ...sender.producer, result: 'commit' } as const
  let isOver = false
  const answers = [owner.endTxn(request).finally(() => (isOver = true))]
  while (!isOver) {
    answers.push(owner.endTxn(request))
    await (answers.length % 5 === 0 ? environment.timers.yield() : undefined)
  }
  expect(answers.length).toBeGreaterThan(5)
  expect(new Set((await Promise.all(answers)).map((answer) => JSON.stringify(answer))).size).toBe(1)
  expect(await visible(owner)).toEqual(['a'])
})

test('whoever takes the directory aborts what was open: its producer is too late with everything', async () => {
  const machine = new MemoryEnvironment()
  const owner = await Owner.open(machine, PATH, OPTIONS)
  await create(owner, 't')
  const sender = await Sender.begin(owner)
  await sender.send('a')
  await sender.commitOffset('g', 1)
  const next = await Owner.open(machine.crash({ keepUnsynced: 'all' }), PATH, OPTIONS)
  await expect.poll(() => stableOffset(next)).toEqual([2, 2])
  const late = await next.produce({
    transactionalId: 'tx',
    partitions: [
      {
        topic: 't',
        partition: 0,
        records: batch(['late'], { ...sender.producer, baseSequence: 1, isTransactional: true }),
      },
    ],
  })
  expect(late.partitions[0]?.error?.code).toBe('PRODUCER_FENCED')
  await expect(sender.end('commit', next)).rejects.toMatchObject({ code: 'PRODUCER_FENCED' })
  expect([await visible(next), await committed(next, 'g')]).toEqual([[], []])
  const again = await Sender.begin(next)
  await again.send('b')
  await again.end('commit')
  expect(await visible(next)).toEqual(['b'])
  await next.close()
})

test('after an orderly stop too', async () => {
  const world = createWorld()
  const owner = await world.own()
  await create(owner, 't')
  const sender = await Sender.begin(owner)
  await sender.send('a')
  await owner.close()
  const next = await world.own()
  await expect.poll(() => stableOffset(next)).toEqual([2, 2])
  await expect(sender.end('commit', next)).rejects.toMatchObject({ code: 'PRODUCER_FENCED' })
})

test('a transaction that is open for too long is aborted, and holds nobody up any more', async () => {
  const environment = new MemoryEnvironment({ clock: 'manual' })
  const owner = await createWorld(environment).own()
  await create(owner, 't')
  const [slow, quick] = [await Sender.begin(owner, 'slow', 10_000), await Sender.begin(owner, 'quick')]
  await slow.send('slow')
  await quick.send('quick')
  environment.advance(9_999)
  expect((await stableOffset(owner))[0]).toBe(0)
  environment.advance(1)
  await expect.poll(async () => (await stableOffset(owner))[0]).toBe(1)
  await expect(slow.send('more')).rejects.toMatchObject({ code: 'PRODUCER_FENCED' })
  await expect(slow.end('commit')).rejects.toMatchObject({ code: 'PRODUCER_FENCED' })
  await quick.end('commit')
  expect(await visible(owner)).toEqual(['quick'])
})

test('whoever begins with the same name fences who had it, and aborts what it left open', async () => {
  const owner = await createWorld().own()
  await create(owner, 't')
  const first = await Sender.begin(owner)
  await first.send('a')
  const second = await Sender.begin(owner)
  expect(second.producer.producerEpoch).toBeGreaterThan(first.producer.producerEpoch)
  await expect(first.send('b')).rejects.toMatchObject({ code: 'PRODUCER_FENCED' })
  await second.send('c')
  await second.end('commit')
  expect(await visible(owner)).toEqual(['c'])
})

test('a member commits in a transaction what it may commit: with its epoch, and as long as it is one', async () => {
  const owner = await createWorld().own()
  await create(owner, 't')
  const { memberEpoch } = await beat(owner, 'g', member(1), { subscribedTopicNames: ['t'] })
  const sender = await Sender.begin(owner)
  await expect(sender.commitOffset('g', 5)).rejects.toMatchObject({ code: 'UNKNOWN_MEMBER_ID' })
  await expect(sender.commitOffset('g', 5, member(2), memberEpoch)).rejects.toMatchObject({ code: 'UNKNOWN_MEMBER_ID' })
  await expect(sender.commitOffset('g', 5, member(1), memberEpoch + 1)).rejects.toMatchObject({
    code: 'STALE_MEMBER_EPOCH',
  })
  await sender.commitOffset('g', 5, member(1), memberEpoch)
  await sender.end('commit')
  expect(await committed(owner, 'g')).toEqual(['t-0@5'])
})

test('a commit beside the transaction that comes after its own is the later one', async () => {
  const owner = await createWorld().own()
  await create(owner, 't')
  const sender = await Sender.begin(owner)
  await sender.commitOffset('g', 5)
  await commit(owner, 'g', 't', 7)
  await sender.end('commit')
  expect(await committed(owner, 'g')).toEqual(['t-0@7'])
})

test('batches and their transactions have to belong together', async () => {
  const owner = await createWorld().own()
  await create(owner, 't')
  const { producer } = await Sender.begin(owner)
  const records = () => batch(['x'], { ...producer, baseSequence: 0, isTransactional: true })
  const plain = batch(['x'], { ...producer, baseSequence: 0 })
  const codeOf = async (transactionalId: string | undefined, bytes: Buffer) => {
    const { partitions } = await owner.produce({
      transactionalId,
      partitions: [{ topic: 't', partition: 0, records: bytes }],
    })
    return partitions[0]!.error?.code
  }
  expect(await codeOf(undefined, records())).toBe('INVALID_RECORD')
  expect(await codeOf('tx', plain)).toBe('INVALID_RECORD')
  expect(await codeOf('nobody', records())).toBe('PRODUCER_FENCED')
  await expect(owner.endTxn({ transactionalId: 'tx', ...producer, result: 'commit' })).rejects.toMatchObject({
    code: 'INVALID_TXN_STATE',
  })
  expect(await codeOf('tx', records())).toBeUndefined()
})

test('a topic that is deleted while a transaction writes to it keeps the rest from nothing', async () => {
  const owner = await createWorld().own()
  await create(owner, 't')
  await create(owner, 'gone')
  const sender = await Sender.begin(owner)
  await sender.send('a')
  await sender.send('b', 'gone')
  await owner.deleteTopics({ topics: ['gone'] })
  await sender.end('commit')
  expect(await visible(owner)).toEqual(['a'])
})

test('transactional names that nobody used for a week are forgotten', async () => {
  const environment = new MemoryEnvironment({ clock: 'manual' })
  const world = createWorld(environment)
  const owner = await world.own()
  await create(owner, 't')
  const old = await Sender.begin(owner, 'old')
  await old.send('a')
  await old.end('commit')
  environment.advance(6 * 86_400_000)
  const young = await Sender.begin(owner, 'young')
  await young.send('b')
  await young.end('commit')
  await owner.close()
  environment.advance(2 * 86_400_000)
  const next = await world.own()
  await expect(old.end('commit', next)).rejects.toMatchObject({ message: expect.stringContaining('nobody') })
  await expect(young.end('commit', next)).rejects.toMatchObject({ code: 'INVALID_TXN_STATE' })
})

test('an index of aborted transactions that a crash took is made again', async () => {
  const machine = new MemoryEnvironment()
  const owner = await Owner.open(machine, PATH, OPTIONS)
  await create(owner, 't')
  const sender = await Sender.begin(owner)
  for (const result of ['abort', 'commit', 'abort'] as const) {
    await sender.send(result)
    await sender.end(result)
  }
  const environment = machine.crash({ keepUnsynced: 'all' })
  const indexes = environment.files.list(`${PATH}/t-0`).filter((name) => name.endsWith('.txnindex'))
  expect(indexes.length).toBeGreaterThan(0)
  for (const name of indexes) environment.files.remove(`${PATH}/t-0/${name}`)
  const next = await Owner.open(environment, PATH, OPTIONS)
  expect(await visible(next)).toEqual(['commit'])
  await next.close()
})

interface Crash {
  readonly environment: MemoryEnvironment
  readonly options: CrashOptions
  readonly acknowledged: readonly number[]
  readonly what: string
}

const SEED = Number(process.env['SEED'] ?? 1)

test(`after a crash at any operation of a disk a transaction is there as a whole, or not at all (SEED=${SEED})`, {
  timeout: 120_000,
}, async () => {
  const machine = new MemoryEnvironment({ clock: 'manual', seed: SEED })
  const acknowledged: number[] = []
  const crashes: Crash[] = []
  let operation = 0
  const environment = watchedEnvironment(machine, () => {
    const keepUnsynced = (['none', SEED * 1_000 + operation, 'all'] as const)[operation % 3]!
    const options = { keepUnsynced }
    const what = `SEED=${SEED} operation ${operation++} keepUnsynced ${keepUnsynced}`
    crashes.push({ environment: machine.crash(options), options, acknowledged: [...acknowledged], what })
  })
  let owner = await Owner.open(environment, PATH, OPTIONS)
  await create(owner, 't', 2)
  // Even ones are committed.
  let sender = await Sender.begin(owner)
  for (let n = 0; n < 9; n++) {
    if (n === 5) {
      await owner.close()
      owner = await Owner.open(environment, PATH, OPTIONS)
      sender = await Sender.begin(owner)
    }
    await sender.send(`${n}`)
    if (n === 3) await send(owner, 't', 'plain')
    await sender.send(`${n}`, 't', 1)
    await sender.commitOffset(`g${n}`, n)
    await sender.end(n % 2 === 0 ? 'commit' : 'abort')
    if (n % 2 === 0) acknowledged.push(n)
  }
  await sender.send('open')
  await sender.commitOffset('open', 1)
  await owner.close()
  expect(crashes.length).toBeGreaterThan(100)
  for (const crash of crashes) await checkAfter(crash)
})

async function checkAfter({ environment, options, acknowledged, what }: Crash): Promise<void> {
  const owner = await Owner.open(environment, PATH, OPTIONS)
  const exists = (await owner.metadata({ topics: ['t'] })).topics.length > 0
  if (exists) {
    const [zero, one] = [await visible(owner), await visible(owner, 't', 1)]
    const numbers = zero.filter((value) => value !== 'plain')
    expect(one, `both partitions have the same, ${what}`).toEqual(numbers)
    const groups = (await Promise.all(numbers.map((n) => committed(owner, `g${n}`)))).flat()
    expect(groups, what).toEqual(numbers.map((n) => `t-0@${n}`))
    for (let n = 0; n < 9; n++) {
      if (!numbers.includes(`${n}`)) expect(await committed(owner, `g${n}`), `${n}, ${what}`).toEqual([])
    }
    for (const n of acknowledged) expect(numbers, what).toContain(`${n}`)
    for (const partition of [0, 1]) {
      const [stable, end] = await stableOffset(owner, 't', partition)
      expect(stable, `nothing is open, ${what}`).toBe(end)
    }
    const sender = await Sender.begin(owner)
    await sender.send('after')
    await sender.end('commit')
    expect((await visible(owner)).at(-1), what).toBe('after')
    expect((await offsetAt(owner, 't', 'latest', { isolation: 'read_committed' })).error, what).toBeNull()
  }
  await owner.close()
  const findings = await verifyDirectory(PATH, { environment })
  expect(
    findings.filter(({ severity }) => severity !== 'note'),
    `${what} ${options.keepUnsynced}`,
  ).toEqual([])
}
