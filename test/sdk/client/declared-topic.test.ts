import { expect, test } from 'vitest'
import { createClient } from './support/create-client.ts'

test('the first send creates the topic as declared, once', async () => {
  const { broker, topic } = createClient()
  const t = topic('t', { partitions: 3, survives: 'process-crash', configs: { 'retention.ms': '1000' } })
  await Promise.all([t.send({ value: 'a' }), t.send({ value: 'b' })])
  await t.send({ value: 'c' })
  const configs = { 'flush.messages': '9223372036854775807', 'retention.ms': '1000' }
  expect(broker.seen('createTopics')).toEqual([
    { topics: [{ name: 't', topicId: expect.any(String), partitions: 3, configs }] },
  ])
})

test('making a handle asks for nothing', () => {
  const { broker, topic } = createClient()
  topic('t', { partitions: 3 })
  topic('t').consume({ group: 'g' })
  topic('t').read()
  expect(broker.requests).toEqual([])
})

test('a topic with another number of partitions than declared is TOPIC_DIFFERS; without a number any is fine', async () => {
  const { broker, topic } = createClient()
  broker.addTopic('t', 4)
  await expect(topic('t', { partitions: 3 }).send({ value: 'x' })).rejects.toMatchObject({
    code: 'TOPIC_DIFFERS',
    topic: 't',
  })
  await expect(topic('t', { partitions: 3 }).ensure()).rejects.toThrow('has 4 partitions, 3 are declared')
  const loop = topic('t', { partitions: 3 }).consume({ group: 'g' })[Symbol.asyncIterator]()
  await expect(loop.next()).rejects.toMatchObject({ code: 'TOPIC_DIFFERS' })
  expect(await topic('t').ensure()).toEqual({ created: false })
  expect(broker.topics.get('t')?.length).toBe(4)
})

test('a missing topic is UNKNOWN_TOPIC where it is not to be created, or cannot be', async () => {
  const { broker, topic } = createClient()
  await expect(topic('t', { create: 'never' }).send({ value: 'x' })).rejects.toMatchObject({ code: 'UNKNOWN_TOPIC' })
  broker.createsTopics = false
  await expect(topic('t').ensure()).rejects.toMatchObject({ code: 'UNKNOWN_TOPIC' })
  expect(broker.topics.size).toBe(0)
})

test('a topic that somebody else creates at the same moment is taken if it is as declared', async () => {
  const { broker, topic } = createClient()
  broker.override('createTopics', async (_, usual) => {
    broker.addTopic('t', 2)
    return await usual()
  })
  expect(await topic('t', { partitions: 2 }).ensure()).toEqual({ created: false })
  broker.topics.delete('t')
  await expect(topic('t', { partitions: 3 }).ensure()).rejects.toMatchObject({ code: 'TOPIC_DIFFERS' })
})

test('a failed attempt is not remembered', async () => {
  const { broker, topic } = createClient()
  const t = topic('t', { create: 'never' })
  await expect(t.send({ value: 'x' })).rejects.toMatchObject({ code: 'UNKNOWN_TOPIC' })
  broker.addTopic('t')
  expect((await t.send({ value: 'x' })).offset).toBe(0)
})

test('names and options are checked when the handle is made', () => {
  const { topic } = createClient()
  expect(() => topic('../x')).toThrow(expect.objectContaining({ code: 'INVALID_TOPIC' }))
  expect(() => topic('t', { partitions: 0 })).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
  expect(() => topic('t', { compression: 'brotli' as never })).toThrow("one of 'none', 'gzip', 'snappy', 'lz4', 'zstd'")
})
