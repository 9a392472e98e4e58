import { expect, expectTypeOf, onTestFinished, test } from 'vitest'
import { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import { json, open, type TopicRecord } from '../../../sdk/index.ts'
import { turns, until } from './support/create-client.ts'

async function createTide() {
  const environment = new MemoryEnvironment({ clock: 'manual' })
  const tide = await open('memory:', { environment })
  onTestFinished(() => tide.close().catch(() => {}))
  const send = (topic: string, value: unknown) => tide.topic(topic, { value: json<unknown>() }).send({ value })
  return { environment, tide, send }
}

test('a group consumes every topic that matches, and those that are created later, but none of Kafka’s own', async () => {
  const { tide, send } = await createTide()
  await send('orders.eu', 1)
  await send('orders.us', 2)
  await send('refunds', 3)
  const seen: string[] = []
  const consumer = tide.consume(/^orders\.|offsets/, { group: 'g', value: json<number>() })
  const run = (async () => {
    for await (const record of consumer) {
      expectTypeOf(record).toEqualTypeOf<TopicRecord<string, string | null, number>>()
      seen.push(`${record.topic}=${record.value}`)
    }
  })()
  await until('both are read', () => seen.length === 2)
  await send('orders.asia', 4)
  await send('refunds', 5)
  await until('the new one is read', () => seen.includes('orders.asia=4'))
  expect(seen.toSorted()).toEqual(['orders.asia=4', 'orders.eu=1', 'orders.us=2'])
  const { members } = await tide.groups.describe('g')
  expect(members[0]?.subscribedTopicNames).toEqual(['orders.asia', 'orders.eu', 'orders.us'])
  await consumer.close()
  await run
})

test('an expression that matches nothing yet waits, and ends without follow', async () => {
  const { tide, send } = await createTide()
  for await (const _ of tide.consume(/^t$/, { group: 'g', follow: false })) throw new Error('there was a record')
  const loop = tide.consume(/^t$/, { group: 'g' })[Symbol.asyncIterator]()
  const first = loop.next()
  await turns()
  await send('t', 'x')
  const { value } = await first
  expect(value?.id).toBe('t-0@0')
  expectTypeOf(value!.value).toEqualTypeOf<Uint8Array>()
  await loop.return?.()
})

test('topics that match go one by one, and the loop waits for others', async () => {
  const { environment, tide, send } = await createTide()
  await send('a1', 1)
  await send('a2', 2)
  const seen: string[] = []
  const consumer = tide.consume(/^a/g, { group: 'g' })
  const run = (async () => {
    for await (const { topic } of consumer) seen.push(topic)
  })()
  await until('both are read', () => seen.length === 2)
  await tide.topics.delete('a1')
  await tide.topics.delete('a2')
  await until('it is told', () => environment.warnings.length === 2)
  await send('a3', 3)
  await until('it goes on', () => seen.at(-1) === 'a3')
  await consumer.close()
  await run
})

test('several topics are one loop whose records are told apart by their topic', async () => {
  const { tide } = await createTide()
  const orders = tide.topic('orders', { value: json<{ total: number }>() })
  const refunds = tide.topic('refunds', { value: json<{ reason: string }>() })
  await orders.send({ value: { total: 5 } })
  await refunds.send({ value: { reason: 'late' } })
  const seen: unknown[] = []
  for await (const record of tide.consume([orders, refunds], { group: 'g', follow: false })) {
    if (record.topic === 'orders') seen.push(record.value.total)
    else seen.push(record.value.reason)
  }
  expect(seen.toSorted()).toEqual([5, 'late'])
})

test('a wrong serde is refused at once', async () => {
  const { tide } = await createTide()
  expect(() => tide.consume(/t/, { group: 'g', value: 'json' as never })).toThrow('value')
  expect(() => tide.consume('t' as never, { group: 'g' })).toThrow('RegExp')
})
