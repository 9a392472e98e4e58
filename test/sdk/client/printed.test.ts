import { inspect } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { json, nullable, open, string, type Tidemark, TidemarkError } from '../../../sdk/index.ts'
import { MemoryEnvironment } from '../../../sdk/testing.ts'

const SENT = { timestampMs: 1_700_000_000_000 }

async function createTide(): Promise<Tidemark> {
  const tide = await open('memory:', { environment: new MemoryEnvironment() })
  onTestFinished(() => tide.close().catch(() => {}))
  return tide
}

test('a record prints as what it is: place, key, value, time and headers, bytes as text where they are text', async () => {
  const topic = (await createTide()).topic('payments')
  const headers = { trace: 'a1', raw: Buffer.from([0xff]), none: null }
  await topic.send({ key: 'card-17', value: Buffer.from('grüße'), headers, ...SENT })
  await topic.send({ value: Buffer.from([0xff, 0xfe]), ...SENT })
  const shown = []
  const parsed = []
  for await (const record of topic.read({ follow: false })) {
    shown.push(inspect(record, { breakLength: 1_000, compact: true }))
    parsed.push(JSON.parse(JSON.stringify(record)))
  }
  expect(shown).toEqual([
    "TopicRecord payments-0@0 { key: 'card-17', value: 'grüße', timestampMs: 1700000000000, headers: [ { key: 'trace', value: 'a1' }, { key: 'raw', value: <Buffer ff> }, { key: 'none', value: null } ] }",
    'TopicRecord payments-0@1 { key: null, value: <Buffer ff fe>, timestampMs: 1700000000000 }',
  ])
  expect(parsed).toEqual([
    {
      ...{ topic: 'payments', partition: 0, offset: 0, ...SENT, key: 'card-17', value: 'grüße' },
      headers: [
        { key: 'trace', value: 'a1' },
        { key: 'raw', value: { base64: '/w==' } },
        { key: 'none', value: null },
      ],
    },
    { topic: 'payments', partition: 0, offset: 1, ...SENT, key: null, value: { base64: '//4=' }, headers: [] },
  ])
})

test('a record shows its decoded value, and its bytes where it cannot be decoded', async () => {
  const tide = await createTide()
  await tide
    .topic('t', { value: string })
    .sendBatch(['{"a":{"b":{"c":1}}}', '{"a":'].map((value) => ({ value, ...SENT })))
  const shown = []
  const parsed = []
  for await (const record of tide.topic('t', { value: nullable(json()) }).read({ follow: false })) {
    shown.push(inspect(record, { breakLength: 1_000, compact: true, depth: 1 }))
    parsed.push(JSON.parse(JSON.stringify(record)).value)
  }
  expect(shown[0]).toBe('TopicRecord t-0@0 { key: null, value: { a: [Object] }, timestampMs: 1700000000000 }')
  expect(shown[1]).toContain(`value: '{"a":'`)
  expect(parsed).toEqual([{ a: { b: { c: 1 } } }, '{"a":'])
})

test('a record deep inside of something is its place, and a long value is cut', async () => {
  const topic = (await createTide()).topic('t', { value: string })
  await topic.send({ value: 'x'.repeat(100_000) })
  for await (const record of topic.read({ follow: false })) {
    expect(inspect({ a: { b: { c: record } } }, { depth: 1 })).toContain('[Object]')
    expect(inspect({ c: record }, { depth: 0 })).toContain('c: [TopicRecord t-0@0]')
    expect(inspect([record]).length).toBeLessThan(1_500)
  }
})

test('batches, topics, consumers and the whole print in a line, without their inside', async () => {
  const tide = await createTide()
  const topic = tide.topic('t', { value: string })
  await topic.sendBatch([{ value: 'a' }, { value: 'b' }])
  const consumer = topic.consume({ group: 'g', follow: false })
  for await (const batch of consumer.batches()) {
    expect(inspect(batch)).toBe('TopicBatch t-0 { records: 2, firstOffset: 0, lastOffset: 1 }')
    expect(JSON.parse(JSON.stringify(batch))).toMatchObject({
      topic: 't',
      partition: 0,
      records: [{ value: 'a' }, { value: 'b' }],
    })
    expect(inspect(consumer)).toBe("Consumer { group: 'g', assignment: [ 't-0' ] }")
    expect(JSON.parse(JSON.stringify(consumer))).toEqual({ group: 'g', assignment: [{ topic: 't', partition: 0 }] })
  }
  expect([inspect(topic), JSON.stringify(topic)]).toEqual(["Topic { name: 't' }", '{"name":"t"}'])
  expect(inspect(tide)).toBe("Tidemark { kind: 'owner', recovery: [] }")
  expect(JSON.stringify(tide)).toBe('{"kind":"owner","recovery":[]}')
  expect([inspect(tide.topics), inspect(tide.groups)]).toEqual(['Topics {}', 'Groups {}'])
})

test('an error keeps its message in JSON, and prints only what is known of its place', () => {
  const error = new TidemarkError('UNKNOWN_TOPIC', 'There is no topic "t".', { topic: 't' })
  expect(JSON.parse(JSON.stringify(error))).toEqual({
    name: 'TidemarkError',
    code: 'UNKNOWN_TOPIC',
    message: 'There is no topic "t".',
    retriable: true,
    topic: 't',
  })
  const shown = inspect(error)
  expect(shown).toMatch(/^TidemarkError: There is no topic "t"\./)
  expect(shown).toContain("topic: 't'")
  expect(shown).not.toContain('partition')
  expect(error.partition).toBeUndefined()
})
