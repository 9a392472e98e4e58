import { expect, test } from 'vitest'
import type { ConsumeOptions } from '../../../sdk/client/consume-options.ts'
import { TidemarkError } from '../../../sdk/errors.ts'
import { encodeBatch } from '../../../sdk/record/batch-builder.ts'
import { createClient, turns, until } from './support/create-client.ts'

function createReader(partitions = 1, options: Partial<ConsumeOptions> = {}) {
  const client = createClient()
  client.broker.addTopic('t', partitions)
  const consumer = client.topic().consume({ group: 'g', ...options })
  const loop = consumer[Symbol.asyncIterator]()
  const take = async (count: number) => {
    const ids = []
    for (let n = 0; n < count; n++) ids.push((await loop.next()).value!.id)
    return ids
  }
  return { ...client, consumer, loop, take }
}

function marker(type: 'commit' | 'abort', producerId: number): Buffer {
  const key = Buffer.from([0, 0, 0, type === 'abort' ? 0 : 1])
  const options = { isControl: true, isTransactional: true, producerId, producerEpoch: 0 }
  return encodeBatch([{ key, value: Buffer.alloc(6), timestampMs: 1 }], options)
}

test('records come in order within a partition, and partitions take turns', async () => {
  const { broker, take } = createReader(3)
  for (let round = 0; round < 3; round++)
    for (let partition = 0; partition < 3; partition++) broker.append('t', partition, ['a', 'b'])
  const ids = await take(18)
  for (let partition = 0; partition < 3; partition++) {
    expect(ids.filter((id) => id.startsWith(`t-${partition}@`))).toEqual(
      [0, 1, 2, 3, 4, 5].map((n) => `t-${partition}@${n}`),
    )
  }
  expect(new Set(ids.slice(0, 6).map((id) => id.split('@')[0])).size).toBe(3)
})

test('a partition nobody takes from is read no further than its bound', async () => {
  const { broker, loop } = createReader(1, { maxBufferedBytes: 10_000 })
  for (let n = 0; n < 100; n++) broker.append('t', 0, ['x'.repeat(1_000)])
  await loop.next()
  await turns(5)
  const offsets = broker.seen('fetch').map(({ partitions }) => partitions[0]!.fetchOffset)
  expect(Math.max(...offsets)).toBeLessThan(20)
  for (let n = 1; n < 100; n++) await loop.next()
  expect((await loop.return!()).done).toBe(true)
})

test('a batch larger than the bound is read all the same', async () => {
  const { broker, take } = createReader(1, { maxBufferedBytes: 100 })
  broker.append('t', 0, ['x'.repeat(5_000), 'y'])
  broker.append('t', 0, ['z'])
  expect(await take(3)).toEqual(['t-0@0', 't-0@1', 't-0@2'])
})

test('a paused partition holds up nobody, and goes on where it was', async () => {
  const { broker, consumer, loop, take } = createReader(2)
  broker.append('t', 0, ['a', 'b', 'c', 'd'])
  broker.append('t', 1, ['a', 'b', 'c', 'd'])
  const [first] = await take(1)
  const paused = Number(first![2])
  const other = 1 - paused
  consumer.pause([{ topic: 't', partition: paused }])
  expect(await take(4)).toEqual([0, 1, 2, 3].map((n) => `t-${other}@${n}`))
  broker.append('t', other, ['e'])
  expect(await take(1)).toEqual([`t-${other}@4`])
  const next = loop.next()
  await turns(3)
  consumer.resume()
  expect((await next).value!.id).toBe(`t-${paused}@1`)
})

test('a long poll for some partitions is cut short as soon as another has room', async () => {
  const { broker, loop, take } = createReader(2, { maxBufferedBytes: 2_000 })
  for (let n = 0; n < 10; n++) broker.append('t', 0, ['x'.repeat(900)])
  await take(10)
  void loop.next()
  await turns(3)
  const last = broker.seen('fetch').at(-1)!
  expect(last.partitions.map(({ partition, fetchOffset }) => [partition, fetchOffset]).sort()).toEqual([
    [0, 10],
    [1, 0],
  ])
})

test('the next fetch is under way while records are handed out', async () => {
  const { broker, take } = createReader(1, { maxBufferedBytes: 4_000 })
  for (let n = 0; n < 20; n++) broker.append('t', 0, ['x'.repeat(900)])
  await take(1)
  await turns(2)
  expect(broker.seen('fetch').length).toBeGreaterThan(1)
})

test('control batches are no records, and the group passes over them', async () => {
  const { broker, environment, loop, take } = createReader(1, { commit: { idleMs: 0 } })
  broker.append('t', 0, ['a'])
  broker.appendBatch('t', 0, marker('commit', 1))
  broker.append('t', 0, ['b'])
  broker.appendBatch('t', 0, marker('commit', 1))
  expect(await take(2)).toEqual(['t-0@0', 't-0@2'])
  void loop.next()
  await turns(5)
  environment.advance(1_000)
  await until('the end was committed', () => broker.committed('t', 0) === 4)
})

test('read_committed leaves out what was aborted, and only that', async () => {
  const { broker, take } = createReader(1, { isolation: 'read_committed' })
  const inTransaction = (producerId: number) => ({ isTransactional: true, producerId, producerEpoch: 0 })
  broker.append('t', 0, ['aborted'], inTransaction(1))
  broker.append('t', 0, ['committed'], inTransaction(2))
  broker.append('t', 0, ['plain'])
  broker.append('t', 0, ['aborted too'], inTransaction(1))
  broker.appendBatch('t', 0, marker('abort', 1))
  broker.append('t', 0, ['committed later'], inTransaction(1))
  broker.appendBatch('t', 0, marker('commit', 2))
  broker.appendBatch('t', 0, marker('commit', 1))
  broker.partition('t', 0).aborted = [{ producerId: 1, firstOffset: 0 }]
  expect(await take(3)).toEqual(['t-0@1', 't-0@2', 't-0@5'])
})

