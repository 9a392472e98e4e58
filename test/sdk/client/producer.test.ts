import { expect, test } from 'vitest'
import type { ProduceRequest } from '../../../sdk/broker/broker.ts'
import { TidemarkError } from '../../../sdk/errors.ts'
import { RecordBatch } from '../../../sdk/record/record-batch.ts'
import { partitionOfKey } from '../../../sdk/topic/partitioner.ts'
import { createClient, turns, until } from './support/create-client.ts'

/** How many records each batch of a request holds. */
function sizes(requests: readonly ProduceRequest[]): number[] {
  return requests.map(({ partitions }) => new RecordBatch(Buffer.from(partitions[0]!.records)).recordCount)
}

/** Produce requests stay unanswered until `answer` is called. */
function holdProduce({ broker }: ReturnType<typeof createClient>) {
  const held: (() => void)[] = []
  broker.override('produce', async (_, usual) => {
    await new Promise<void>((resolve) => held.push(resolve))
    return await usual()
  })
  return { held, answer: () => held.shift()?.() }
}

test('what is sent before anything is awaited shares one batch per partition, and each send learns its own offset', async () => {
  const { broker, topic } = createClient()
  const t = topic('t', { partitions: 2 })
  await t.send({ value: 'warm', partition: 0 })
  const sent = await Promise.all(
    [0, 1, 0, 1, 0].map((partition, n) => t.send({ value: `${n}`, partition, timestampMs: n })),
  )
  expect(sent.map(({ partition, offset }) => `${partition}@${offset}`)).toEqual(['0@1', '1@0', '0@2', '1@1', '0@3'])
  expect(sent[2]).toEqual({ topic: 't', partition: 0, offset: 2, timestampMs: 2, survives: 'power-loss' })
  expect(sizes(broker.seen('produce'))).toEqual([1, 3, 2])
})

test('the broker is asked before the caller goes on: no timer, no turn of the event loop in between', async () => {
  const { broker, topic } = createClient()
  const t = topic()
  await t.send({ value: 'warm' })
  void t.send({ value: 'x' })
  await Promise.resolve()
  expect(broker.seen('produce').length).toBe(2)
})

test('sends that wait for the topic to be created keep their order', async () => {
  const { topic } = createClient()
  const t = topic()
  const early = [t.send({ value: 'a' }), t.send({ value: 'b' }), t.sendBatch([{ value: 'c' }])]
  await turns(1)
  await Promise.all([...early, t.send({ value: 'd' })])
  const values = []
  for await (const record of t.read({ follow: false })) values.push(record.value)
  expect(values).toEqual(['a', 'b', 'c', 'd'])
})

