import { expect, test } from 'vitest'
import type { ReadOptions } from '../../../sdk/client/reading.ts'
import { createClient, turns } from './support/create-client.ts'

function createTopic(partitions = 1) {
  const client = createClient()
  client.broker.addTopic('t', partitions)
  for (let partition = 0; partition < partitions; partition++) {
    for (let n = 0; n < 5; n++)
      client.broker.append('t', partition, [{ key: null, value: Buffer.from(`${n}`), timestampMs: 100 + n }])
  }
  const t = client.topic()
  const readAll = async (options: ReadOptions) => {
    const ids = []
    for await (const { id } of t.read(options)) ids.push(id)
    return ids
  }
  return { ...client, t, readAll }
}

const ids = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => `t-0@${from + n}`)

test('without follow it ends at the end it saw at the start, and can be looped over again', async () => {
  const { broker, t } = createTopic()
  const records = t.read({ follow: false })
  const seen: string[] = []
  for await (const { id } of records) {
    seen.push(id)
    if (seen.length === 1) broker.append('t', 0, ['later'])
  }
  expect(seen).toEqual(ids(0, 5))
  for await (const { id } of records) seen.push(id)
  expect(seen.length).toBe(11)
})

test('without follow it ends however many records there are', async () => {
  const client = createClient()
  for (let count = 120; count <= 140; count++) {
    const name = `t${count}`
    client.broker.addTopic(name, 1)
    client.broker.append(
      name,
      0,
      Array.from({ length: count }, (_, n) => `${n}`),
    )
    let seen = 0
    for await (const _ of client.topic(name).read({ follow: false })) seen++
    expect(seen).toBe(count)
  }
})

test('from and to are offsets, times or ends; to is not included', async () => {
  const { readAll } = createTopic()
  expect(await readAll({ from: { offset: 1 }, to: { offset: 3 } })).toEqual(ids(1, 3))
  expect(await readAll({ from: { timestampMs: 103 }, to: 'latest' })).toEqual(ids(3, 5))
  expect(await readAll({ from: { timestampMs: 101 }, to: { timestampMs: 104 } })).toEqual(ids(1, 4))
  expect(await readAll({ from: 'latest', follow: false })).toEqual([])
})

test('it follows by default: what comes later is read when it comes', async () => {
  const { broker, t } = createTopic()
  const loop = t.read({ from: 'latest' })[Symbol.asyncIterator]()
  const next = loop.next()
  await turns(3)
  broker.append('t', 0, ['new'])
  expect((await next).value!.id).toBe('t-0@5')
  await loop.return?.()
  expect((await loop.next()).done).toBe(true)
})

test('partitions can be chosen; one that is not there is refused', async () => {
  const { readAll } = createTopic(3)
  expect((await readAll({ partitions: [2, 0], follow: false })).filter((id) => id.startsWith('t-1'))).toEqual([])
  expect((await readAll({ partitions: [2, 0], follow: false })).length).toBe(10)
  await expect(readAll({ partitions: [3] })).rejects.toMatchObject({ code: 'UNKNOWN_TOPIC', partition: 3 })
})

test('nothing is committed, joined or remembered, and done() does nothing', async () => {
  const { broker, t } = createTopic()
  for await (const record of t.read({ follow: false })) {
    record.done()
    expect(record.signal.aborted).toBe(false)
  }
  expect(broker.seen('offsetCommit')).toEqual([])
  expect(broker.seen('consumerGroupHeartbeat')).toEqual([])
})

test('a signal ends it quietly, waiting or not; limit ends it after so many records', async () => {
  const { readAll, t } = createTopic()
  expect(await readAll({ signal: AbortSignal.abort() })).toEqual([])
  expect(await readAll({ limit: 3 })).toEqual(ids(0, 3))
  const controller = new AbortController()
  const seen = []
  for await (const { id } of t.read({ signal: controller.signal })) {
    seen.push(id)
    if (seen.length === 5) setImmediate(() => controller.abort())
  }
  expect(seen).toEqual(ids(0, 5))
})

test('an offset outside the log is thrown with what the log holds', async () => {
  const { readAll } = createTopic()
  await expect(readAll({ from: { offset: 99 } })).rejects.toMatchObject({
    code: 'OFFSET_OUT_OF_RANGE',
    offset: 99,
    message: expect.stringContaining('the log begins at 0 and ends at 5'),
  })
})

test('a topic that is deleted while it is read ends the loop with UNKNOWN_TOPIC', async () => {
  const { broker, t } = createTopic()
  const loop = t.read({ from: 'latest' })[Symbol.asyncIterator]()
  const next = loop.next()
  await turns(3)
  broker.topics.delete('t')
  broker.wake()
  await expect(next).rejects.toMatchObject({ code: 'UNKNOWN_TOPIC' })
})

test('closing the client ends it', async () => {
  const { context, t } = createTopic()
  const loop = t.read({ from: 'latest' })[Symbol.asyncIterator]()
  const next = loop.next()
  await turns(3)
  await context.close()
  expect((await next).done).toBe(true)
})

test('options are checked when read is called', () => {
  const { t } = createTopic()
  expect(() => t.read({ from: 'now' as never })).toThrow("read: from is 'now'")
  expect(() => t.read({ limit: 0 })).toThrow('limit is 0')
})

test('offsets answers a position in every partition', async () => {
  const { t } = createTopic(2)
  const at = (offset: number) => [0, 1].map((partition) => ({ topic: 't', partition, offset }))
  expect(await t.offsets('earliest')).toEqual(at(0))
  expect(await t.offsets('latest')).toEqual(at(5))
  expect(await t.offsets({ timestampMs: 103 })).toEqual(at(3))
  expect(await t.offsets({ timestampMs: 999 })).toEqual(at(5))
})
