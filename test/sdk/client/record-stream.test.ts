import { Readable, Transform, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { expect, expectTypeOf, onTestFinished, test } from 'vitest'
import { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import { open, string, type TopicRecord } from '../../../sdk/index.ts'
import { turns, until } from './support/create-client.ts'

type Text = TopicRecord<'t', string | null, string>

async function createTide(count = 0) {
  const environment = new MemoryEnvironment({ clock: 'manual' })
  const tide = await open('memory:', { environment })
  onTestFinished(() => tide.close().catch(() => {}))
  const t = tide.topic('t', { value: string })
  if (count > 0) await t.sendBatch(Array.from({ length: count }, (_, n) => ({ value: `${n}` })))
  const committed = async () => (await tide.groups.offsets('g').catch(() => []))[0]?.offset
  return { environment, tide, t, committed }
}

test('a pipeline works on what a group has, and only what is done is committed', async () => {
  const { t, committed } = await createTide(100)
  const written: string[] = []
  const consumer = t.consume({ group: 'g', limit: 60 })
  await pipeline(
    consumer.readable(),
    new Transform({
      objectMode: true,
      transform: (record: Text, _, callback) => callback(null, record),
    }),
    new Writable({
      objectMode: true,
      write(record: Text, _, callback) {
        written.push(record.value)
        if (record.offset < 50) record.done()
        callback()
      },
    }),
  )
  expect(written.length).toBe(60)
  await consumer.close()
  expect(await committed()).toBe(50)
})

test('a stream ends with its loop, and what is done afterwards still counts', async () => {
  const { t, committed, tide } = await createTide(10)
  const kept: Text[] = []
  for await (const record of t.consume({ group: 'g', follow: false }).readable()) {
    expectTypeOf(record).toEqualTypeOf<Text>()
    kept.push(record)
  }
  expect(kept.map(({ value }) => value)).toEqual(Array.from({ length: 10 }, (_, n) => `${n}`))
  expect(await committed()).toBeUndefined()
  for (const record of kept) record.done()
  await turns()
  expect(await committed()).toBe(10)
  expect((await tide.groups.describe('g')).members).toEqual([])
})

test('destroying a stream commits what is done and leaves the group', async () => {
  const { t, committed, tide } = await createTide(10)
  const stream = t.consume({ group: 'g' }).readable({ highWaterMark: 2 })
  const seen: string[] = []
  stream.on('data', (record: Text) => {
    seen.push(record.value)
    if (record.offset < 4) record.done()
    if (record.offset === 6) stream.destroy()
  })
  await new Promise((resolve) => stream.on('close', resolve))
  expect(seen.length).toBe(7)
  expect(await committed()).toBe(4)
  expect((await tide.groups.describe('g')).members).toEqual([])
})

test('a stream that waits for records ends when it is destroyed, and when the directory is closed', async () => {
  const { t, tide } = await createTide(1)
  const streams = [t.consume({ group: 'a' }).readable(), t.consume({ group: 'b' }).readable()]
  const closed = streams.map((stream) => new Promise((resolve) => stream.on('close', resolve)))
  let count = 0
  for (const stream of streams) stream.on('data', () => count++)
  await until('both wait', () => count === 2)
  streams[0]!.destroy()
  await closed[0]
  await tide.close()
  await closed[1]
})

test('what stands between a stream and its next record is its error', async () => {
  const { t, tide } = await createTide(1)
  const stream = t.consume({ group: 'g' }).readable()
  const failed = new Promise((resolve) => stream.on('error', resolve))
  stream.resume()
  await turns()
  await tide.topics.delete('t')
  expect(await failed).toMatchObject({ code: 'UNKNOWN_TOPIC' })
})

test('a web stream gives the same, and cancelling it leaves the group', async () => {
  const { t, committed, tide } = await createTide(5)
  const reader = t.consume({ group: 'g' }).readableStream().getReader()
  for (let n = 0; n < 3; n++) {
    const { value } = await reader.read()
    expect(value?.value).toBe(`${n}`)
    if (n < 2) value?.done()
  }
  await reader.cancel()
  expect(await committed()).toBe(2)
  expect((await tide.groups.describe('g')).members).toEqual([])
})

test('streams and processed: next do not go together', async () => {
  const { t } = await createTide()
  const consumer = t.consume({ group: 'g', processed: 'next' })
  expect(() => consumer.readable()).toThrow("Leave out processed: 'next'")
  expect(() => consumer.readableStream()).toThrow("Leave out processed: 'next'")
  expect(() => t.consume({ group: 'g' }).readable({ highWaterMark: 0 })).toThrow('highWaterMark')
})

test('a writable sends what is written, in order, and has finished when all of it survives', async () => {
  const { t } = await createTide()
  await pipeline(Readable.from(Array.from({ length: 5_000 }, (_, n) => ({ value: `${n}` }))), t.writable())
  const values: string[] = []
  for await (const { value } of t.read({ follow: false })) values.push(value)
  expect(values).toEqual(Array.from({ length: 5_000 }, (_, n) => `${n}`))
})

test('a writable takes no more than can be sent', async () => {
  const { t } = await createTide()
  await t.ensure()
  const writable = t.writable()
  const value = 'x'.repeat(1024 * 1024 - 1024)
  let taken = 0
  while (writable.write({ value })) taken++
  expect(taken).toBeLessThan(20)
  await new Promise((resolve) => writable.once('drain', resolve))
  await new Promise<void>((resolve) => writable.end(resolve))
  expect((await t.offsets('latest'))[0]?.offset).toBe(taken + 1)
})

test('a writable tells of a record that cannot be sent, and ends when it is destroyed', async () => {
  const { t } = await createTide()
  const bad = t.writable()
  const failed = new Promise((resolve) => bad.on('error', resolve))
  bad.write({ value: 5 })
  expect(await failed).toMatchObject({ code: 'ENCODE_FAILED' })
  const good = t.writable()
  const closed = new Promise((resolve) => good.on('close', resolve))
  good.write({ value: 'x' })
  await turns()
  good.destroy()
  await closed
  expect((await t.offsets('latest'))[0]?.offset).toBe(1)
})
