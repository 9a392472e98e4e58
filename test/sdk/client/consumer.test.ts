import { expect, test } from 'vitest'
import type { ConsumeOptions } from '../../../sdk/client/consume-options.ts'
import { Consumer } from '../../../sdk/client/consumer.ts'
import { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import { open } from '../../../sdk/index.ts'
import { createClient, turns, until } from './support/create-client.ts'

function createConsumer(options: Partial<ConsumeOptions> = {}, records = 10) {
  const client = createClient()
  client.broker.addTopic('t')
  if (records > 0)
    client.broker.append(
      't',
      0,
      Array.from({ length: records }, (_, n) => `${n}`),
    )
  const consumer = client.topic().consume({ group: 'g', ...options })
  return { ...client, consumer, committed: () => client.broker.committed('t', 0) }
}

test('a consumer can be looped over once', async () => {
  const { consumer } = createConsumer()
  for await (const _ of consumer) break
  await expect(async () => {
    for await (const _ of consumer) break
  }).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  expect(() => consumer.batches()[Symbol.asyncIterator]()).toThrow('looped over once')
})

test('limit ends the loop after so many records, all of which count', async () => {
  const { broker, consumer, committed } = createConsumer({ limit: 4 })
  const values = []
  for await (const { value } of consumer) values.push(value)
  expect(values).toEqual(['0', '1', '2', '3'])
  expect(committed()).toBe(4)
  expect(broker.members.size).toBe(0)
})

test('limit counts records in batches too', async () => {
  const { consumer, committed } = createConsumer({ limit: 7 })
  const counts = []
  for await (const { records } of consumer.batches({ maxRecords: 3 })) counts.push(records.length)
  expect(counts).toEqual([3, 3, 1])
  expect(committed()).toBe(7)
})

test('without follow the loop ends at the end that was there when it got the partition', async () => {
  const { broker, consumer, committed } = createConsumer({ follow: false })
  let count = 0
  for await (const _ of consumer) if (count++ === 0) broker.append('t', 0, ['later'])
  expect(count).toBe(10)
  expect(committed()).toBe(10)
})

test('without follow an empty topic ends at once', async () => {
  const { consumer } = createConsumer({ follow: false }, 0)
  for await (const _ of consumer) throw new Error('there was a record')
})

test('without follow the loop waits for what the group is about to give it', async () => {
  const { broker, environment, consumer } = createConsumer({ follow: false })
  const place = { topic: 't', partition: 0 }
  broker.override('consumerGroupHeartbeat', async (request, usual) => {
    const answer = await usual()
    return request.memberEpoch === 0 ? { ...answer, assignment: [] } : answer
  })
  broker.override('consumerGroupDescribe', async (_, usual) => {
    const { groups } = await usual()
    return {
      groups: groups.map((group) => ({
        ...group,
        members: group.members.map((member) => ({ ...member, assignment: [] })),
      })),
    }
  })
  const loop = consumer[Symbol.asyncIterator]()
  let isAnswered = false
  const first = loop.next().then((result) => {
    isAnswered = true
    return result
  })
  for (let n = 0; n < 5; n++) {
    await turns(2)
    environment.advance(100)
  }
  expect(isAnswered).toBe(false)
  broker.restore('consumerGroupHeartbeat')
  broker.restore('consumerGroupDescribe')
  broker.assign(broker.seen('consumerGroupHeartbeat')[0]!.memberId, [place])
  environment.advance(5_000)
  expect((await first).value?.offset).toBe(0)
})

test('a signal that is aborted already: the loop does not even join', async () => {
  const { broker, consumer } = createConsumer({ signal: AbortSignal.abort() })
  for await (const _ of consumer) throw new Error('there was a record')
  expect(broker.requests).toEqual([])
})

test('a signal ends a loop that waits, commits and leaves', async () => {
  const controller = new AbortController()
  const { broker, consumer, committed } = createConsumer({ signal: controller.signal })
  const run = (async () => {
    for await (const _ of consumer);
  })()
  await until('everything was processed', () => committed() === 10)
  controller.abort()
  await run
  expect(broker.members.size).toBe(0)
})

test('close ends a loop that waits', async () => {
  const { broker, consumer, committed } = createConsumer()
  const run = (async () => {
    for await (const _ of consumer);
  })()
  await until('everything was processed', () => committed() === 10)
  await consumer.close()
  await run
  expect(broker.members.size).toBe(0)
})

test('close does not wait for the body in hand, which does not count then, and is told by its signal', async () => {
  const { consumer, committed } = createConsumer()
  const loop = consumer[Symbol.asyncIterator]()
  await loop.next()
  const { value: record } = await loop.next()
  const { signal } = record!
  await consumer.close()
  expect(signal.aborted).toBe(true)
  expect(committed()).toBe(1)
  expect((await loop.next()).done).toBe(true)
  expect(committed()).toBe(1)
})

test('close({ timeoutMs }) lets the body in hand finish, which counts then', async () => {
  const { consumer, committed } = createConsumer()
  const loop = consumer[Symbol.asyncIterator]()
  await loop.next()
  const closing = consumer.close({ timeoutMs: 1_000 })
  await turns(3)
  expect(committed()).toBeUndefined()
  expect((await loop.next()).done).toBe(true)
  await closing
  expect(committed()).toBe(1)
})

test('close({ timeoutMs }) does not wait longer than that', async () => {
  const { consumer, committed, environment } = createConsumer()
  const loop = consumer[Symbol.asyncIterator]()
  await loop.next()
  await loop.next()
  const closing = consumer.close({ timeoutMs: 1_000 })
  await turns(2)
  environment.advance(1_000)
  await closing
  expect(committed()).toBe(1)
})

test('a consumer that was never looped over closes without a word', async () => {
  const { broker, consumer } = createConsumer()
  await consumer.close()
  expect(broker.requests).toEqual([])
  for await (const _ of consumer) throw new Error('there was a record')
})

test('await using closes: the record in hand is not counted, what came before is', async () => {
  const { broker, consumer, committed } = createConsumer()
  {
    await using used = consumer
    const loop = used[Symbol.asyncIterator]()
    await loop.next()
    await loop.next()
  }
  expect(committed()).toBe(1)
  expect(broker.members.size).toBe(0)
})

test('batches hold records of one partition, and done(index) counts up to it', async () => {
  const { broker, consumer, committed } = createConsumer()
  broker.append('t', 0, ['10', '11'])
  for await (const batch of consumer.batches({ maxRecords: 8 })) {
    expect(batch).toMatchObject({ topic: 't', partition: 0 })
    expect(batch.records.map(({ offset }) => offset)).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
    batch.done(2)
    expect(() => batch.done(8)).toThrow('records 0 to 7')
    break
  }
  expect(committed()).toBe(3)
})

test('a batch gathers what several sends wrote', async () => {
  const { broker, consumer } = createConsumer({ limit: 15 })
  for (let n = 0; n < 5; n++) broker.append('t', 0, [`${n}`])
  const counts = []
  for await (const { records } of consumer.batches()) counts.push(records.length)
  expect(counts).toEqual([15])
})

test('a batch waits up to maxWaitMs to be filled', async () => {
  const { broker, consumer, environment } = createConsumer({}, 2)
  const loop = consumer.batches({ maxRecords: 5, maxWaitMs: 500 })[Symbol.asyncIterator]()
  const first = loop.next()
  await turns(3)
  broker.append('t', 0, ['2', '3', '4'])
  expect((await first).value!.records.length).toBe(5)
  broker.append('t', 0, ['5', '6'])
  let isAnswered = false
  const second = loop.next().then((result) => {
    isAnswered = true
    return result
  })
  await turns(3)
  environment.advance(499)
  await turns(3)
  expect(isAnswered).toBe(false)
  environment.advance(1)
  expect((await second).value!.records.length).toBe(2)
})

test('calls of next() that are not awaited are answered in their order; a later call counts all that was handed out', async () => {
  const { consumer, committed } = createConsumer({ commit: { everyRecords: 1 } })
  const loop = consumer[Symbol.asyncIterator]()
  const results = await Promise.all(Array.from({ length: 6 }, () => loop.next()))
  expect(results.map(({ value }) => value?.offset)).toEqual([0, 1, 2, 3, 4, 5])
  expect(committed()).toBeUndefined()
  await loop.next()
  expect(committed()).toBe(6)
})

test('done mode: nothing counts but done(), in any order, only the prefix', async () => {
  const { consumer, committed } = createConsumer({ processed: 'done' })
  const loop = consumer[Symbol.asyncIterator]()
  const records = []
  for (let n = 0; n < 5; n++) records.push((await loop.next()).value!)
  for (const index of [4, 0, 1]) records[index]!.done()
  await loop.return?.()
  expect(committed()).toBe(2)
})

test('done mode: what is still worked on when the loop has ended counts when it is done, and then the group is left', async () => {
  const { broker, consumer, committed } = createConsumer({ processed: 'done', limit: 5 })
  const collected = []
  for await (const record of consumer) collected.push(record)
  expect(collected.length).toBe(5)
  expect(broker.members.size).toBe(1)
  for (const record of collected.slice(0, 4)) record.done()
  await turns(2)
  expect(broker.members.size).toBe(1)
  collected[4]!.done()
  await until('the group was left', () => broker.members.size === 0)
  expect(committed()).toBe(5)
})

test('manual: commit() works after the loop has come to its end, and then the group is left', async () => {
  const { broker, consumer, committed } = createConsumer({ commit: 'manual', follow: false })
  for await (const _ of consumer);
  expect([committed(), broker.members.size]).toEqual([undefined, 1])
  await consumer.commit()
  await until('the group was left', () => broker.members.size === 0)
  expect(committed()).toBe(10)
})

test('manual: a loop whose records are all committed leaves the group at its end', async () => {
  const { broker, consumer } = createConsumer({ commit: 'manual', limit: 3 })
  for await (const record of consumer) {
    record.done()
    await consumer.commit()
  }
  expect(broker.members.size).toBe(0)
})

test('manual: commit() after a loop that was left says that it is too late', async () => {
  const { broker, consumer, committed } = createConsumer({ commit: 'manual' })
  for await (const { offset } of consumer) if (offset === 3) break
  expect(broker.members.size).toBe(0)
  await expect(consumer.commit()).rejects.toMatchObject({ code: 'CLOSED' })
  expect(committed()).toBeUndefined()
})

test('done mode: once the loop has ended, partitions wanted elsewhere are not held back by undone records', async () => {
  const { broker, consumer, environment } = createConsumer({ processed: 'done', limit: 5 })
  const collected = []
  for await (const record of consumer) collected.push(record)
  broker.assign(broker.seen('consumerGroupHeartbeat')[0]!.memberId, [])
  environment.advance(5_000)
  await until('it was given up', () => broker.seen('consumerGroupHeartbeat').at(-1)!.owned?.length === 0)
  expect(collected[0]!.signal.aborted).toBe(true)
})

test('done mode: undone records are bounded, and a warning says if done() was never called', async () => {
  const { consumer, environment } = createConsumer({ processed: 'done', maxUndone: 3 })
  const loop = consumer[Symbol.asyncIterator]()
  const records = []
  for (let n = 0; n < 3; n++) records.push((await loop.next()).value!)
  const fourth = loop.next()
  await turns(3)
  expect(environment.warnings).toEqual([
    { code: 'TIDEMARK_NEVER_DONE', message: expect.stringContaining('done() was never called') },
  ])
  records[0]!.done()
  expect((await fourth).value!.offset).toBe(3)
})

test('done mode: closing with many undone records warns if done() was never called', async () => {
  const { consumer, environment } = createConsumer({ processed: 'done', follow: false })
  for await (const _ of consumer);
  await consumer.close()
  expect(environment.warnings.map(({ code }) => code)).toEqual(['TIDEMARK_NEVER_DONE'])
})

test('done mode: a slow partition that reached its bound does not hold up the others', async () => {
  const client = createClient()
  client.broker.addTopic('t', 2)
  for (const partition of [0, 1]) client.broker.append('t', partition, ['0', '1', '2', '3', '4', '5'])
  const seen: string[] = []
  for await (const record of client.topic().consume({ group: 'g', processed: 'done', maxUndone: 2, follow: false })) {
    seen.push(record.id)
    if (record.partition === 1) record.done()
    if (seen.length === 8) break
  }
  expect(seen.filter((id) => id.startsWith('t-0'))).toEqual(['t-0@0', 't-0@1'])
})

test('several topics in one group, told apart by record.topic', async () => {
  const { broker, context, topic } = createClient()
  const some = topic('some')
  const others = topic('others')
  const consumer = new Consumer(context, [some, others], { group: 'g', follow: false })
  await some.send({ value: 'a' })
  await others.send({ value: 'b' })
  const seen = []
  for await (const record of consumer) seen.push((record as { id: string }).id)
  expect(seen.sort()).toEqual(['others-0@0', 'some-0@0'])
  expect(broker.committed('some', 0)).toBe(1)
})

test('closing the client closes every loop: what was processed is committed', async () => {
  const { context, consumer, broker, committed } = createConsumer()
  const loop = consumer[Symbol.asyncIterator]()
  await loop.next()
  await loop.next()
  await context.close()
  expect(committed()).toBe(1)
  expect(broker.members.size).toBe(0)
  expect((await loop.next()).done).toBe(true)
})

test('a backlog that is there already does not keep timers waiting', async () => {
  const client = createClient({ clock: 'real' })
  client.broker.addTopic('t')
  for (let n = 0; n < 200; n++)
    client.broker.append(
      't',
      0,
      Array.from({ length: 1_000 }, () => 'x'),
    )
  let ticks = 0
  const ticking = setInterval(() => ticks++, 1)
  for await (const _ of client.topic().consume({ group: 'g', follow: false }));
  clearInterval(ticking)
  expect(ticks).toBeGreaterThan(2)
})

test('options are checked when the consumer is made, and undefined means the default', () => {
  const { topic } = createClient()
  expect(() => topic().consume({ group: '' })).toThrow(expect.objectContaining({ code: 'INVALID_GROUP_ID' }))
  expect(() => topic().consume({ group: 'g', limit: 0 })).toThrow('limit is 0')
  expect(() => topic().consume({ group: 'g', whenNew: { offset: -1 } })).toThrow('whenNew is { offset: -1 }')
  expect(() => topic().consume({ group: 'g', processed: 'now' as never })).toThrow("one of 'next', 'done'")
  expect(() => topic().consume({ group: 'g', commit: { everyRecords: 0 } })).toThrow('commit: everyRecords is 0')
  expect(() =>
    topic().consume({ group: 'g', limit: undefined, signal: undefined, commit: { idleMs: undefined } }),
  ).not.toThrow()
})

test('commit() after a loop that was left says what it cannot commit, and says nothing where all is committed', async () => {
  for (const commit of [undefined, 'manual'] as const) {
    const { consumer } = createConsumer({ commit })
    for await (const { offset } of consumer) if (offset === 2) break
    const what = commit === 'manual' ? 'had processed in 1 partition' : 't-0@2 was in hand when the loop was left'
    await expect(consumer.commit()).rejects.toMatchObject({ code: 'CLOSED', message: expect.stringContaining(what) })
  }
  const first = createConsumer({ commit: 'manual' })
  for await (const _ of first.consumer) break
  await expect(first.consumer.commit()).rejects.toMatchObject({ code: 'CLOSED' })
  const done = createConsumer()
  for await (const record of done.consumer) {
    record.done()
    break
  }
  await done.consumer.commit()
  expect(done.committed()).toBe(1)
})

test('a loop inside the body of another one of its group is told why it waits, and both go on', async () => {
  const environment = new MemoryEnvironment({ clock: 'manual' })
  await using tide = await open('memory:', { environment })
  const t = tide.topic('t', { partitions: 2 })
  await t.sendBatch([0, 1].map((partition) => ({ partition, value: Buffer.from('x') })))
  const options = { group: 'g', processed: 'done', rebalanceTimeoutMs: 10_000 } as const
  const seen: string[] = []
  const nested = async () => {
    const inHand = []
    for await (const record of t.consume({ ...options, limit: 2 })) {
      inHand.push(record)
      if (inHand.length < 2) continue
      // Whichever of the two partitions is to go, a record of it is in hand.
      for await (const { id } of t.consume({ ...options, limit: 1 })) seen.push(id)
    }
    return inHand.filter(({ signal }) => signal.aborted).map(({ id }) => id)
  }
  let lost: string[] | undefined
  const run = nested().then((ids) => {
    lost = ids
  })
  for (let step = 0; step < 400 && lost === undefined; step++) {
    environment.advance(50)
    await turns(1)
  }
  await run
  expect(lost).toEqual(seen)
  expect(environment.warnings.map(({ code }) => code)).toEqual(['TIDEMARK_RELEASE_WAITS'])
  const [partition] = seen[0]!.split('@')
  const { message } = environment.warnings[0]!
  expect(message).toContain(`Group "g" wants ${partition} for another member, which waits until ${seen[0]} is done`)
})

test('without follow a member that the group gives nothing ends, while the other goes on', async () => {
  const environment = new MemoryEnvironment({ clock: 'manual' })
  await using tide = await open('memory:', { environment })
  const t = tide.topic('t')
  await t.send({ value: Buffer.from('x') })
  let inner = 0
  for await (const _ of t.consume({ group: 'g', limit: 1 })) {
    for await (const _ of t.consume({ group: 'g', follow: false })) inner++
  }
  expect(inner).toBe(0)
})

test('a loop that gets nothing since an earlier one waits for its commit says so', async () => {
  const environment = new MemoryEnvironment({ clock: 'manual' })
  await using tide = await open('memory:', { environment })
  const t = tide.topic('t')
  await t.send({ value: Buffer.from('x') })
  const forgotten = t.consume({ group: 'g', commit: 'manual', follow: false })
  for await (const _ of forgotten);
  for await (const _ of t.consume({ group: 'g', follow: false })) throw new Error('it has the partition')
  expect(environment.warnings.map(({ code }) => code)).toEqual(['TIDEMARK_GOT_NOTHING'])
  await forgotten.close()
  let count = 0
  for await (const _ of t.consume({ group: 'g', follow: false })) count++
  expect(count).toBe(1)
  expect(environment.warnings.length).toBe(1)
})