test('batches compressed by any codec, and the middle of a batch, are read alike', async () => {
  const { broker, take } = createReader()
  for (const codec of ['gzip', 'zstd', 'none'] as const) broker.append('t', 0, ['a', 'b', 'c'], { codec })
  broker.commits.set('t-0', { topic: 't', partition: 0, offset: 4, leaderEpoch: 0, metadata: '' })
  expect(await take(5)).toEqual([4, 5, 6, 7, 8].map((n) => `t-0@${n}`))
})

function createDamaged(onDamage: 'throw' | 'skip') {
  const reader = createReader(1, { onDamage })
  for (let n = 0; n < 4; n++) reader.broker.append('t', 0, ['a', 'b'])
  // The value of the last record of offsets 2 and 3.
  const batch = reader.broker.partition('t', 0).batches[1]!
  batch[batch.length - 2]! ^= 0xff
  return reader
}

test('a damaged batch is told after the records before it were handed out and committed, with its range', async () => {
  const { broker, loop, take } = createDamaged('throw')
  expect(await take(2)).toEqual(['t-0@0', 't-0@1'])
  await expect(loop.next()).rejects.toMatchObject({
    code: 'CORRUPT_BATCH',
    partition: 0,
    offset: 2,
    message: expect.stringContaining('Offsets 2 to 3 of t-0 cannot be read'),
  })
  expect(broker.committed('t', 0)).toBe(2)
  expect(broker.members.size).toBe(0)
})

test('onDamage: skip warns and goes on behind the damage', async () => {
  const { environment, take } = createDamaged('skip')
  expect(await take(6)).toEqual([0, 1, 4, 5, 6, 7].map((n) => `t-0@${n}`))
  expect(environment.warnings).toEqual([
    { code: 'TIDEMARK_DAMAGE_SKIPPED', message: expect.stringContaining('Offsets 2 to 3 of t-0') },
  ])
})

test('an answer that was asked for before damage was skipped is not taken for the records behind the damage', async () => {
  const { broker, take } = createDamaged('skip')
  let release = () => {}
  broker.override('fetch', async ({ partitions }, usual) => {
    if (partitions[0]!.fetchOffset === 8) {
      await new Promise<void>((resolve) => {
        release = resolve
      })
      broker.append('t', 0, ['late'])
    }
    return await usual()
  })
  await take(2)
  const next = take(5)
  await turns(2)
  release()
  expect(await next).toEqual([4, 5, 6, 7, 8].map((n) => `t-0@${n}`))
})

test('after damage the leader epoch is not known, so it is not committed', async () => {
  const { broker, loop, take, consumer } = createDamaged('skip')
  await take(2)
  const batch = broker.partition('t', 0).batches[2]!
  batch[batch.length - 2]! ^= 0xff
  await take(1)
  void loop
  await consumer.close()
  expect(broker.seen('offsetCommit').at(-1)!.offsets[0]).toMatchObject({ offset: 6, leaderEpoch: -1 })
})

test('damage the broker tells of is skipped to where it says, or thrown where it cannot say', async () => {
  const { broker, loop, take } = createReader(1, { onDamage: 'skip' })
  broker.append('t', 0, ['a', 'b', 'c'])
  let nextReadableOffset: number | undefined = 1
  broker.override('fetch', async ({ partitions }, usual) => {
    const { topic, partition, fetchOffset } = partitions[0]!
    if (fetchOffset !== 0 && fetchOffset !== 3) return await usual()
    const error = { code: 'CORRUPT_BATCH' as const, message: 'zeros' }
    const ends = { highWatermark: 5, lastStableOffset: 5, logStartOffset: 0, abortedTransactions: [] }
    return { partitions: [{ topic, partition, error, ...ends, records: Buffer.alloc(0), nextReadableOffset }] }
  })
  const first = take(1)
  await turns(1)
  nextReadableOffset = undefined
  expect(await first).toEqual(['t-0@1'])
  expect(await take(1)).toEqual(['t-0@2'])
  await expect(loop.next()).rejects.toMatchObject({
    code: 'CORRUPT_BATCH',
    message: expect.stringContaining('From offset 3 on'),
  })
})

test('after a failure for good nothing is fetched any more, however long the body in hand takes', async () => {
  const { broker, loop } = createReader()
  broker.append('t', 0, ['a'])
  await loop.next()
  await turns(2)
  let asked = 0
  broker.override('fetch', async () => {
    // Asked again and again in one turn of the event loop, this test would never end.
    if (++asked > 10) throw new TidemarkError('COORDINATOR_NOT_AVAILABLE')
    throw new TidemarkError('CLOSED')
  })
  broker.append('t', 0, ['b'])
  await turns(10)
  expect(asked).toBeLessThanOrEqual(1)
  await expect(loop.next()).rejects.toMatchObject({ code: 'CLOSED' })
})

test('a request that fails for a while is asked again; one that fails for good ends the loop', async () => {
  const { broker, environment, loop } = createReader()
  broker.append('t', 0, ['a'])
  broker.override('fetch', async () => {
    throw new TidemarkError('REQUEST_TIMED_OUT')
  })
  const next = loop.next()
  await turns(3)
  broker.restore('fetch')
  environment.advance(100)
  expect((await next).value!.id).toBe('t-0@0')
  broker.override('fetch', async () => {
    throw new TidemarkError('STORAGE_ERROR', 'the disk is gone')
  })
  broker.append('t', 0, ['b'])
  await expect(loop.next().then(() => loop.next())).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
})
