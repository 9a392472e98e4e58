import { expect, expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import { json, nullable, string } from '../../../sdk/client/serde.ts'
import { type AnyTopic, type RecordOf, Topic } from '../../../sdk/client/topic.ts'
import type { TopicRecord } from '../../../sdk/client/topic-record.ts'
import { createClient } from './support/create-client.ts'

async function readOne<R>(records: AsyncIterable<R>): Promise<R> {
  for await (const record of records) return record
  throw new Error('there was no record')
}

test('a record says where it is from, when it was sent, and carries its headers in order', async () => {
  const { topic } = createClient()
  const payments = topic('payments')
  await payments.send({ key: 'k', value: 'zero' })
  const headers = [
    { key: 'h', value: Buffer.from('1') },
    { key: 'h', value: null },
  ]
  await payments.send({ key: 'k', value: 'one', timestampMs: 1_700_000_000_123, headers })
  const record = await readOne(payments.read({ from: { offset: 1 } }))
  expect(record).toMatchObject({
    topic: 'payments',
    partition: 0,
    offset: 1,
    id: 'payments-0@1',
    timestampMs: 1_700_000_000_123,
  })
  expect([record.key, record.value]).toEqual(['k', 'one'])
  expect(record.bytes).toEqual({ key: Buffer.from('k'), value: Buffer.from('one') })
  expect(record.headers).toEqual(headers)
})

test('headers stay readable after later records were handed out', async () => {
  const { topic } = createClient()
  const t = topic()
  await t.sendBatch([0, 1, 2].map((n) => ({ value: `${n}`, headers: { n: `${n}`, other: 'x' } })))
  const records = []
  for await (const record of t.read({ follow: false })) records.push(record)
  expect(records.map(({ headers }) => headers[0]?.value?.toString())).toEqual(['0', '1', '2'])
})

test('a value is decoded when it is first looked at, and only once', async () => {
  const { topic } = createClient()
  let decoded = 0
  const counting = {
    serialize: string.serialize,
    deserialize: (bytes: Uint8Array) => `${++decoded} ${string.deserialize(bytes)}`,
  }
  const t = topic('t', { value: counting })
  await t.sendBatch([{ value: 'a' }, { value: 'b' }])
  const record = await readOne(t.read())
  expect(decoded).toBe(0)
  expect([record.value, record.value]).toEqual(['1 a', '1 a'])
})

test('a value that cannot be decoded says where it is, and its bytes stay readable', async () => {
  const { context, topic } = createClient()
  await topic('t').sendBatch([{ value: '{}' }, { value: 'no JSON', key: 'k' }])
  const strict = new Topic(context, 't', { value: json(z.object({})) })
  const record = await readOne(strict.read({ from: { offset: 1 } }))
  expect(() => record.value).toThrow(
    expect.objectContaining({ code: 'DECODE_FAILED', topic: 't', partition: 0, offset: 1 }),
  )
  expect(() => record.value).toThrow('t-0@1')
  expect(record.bytes.value).toEqual(Buffer.from('no JSON'))
  expect(record.key).toBe('k')
})

test('a tombstone is null where that is declared, and an error where it is not', async () => {
  const { context, topic } = createClient()
  const withTombstones = new Topic(context, 't', { value: nullable(string) })
  await withTombstones.send({ key: 'k', value: null })
  expect((await readOne(withTombstones.read())).value).toBeNull()
  const record = await readOne(topic('t').read())
  expect(() => record.value).toThrow('declare nullable(serde)')
})

test('types: names are literal, keys and values as declared, unions told apart by topic', () => {
  const { context } = createClient()
  const payments = new Topic(context, 'payments' as const, { value: json(z.object({ amount: z.coerce.number() })) })
  const refunds = new Topic(context, 'refunds' as const, { value: nullable(string), key: string })
  expectTypeOf(payments.consume).returns.toExtend<
    AsyncIterable<TopicRecord<'payments', string | null, { amount: number }>>
  >()
  expectTypeOf(payments.send).parameter(0).toHaveProperty('value').toEqualTypeOf<{ amount: unknown }>()
  expectTypeOf(refunds.send).parameter(0).toHaveProperty('value').toEqualTypeOf<string | null>()
  const all: readonly AnyTopic[] = [payments, refunds]
  expect(all.map(({ name }) => name)).toEqual(['payments', 'refunds'])
  type Union = RecordOf<typeof payments | typeof refunds>
  const amount = (record: Union) => (record.topic === 'payments' ? record.value.amount : (record.value?.length ?? 0))
  expectTypeOf(amount).returns.toEqualTypeOf<number>()
})
