import { expect, test } from 'vitest'
import { json, TidemarkError } from '../../../sdk/index.ts'
import { createClient, turns, until } from './support/create-client.ts'
import { createRun, type Text } from './support/create-run.ts'

const fail = () => {
  throw new RangeError('no such card')
}
const toDead = { onFailure: { deadLetter: 'dead' } } as const

async function textOf(records: AsyncIterable<{ readonly value: Uint8Array | null }>): Promise<(string | undefined)[]> {
  const texts = []
  for await (const { value } of records) texts.push(value === null ? undefined : Buffer.from(value).toString())
  return texts
}

test('a dead letter has the bytes and headers of its record, and headers that tell what happened', async () => {
  const { tide, consume, committed, environment } = await createRun()
  const raw = tide.topic('t', { value: { serialize: (value: Uint8Array) => value, deserialize: (value) => value } })
  const key = 'card-17'
  const headers = [
    { key: 'trace', value: Buffer.from([0, 255]) },
    { key: 'trace', value: null },
  ]
  await raw.send({ key, value: Buffer.from([1, 2, 128]), headers, timestampMs: 1_234 })
  await consume().run(fail, { ...toDead, retry: { attempts: 1 } })
  expect((await committed())?.offset).toBe(1)
  const [{ topicId } = { topicId: '' }] = (await tide.topics.list()).filter(({ name }) => name === 't')
  const letters = []
  for await (const letter of tide.topic('dead').read({ follow: false })) letters.push(letter)
  expect(letters).toHaveLength(1)
  const [letter] = letters
  expect(letter?.key).toBe(key)
  expect(Buffer.from(letter!.value)).toEqual(Buffer.from([1, 2, 128]))
  expect(letter?.headers.slice(0, 2)).toEqual(headers)
  const added = letter!.headers.slice(2).map((header) => [header.key, header.value?.toString()])
  expect(added).toEqual([
    ['tidemark.dead-letter.topic', 't'],
    ['tidemark.dead-letter.topic-id', topicId],
    ['tidemark.dead-letter.partition', '0'],
    ['tidemark.dead-letter.offset', '0'],
    ['tidemark.dead-letter.timestamp', '1234'],
    ['tidemark.dead-letter.group', 'g'],
    ['tidemark.dead-letter.attempts', '1'],
    ['tidemark.dead-letter.error', 'RangeError'],
    ['tidemark.dead-letter.message', 'no such card'],
    ['tidemark.dead-letter.failed-at', String(environment.clock.nowMs())],
  ])
})

test('a value that cannot be decoded becomes a dead letter at once, byte for byte', async () => {
  const { tide } = await createRun([
    ['a', '{"n":1}'],
    ['b', 'no json'],
    ['c', '{"n":3}'],
  ])
  await tide.topic('t').send({ key: 'd', value: Buffer.from('{') })
  const seen: number[] = []
  const attempts: number[] = []
  await tide
    .topic('t', { value: json<{ n: number }>() })
    .consume({ group: 'g', follow: false })
    .run(
      ({ value }, { number }) => {
        attempts.push(number)
        seen.push(value.n)
      },
      { ...toDead, retry: { attempts: 5, delayMs: 0 } },
    )
  expect(seen).toEqual([1, 3])
  expect(Math.max(...attempts)).toBe(1)
  expect(await textOf(tide.topic('dead').read({ follow: false }))).toEqual(['no json', '{'])
})

test('a letter that was written before the process died is not written again, whatever the commit says', async () => {
  const { tide, consume, environment } = await createRun([
    ['slow', '0'],
    ['x', '1'],
    ['y', '2'],
  ])
  const handler = ({ value }: Text) => (value === '0' ? new Promise<void>(() => {}) : fail())
  void consume({ follow: true }).run(handler, { ...toDead, concurrency: 3 })
  let ends: readonly { readonly offset: number }[] = []
  await until('both are written', () => {
    void tide
      .topic('dead', { create: 'never' })
      .offsets('latest')
      .then(
        (found) => (ends = found),
        () => {},
      )
    return ends[0]?.offset === 2
  })
  const later = await createRun([['z', '3']], { environment: environment.crash() })
  expect(await later.committed()).toBeUndefined()
  await later.consume().run(fail, toDead)
  expect((await later.committed())?.offset).toBe(4)
  expect(await textOf(later.tide.topic('dead').read({ follow: false }))).toEqual(['1', '2', '0', '3'])
})

test('another group that gives up on the same record writes a letter of its own', async () => {
  const { tide, consume } = await createRun([['a', '1']])
  await consume().run(fail, toDead)
  await consume({ group: 'other' }).run(fail, toDead)
  expect(await textOf(tide.topic('dead').read({ follow: false }))).toEqual(['1', '1'])
})

test('a record of a topic that was deleted and made anew is another one', async () => {
  const { tide, consume, topic } = await createRun([['a', '1']])
  await consume().run(fail, toDead)
  await tide.topics.delete('t')
  await topic.send({ key: 'a', value: '1' })
  await consume().run(fail, toDead)
  expect(await textOf(tide.topic('dead').read({ follow: false }))).toEqual(['1', '1'])
})

test('where the letter cannot be written the run stops with that, and the record is handed out again', async () => {
  const { consume, committed, environment } = await createRun([['a', '1']])
  const handler = () => {
    environment.failNext('write', { error: 'ENOSPC' })
    fail()
  }
  await expect(consume().run(handler, toDead)).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
  expect(await committed()).toMatchObject({ offset: 0 })
})

test('the largest record that a topic takes fits into the topic of dead letters, with its headers', async () => {
  const { tide, consume } = await createRun()
  const value = 'x'.repeat(1_048_000)
  await tide.topic('t').send({ value: Buffer.from(value) })
  const handler = () => {
    throw new Error('e'.repeat(10_000))
  }
  await consume().run(handler, toDead)
  const [text] = await textOf(tide.topic('dead').read({ follow: false }))
  expect(text === value).toBe(true)
})

test('a function may send different failures to different topics, and never back to where they are from', async () => {
  const { tide, consume, committed } = await createRun([
    ['a', '1'],
    ['b', '2'],
    ['c', '3'],
  ])
  const deadLetter = (value: string) => (value === '3' ? 't' : `dead-${value}`)
  const run = consume().run(fail, { onFailure: ({ value }) => ({ deadLetter: deadLetter(value) }) })
  await expect(run).rejects.toThrow(TidemarkError)
  await expect(run).rejects.toThrow('dead letters cannot go to topic "t"')
  expect(await textOf(tide.topic('dead-1').read({ follow: false }))).toEqual(['1'])
  expect(await textOf(tide.topic('dead-2').read({ follow: false }))).toEqual(['2'])
  expect((await committed())?.offset).toBe(2)
})

test('a consumer that is closed while a letter is written leaves its group when the letter is there, and the record counts', async () => {
  const { broker, topic } = createClient()
  broker.addTopic('t')
  broker.addTopic('dead')
  broker.append('t', 0, ['1', '2'])
  const written = Promise.withResolvers<void>()
  let isWriting = false
  broker.override('produce', async (_, usual) => {
    isWriting = true
    await written.promise
    return usual()
  })
  const consumer = topic().consume({ group: 'g' })
  const run = consumer.run(fail, toDead)
  await until('the letter is on its way', () => isWriting)
  let isClosed = false
  const closed = consumer.close().then(() => (isClosed = true))
  await turns()
  expect([isClosed, broker.members.size]).toEqual([false, 1])
  written.resolve()
  await closed
  await run
  expect([broker.committed('t', 0), broker.members.size]).toEqual([1, 0])
})