test('the next batch fills while five are under way', async () => {
  const client = createClient()
  const { broker } = client
  const t = client.topic()
  await t.send({ value: 'warm' })
  const { held, answer } = holdProduce(client)
  const sent = []
  for (let n = 0; n < 12; n++) {
    sent.push(t.send({ value: `${n}` }))
    await turns(1)
  }
  expect(sizes(broker.seen('produce'))).toEqual([1, 1, 1, 1, 1, 1])
  answer()
  await turns(1)
  expect(sizes(broker.seen('produce')).at(-1)).toBe(7)
  while (held.length > 0) {
    answer()
    await turns(1)
  }
  expect((await Promise.all(sent)).map(({ offset }) => offset)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
})

test('keys choose the partition as Kafka’s producer does; a partition that is not there is refused', async () => {
  const { topic } = createClient()
  const t = topic('t', { partitions: 5 })
  for (const key of ['a', 'card-17', 'grüße']) {
    expect((await t.send({ key, value: '' })).partition).toBe(partitionOfKey(Buffer.from(key), 5))
  }
  await expect(t.send({ value: '', partition: 5 })).rejects.toMatchObject({ code: 'UNKNOWN_TOPIC', partition: 5 })
})

test('batches stay below max.message.bytes, records above it are the broker’s to judge', async () => {
  const { broker, topic } = createClient()
  broker.override('describeConfigs', async ({ topics }) => ({
    topics: topics.map((name) => ({ name, configs: [{ name: 'max.message.bytes', value: '1000', isDefault: false }] })),
  }))
  const t = topic()
  await t.sendBatch(Array.from({ length: 40 }, () => ({ value: 'x'.repeat(100) })))
  const requests = broker.seen('produce')
  expect(sizes(requests).reduce((sum, count) => sum + count)).toBe(40)
  for (const { partitions } of requests) expect(partitions[0]!.records.length).toBeLessThanOrEqual(1000)
  await t.send({ value: 'x'.repeat(5000) })
  expect(broker.seen('produce').at(-1)!.partitions[0]!.records.length).toBeGreaterThan(5000)
})

test('compression is as declared', async () => {
  const { broker, topic } = createClient()
  for (const compression of ['none', 'gzip', 'zstd'] as const) {
    await topic(compression, { compression }).send({ value: 'x'.repeat(500) })
    expect(new RecordBatch(Buffer.from(broker.seen('produce').at(-1)!.partitions[0]!.records)).codec).toBe(compression)
  }
})

test('un-awaited sends are bounded; what was taken is sent, and there is room again afterwards', async () => {
  const client = createClient()
  const t = client.topic('t', { maxQueuedBytes: 10_000 })
  await t.send({ value: 'warm' })
  const { answer } = holdProduce(client)
  const sends = Array.from({ length: 20 }, () => t.send({ value: 'x'.repeat(1000) }))
  const refused = sends.splice(9)
  for (const each of refused) await expect(each).rejects.toMatchObject({ code: 'SEND_QUEUE_FULL' })
  answer()
  expect((await Promise.all(sends)).at(-1)?.offset).toBe(9)
  const again = t.send({ value: 'again' })
  await turns(1)
  answer()
  expect((await again).offset).toBe(10)
})

test('one record larger than the whole queue is sent when nothing else waits', async () => {
  const { topic } = createClient()
  expect((await topic('t', { maxQueuedBytes: 10 }).send({ value: 'x'.repeat(100) })).offset).toBe(0)
})

test('a batch that fails rejects its own records only', async () => {
  const { broker, topic } = createClient()
  const t = topic()
  await t.send({ value: 'before' })
  broker.override('produce', async (_, usual) => {
    broker.restore('produce')
    await usual()
    throw new TidemarkError('STORAGE_ERROR', 'the disk is full')
  })
  const failed = [t.send({ value: 'a' }), t.send({ value: 'b' })]
  for (const each of failed) await expect(each).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
  expect((await t.send({ value: 'after' })).offset).toBe(3)
})

test('an error of the partition carries its place; an unknown topic is looked for again', async () => {
  const { broker, topic } = createClient()
  const t = topic()
  await t.send({ value: 'before' })
  broker.override('produce', async ({ partitions }) => ({
    partitions: partitions.map(({ topic, partition }) => {
      const error = { code: 'UNKNOWN_TOPIC' as const, message: 'gone' }
      return {
        topic,
        partition,
        error,
        baseOffset: -1,
        logAppendTimeMs: -1,
        logStartOffset: -1,
        survives: 'process-crash' as const,
      }
    }),
  }))
  await expect(t.send({ value: 'x' })).rejects.toMatchObject({ code: 'UNKNOWN_TOPIC', topic: 't', partition: 0 })
  broker.restore('produce')
  broker.topics.delete('t')
  expect((await t.send({ value: 'again' })).offset).toBe(0)
  expect(broker.seen('createTopics').length).toBe(2)
})

test('sendBatch answers every record’s partition and offset, and sends nothing if one record is wrong', async () => {
  const { broker, topic } = createClient()
  const t = topic('t', { partitions: 2 })
  const answer = await t.sendBatch([1, 0, 1].map((partition) => ({ value: 'x', partition })))
  expect(answer).toEqual({ topic: 't', partitions: [1, 0, 1], offsets: [0, 0, 1], survives: 'power-loss' })
  const before = broker.seen('produce').length
  await expect(t.sendBatch([{ value: 'x' }, { value: 'y', partition: 9 }])).rejects.toMatchObject({
    code: 'UNKNOWN_TOPIC',
  })
  await expect(t.sendBatch([{ value: 'x' }, { value: undefined as never }])).rejects.toMatchObject({
    code: 'ENCODE_FAILED',
  })
  await turns(2)
  expect(broker.seen('produce').length).toBe(before)
  expect(await t.sendBatch([])).toMatchObject({ partitions: [], offsets: [] })
})

test('LogAppendTime shows in what send answers', async () => {
  const { broker, topic } = createClient()
  broker.override('produce', async (_, usual) => {
    const { partitions } = await usual()
    return { partitions: partitions.map((each) => ({ ...each, logAppendTimeMs: 77 })) }
  })
  expect((await topic().send({ value: 'x', timestampMs: 1 })).timestampMs).toBe(77)
})

test('sendAll gathers what comes tick by tick, and answers how much and up to where', async () => {
  const { broker, topic } = createClient()
  const t = topic('t', { partitions: 2 })
  async function* source() {
    for (let n = 0; n < 5_000; n++) yield { value: `${n}`, partition: n % 2 }
  }
  const last = (partition: number) => ({ topic: 't', partition, offset: 2_499 })
  expect(await t.sendAll(source())).toEqual({ topic: 't', count: 5_000, lastOffsets: [last(0), last(1)] })
  expect(broker.seen('produce').length).toBeLessThan(50)
})

test('sendAll takes no more than it can send', async () => {
  const client = createClient()
  const t = client.topic()
  await t.send({ value: 'warm' })
  const { held, answer } = holdProduce(client)
  let taken = 0
  function* source() {
    for (; taken < 60; taken++) yield { value: 'x'.repeat(1_000_000) }
  }
  const sending = t.sendAll(source())
  await turns(20)
  expect(taken).toBeLessThan(12)
  while (taken < 60 || held.length > 0) {
    answer()
    await turns(1)
  }
  expect((await sending).count).toBe(60)
})

test('sendAll stops reading at the first failure and closes its source', async () => {
  const { broker, topic } = createClient({ clock: 'real' })
  const t = topic()
  await t.send({ value: 'warm' })
  broker.override('produce', async () => {
    throw new TidemarkError('STORAGE_ERROR', 'the disk is full')
  })
  let isClosed = false
  function* endless() {
    try {
      for (;;) yield { value: 'x'.repeat(100_000) }
    } finally {
      isClosed = true
    }
  }
  await expect(t.sendAll(endless())).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
  expect(isClosed).toBe(true)
})

test('sendAll that waits for its source ends at once when its signal aborts, says what it sent, and leaves the source', async () => {
  const { broker, topic } = createClient()
  const controller = new AbortController()
  const stuck = Promise.withResolvers<IteratorResult<{ value: string }>>()
  let given = 0
  let isLeft = false
  const source = {
    [Symbol.asyncIterator]: () => ({
      next: () => (given < 3 ? Promise.resolve({ done: false, value: { value: `${given++}` } }) : stuck.promise),
      return: async () => {
        isLeft = true
        return { done: true as const, value: undefined }
      },
    }),
  }
  const sending = topic().sendAll(source, { signal: controller.signal })
  await until('three are taken', () => given === 3)
  await turns()
  controller.abort(new Error('enough'))
  const error = await sending.catch((problem: unknown) => problem)
  expect(error).toMatchObject({
    code: 'ABORTED',
    message: 'sendAll was aborted by its signal. 3 records were sent before, up to t-0@2.',
    cause: { message: 'enough' },
    sent: { count: 3, lastOffsets: [{ topic: 't', partition: 0, offset: 2 }] },
  })
  expect(isLeft).toBe(true)
  expect(broker.partition('t', 0).end).toBe(3)
})

test('close ends a sendAll, and takes nothing more from its source', async () => {
  const { broker, context, topic } = createClient()
  let taken = 0
  let isLeft = false
  async function* endless() {
    try {
      for (;;) {
        taken++
        await turns(1)
        yield { value: 'x' }
      }
    } finally {
      isLeft = true
    }
  }
  const sending = topic()
    .sendAll(endless())
    .catch((error: unknown) => error)
  await until('ten are taken', () => taken === 10)
  await context.close()
  const { sent, code } = (await sending) as TidemarkError
  expect(code).toBe('CLOSED')
  expect(sent?.count).toBe(broker.partition('t', 0).end)
  await until('the source is left', () => isLeft)
  const takenAtClose = taken
  await turns()
  expect(taken).toBe(takenAtClose)
})

test('sendAll ends with a failure while it waits for its source', async () => {
  const { broker, topic } = createClient()
  broker.override('produce', async () => {
    throw new TidemarkError('STORAGE_ERROR', 'full')
  })
  async function* stuck() {
    yield { value: 'x' }
    await new Promise(() => {})
  }
  await expect(topic().sendAll(stuck())).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
})

test('sendAll ends with ABORTED when its signal says so', async () => {
  const { topic } = createClient()
  const controller = new AbortController()
  function* endless() {
    for (let n = 0; ; n++) {
      if (n === 1000) controller.abort()
      yield { value: 'x' }
    }
  }
  await expect(topic().sendAll(endless(), { signal: controller.signal })).rejects.toMatchObject({ code: 'ABORTED' })
})

test('closing waits for what was handed over and refuses what comes later', async () => {
  const client = createClient()
  const t = client.topic()
  await t.send({ value: 'warm' })
  const { answer } = holdProduce(client)
  const last = t.send({ value: 'last' })
  let isClosed = false
  const closing = client.context.close().then(() => {
    isClosed = true
  })
  await turns(3)
  expect(isClosed).toBe(false)
  answer()
  await closing
  expect((await last).offset).toBe(1)
  await expect(t.send({ value: 'late' })).rejects.toMatchObject({ code: 'CLOSED' })
})

test('partitions that were added are used as soon as the broker says so', async () => {
  const { broker, topic } = createClient()
  const t = topic('t', { partitions: 1 })
  await t.send({ value: 'x' })
  broker.topics.get('t')!.push({ batches: [], start: 0, end: 0, leaderEpoch: 0, aborted: [] })
  await expect(t.send({ value: 'x', partition: 1 })).rejects.toMatchObject({ code: 'UNKNOWN_TOPIC' })
  broker.topicsChanged()
  expect((await t.send({ value: 'x', partition: 1 })).partition).toBe(1)
})

test('a header that is neither text, bytes nor null fails its own send, and no other', async () => {
  const t = createClient().topic('t')
  const bad: unknown[] = [
    { trace: undefined },
    { retries: 5 },
    [{ key: 'a', value: {} }],
    [{ key: 1, value: 'x' }],
    [null],
  ]
  // Of these nothing, or nonsense, would be sent.
  bad.push(new Map([['trace', 'abc']]), new Headers({ trace: 'abc' }), 'trace', 5, null, Buffer.from('trace'))
  for (const headers of bad) {
    const sends = [t.send({ value: 'x', headers: headers as never }), t.send({ value: 'good' })]
    const [refused, sent] = await Promise.allSettled(sends)
    expect(refused, String(headers)).toMatchObject({ status: 'rejected', reason: { code: 'ENCODE_FAILED' } })
    expect(sent).toMatchObject({ status: 'fulfilled' })
  }
  await t.send({
    value: 'x',
    headers: [
      { key: 'a', value: 'text' },
      { key: 'a', value: null },
    ],
  })
})
