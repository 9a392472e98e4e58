import { expect, onTestFinished, test } from 'vitest'
import { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import { bytes, json, nullable, open, string, type TableChange } from '../../../sdk/index.ts'
import { turns } from './support/create-client.ts'

async function createTide(environment = new MemoryEnvironment()) {
  const tide = await open('memory:', { environment })
  onTestFinished(() => tide.close().catch(() => {}))
  return tide
}

const compacted = { 'cleanup.policy': 'compact' }

async function createSettings() {
  const tide = await createTide()
  const topic = tide.topic('settings', { value: nullable(string), partitions: 3, configs: compacted })
  const set = (key: string, value: string | null) => topic.send({ key, value })
  return { tide, topic, set }
}

test('a table has the newest value of each key that there is when it is opened; tombstones delete', async () => {
  const { tide, topic, set } = await createSettings()
  for (const [key, value] of [
    ['a', '1'],
    ['b', '1'],
    ['a', '2'],
    ['c', '1'],
    ['b', null],
    ['never', null],
  ] as const) {
    await set(key, value)
  }
  await using table = await tide.table(topic)
  expect(new Map(table)).toEqual(
    new Map([
      ['a', '2'],
      ['c', '1'],
    ]),
  )
  expect([table.size, table.get('a'), table.get('b'), table.has('c'), table.has('b')]).toEqual([
    2,
    '2',
    undefined,
    true,
    false,
  ])
  expect(JSON.stringify(table)).toBe('{"topic":"settings","size":2}')
})

test('it follows the topic, in partitions that are added, too; caughtUp waits for what was sent before', async () => {
  const { tide, topic, set } = await createSettings()
  await using table = await tide.table(topic)
  expect(table.size).toBe(0)
  await set('a', '1')
  await table.caughtUp()
  expect(table.get('a')).toBe('1')
  await tide.topics.addPartitions('settings', 6)
  for (let n = 0; n < 50; n++) await set(`key-${n}`, `${n}`)
  await table.caughtUp()
  expect([table.size, table.get('key-49')]).toEqual([51, '49'])
})

test('a closed table keeps what it has, and follows no longer', async () => {
  const { tide, topic, set } = await createSettings()
  for (let n = 0; n < 20; n++) await set('a', `${n}`)
  const before = await tide.table(topic)
  expect(before.get('a')).toBe('19')
  await before.close()
  expect(before.get('a')).toBe('19')
  await set('a', '20')
  await turns()
  expect(before.get('a')).toBe('19')
  await expect(before.caughtUp()).rejects.toMatchObject({ code: 'CLOSED' })
})

test('changes tell what a key had and has; of several in a row a slow loop gets the last', async () => {
  const { tide, topic, set } = await createSettings()
  await set('a', '1')
  await using table = await tide.table(topic)
  const changes = table.changes()[Symbol.asyncIterator]()
  await set('b', '1')
  await table.caughtUp()
  expect(await changes.next()).toEqual({ done: false, value: { key: 'b', value: '1', previous: undefined } })
  await set('a', '2')
  await set('b', null)
  await set('a', '3')
  await table.caughtUp()
  expect((await changes.next()).value).toEqual({ key: 'b', value: undefined, previous: '1' })
  expect((await changes.next()).value).toEqual({ key: 'a', value: '3', previous: '1' })
  const waiting = changes.next()
  await set('c', '1')
  expect((await waiting).value).toEqual({ key: 'c', value: '1', previous: undefined })
})

test('changes end when the table or the directory is closed, and when their loop is left', async () => {
  const { tide, topic, set } = await createSettings()
  const table = await tide.table(topic)
  const seen: TableChange<string | null, string>[] = []
  const loop = (async () => {
    for await (const change of table.changes()) seen.push(change)
  })()
  const sent = turns(1).then(() => set('a', '1'))
  for await (const _ of table.changes()) break
  await sent
  await table.close()
  await loop
  expect(seen).toHaveLength(1)
  const other = await tide.table(topic)
  const waiting = other.changes()[Symbol.asyncIterator]().next()
  await tide.close()
  expect((await waiting).done).toBe(true)
  expect(() => other.get('a')).toThrow('closed')
})

test('keys are equal where their bytes are, whatever they are decoded to', async () => {
  const tide = await createTide()
  const topic = tide.topic('limits', { key: json<{ card: number }>(), value: nullable(bytes), configs: compacted })
  await topic.send({ key: { card: 17 }, value: Buffer.from('1') })
  await topic.send({ key: { card: 17 }, value: Buffer.from('2') })
  await using table = await tide.table(topic)
  expect(table.size).toBe(1)
  expect(table.get({ card: 17 })).toEqual(Uint8Array.from(Buffer.from('2')))
  // Not a view into a batch: it would keep all of it in memory.
  expect(table.get({ card: 17 })?.buffer.byteLength).toBe(1)
})

test('what cannot be decoded ends the table: whoever uses it afterwards is told, not answered from old values', async () => {
  const { tide, set } = await createSettings()
  const topic = tide.topic('settings', { value: nullable(json<number>()) })
  await set('a', '1')
  await using table = await tide.table(topic)
  const told = expect(table.changes()[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'DECODE_FAILED' })
  await set('a', 'no json')
  await told
  expect(() => table.get('a')).toThrow('cannot be decoded')
  await expect(table.caughtUp()).rejects.toMatchObject({ code: 'DECODE_FAILED' })
  await expect(tide.table(topic)).rejects.toMatchObject({ code: 'DECODE_FAILED' })
})

test('a topic that is deleted ends the table', async () => {
  const { tide, topic, set } = await createSettings()
  await set('a', '1')
  await using table = await tide.table(topic)
  const told = expect(table.changes()[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'UNKNOWN_TOPIC' })
  await tide.topics.delete('settings')
  await told
  expect(() => table.size).toThrow('was deleted')
})

test('records without a key are left out', async () => {
  const tide = await createTide()
  const topic = tide.topic('plain', { value: string })
  await topic.sendBatch([{ value: '1' }, { key: 'a', value: '2' }])
  await using table = await tide.table(topic)
  expect([...table]).toEqual([['a', '2']])
})

test('a reader has tables, too, of what the owner goes on writing', async () => {
  const environment = new MemoryEnvironment()
  const tide = await createTide(environment)
  const topic = tide.topic('settings', { value: string, configs: compacted })
  await topic.send({ key: 'a', value: '1' })
  await using reader = await open('memory:', { environment: environment.anotherProcess(), readOnly: true })
  await using table = await reader.table(reader.topic('settings', { value: string }))
  expect(table.get('a')).toBe('1')
  const changes = table.changes()[Symbol.asyncIterator]()
  await topic.send({ key: 'a', value: '2' })
  expect((await changes.next()).value).toEqual({ key: 'a', value: '2', previous: '1' })
})

test('table refuses what is no topic of this directory', async () => {
  const [tide, other] = [await createTide(), await createTide()]
  await expect(tide.table(other.topic('t'))).rejects.toThrow('table: topic "t" is not of this Tidemark object')
  await expect(tide.table('t' as never)).rejects.toThrow("table: a topic is 't'")
})
