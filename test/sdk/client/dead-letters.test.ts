import { expect, test } from 'vitest'
import { open, type Tidemark } from '../../../sdk/index.ts'
import { createRun } from './support/create-run.ts'

/** A directory in which group `g` gave up on these values. */
async function createLetters(...values: readonly string[]) {
  const run = await createRun(
    values.map((value) => [value[0]!, value] as const),
    { partitions: 3 },
  )
  const handler = () => {
    throw new RangeError('no such card')
  }
  await run.consume().run(handler, { onFailure: { deadLetter: 'dead' } })
  return { ...run, letters: run.tide.deadLetters('dead') }
}

async function valuesOf(tide: Tidemark, topic: string): Promise<string[]> {
  const values: string[] = []
  for await (const { value } of tide.topic(topic).read({ follow: false })) values.push(Buffer.from(value).toString())
  return values.toSorted()
}

test('dead letters are listed with what they were, why they are here and since when', async () => {
  const { letters, environment } = await createLetters('a1')
  const [letter] = await letters.list()
  expect(letter).toMatchObject({
    topic: 'dead',
    partition: 0,
    offset: 0,
    id: 'dead-0@0',
    headers: [],
    origin: { topic: 't', offset: 0, timestampMs: environment.clock.nowMs() },
    group: 'g',
    attempts: 1,
    error: { name: 'RangeError', message: 'no such card' },
    failedAtMs: environment.clock.nowMs(),
    sentBack: null,
  })
  expect(Buffer.from(letter!.bytes.key!).toString()).toBe('a')
  expect(Buffer.from(letter!.bytes.value!).toString()).toBe('a1')
})

test('other records of the topic are no dead letters, and those of another group can be left out', async () => {
  const { tide, letters } = await createLetters('a1')
  await tide.topic('dead').send({ value: Buffer.from('something'), headers: { 'tidemark.dead-letter.topic': 't' } })
  await tide.topic('dead').send({ value: Buffer.from('else') })
  expect(await letters.list()).toHaveLength(1)
  expect(await letters.list({ group: 'g' })).toHaveLength(1)
  expect(await letters.list({ group: 'other' })).toEqual([])
})

test('a letter goes back to its partition with key, value and headers as they were, and is processed there', async () => {
  const { tide, topic, consume, letters } = await createRun([], { partitions: 3 }).then((run) => ({
    ...run,
    letters: run.tide.deadLetters('dead'),
  }))
  await topic.send({ key: 'a', value: '1', partition: 2, headers: { trace: 'x' } })
  const fail = () => {
    throw new Error('closed')
  }
  await consume().run(fail, { onFailure: { deadLetter: 'dead' } })
  expect(await letters.sendBack()).toMatchObject([{ topic: 't', partition: 2, offset: 1 }])
  const seen: object[] = []
  await consume().run(({ key, value, partition, headers }) => {
    seen.push({ key, value, partition, headers: headers.map((each) => [each.key, each.value?.toString()]) })
  })
  const headers = [
    ['trace', 'x'],
    ['tidemark.sent-back', 'dead-0@0'],
  ]
  expect(seen).toEqual([{ key: 'a', value: '1', partition: 2, headers }])
  expect((await tide.lag({ group: 'g' })).every(({ lagRecords }) => lagRecords === 0)).toBe(true)
})

test('what was sent back is not sent again, neither by the same list, nor twice at once, nor after a crash', async () => {
  const { tide, letters, environment } = await createLetters('a1', 'b1', 'c1')
  const list = await letters.list()
  const [first, second] = await Promise.all([letters.sendBack(list.slice(0, 2)), letters.sendBack(list)])
  expect([first.length, second.length]).toEqual([2, 1])
  expect(await letters.sendBack(list)).toEqual([])
  expect(await letters.list()).toEqual([])
  expect(await letters.list({ sentBack: true })).toHaveLength(3)
  expect(await valuesOf(tide, 't')).toEqual(['a1', 'a1', 'b1', 'b1', 'c1', 'c1'])
  await using later = await open('memory:', { environment: environment.crash() })
  expect(await later.deadLetters('dead').list()).toEqual([])
  expect(await later.deadLetters('dead').sendBack()).toEqual([])
})

test('a record that fails again after it was sent back is a new letter, which names the one before', async () => {
  const { consume, letters } = await createLetters('a1')
  await letters.sendBack()
  const fail = () => {
    throw new Error('still')
  }
  await consume().run(fail, { onFailure: { deadLetter: 'dead' } })
  const [letter, ...others] = await letters.list()
  expect(others).toEqual([])
  expect(letter).toMatchObject({ id: 'dead-0@1', error: { message: 'still' }, origin: { offset: 1 } })
  expect(letter?.headers.map(({ key, value }) => [key, value?.toString()])).toEqual([
    ['tidemark.sent-back', 'dead-0@0'],
  ])
})

test('of a letter that two members wrote one is listed and sent back, whichever it is', async () => {
  for (const which of [0, 1]) {
    const { tide, letters, topic } = await createLetters('a1', 'b1')
    const stored = tide.topic('dead')
    for await (const { key, value, headers } of stored.read({ follow: false }))
      await stored.send({ key, value, headers })
    expect(await valuesOf(tide, 'dead')).toEqual(['a1', 'a1', 'b1', 'b1'])
    const listed = await letters.list()
    expect(listed.map(({ id }) => id)).toEqual(['dead-0@0', 'dead-0@1'])
    const twin = { ...listed[0]!, id: 'dead-0@2', offset: 2 }
    expect(await letters.sendBack([which === 0 ? listed[0]! : twin])).toHaveLength(1)
    expect((await letters.list()).map(({ id }) => id)).toEqual(['dead-0@1'])
    expect((await letters.list({ sentBack: true })).map(({ sentBack }) => sentBack?.topic)).toEqual(['t', undefined])
    expect(await letters.sendBack()).toHaveLength(1)
    expect(await letters.list()).toEqual([])
    expect(await valuesOf(tide, topic.name)).toEqual(['a1', 'a1', 'b1', 'b1'])
  }
})

test('letters in a topic that was deleted and made anew are other letters', async () => {
  const { tide, consume, letters } = await createLetters('a1')
  await letters.sendBack()
  await tide.topics.delete('dead')
  const fail = () => {
    throw new Error('still')
  }
  await consume().run(fail, { onFailure: { deadLetter: 'dead' } })
  expect(await letters.list()).toMatchObject([{ id: 'dead-0@0', sentBack: null }])
})

test('where some cannot be sent the others are, and noted', async () => {
  const { tide, letters } = await createLetters('a1', 'b1')
  const [a, b] = await letters.list()
  const gone = { ...a!, origin: { ...a!.origin, topic: 'gone' } }
  await expect(letters.sendBack([gone, b!])).rejects.toMatchObject({ code: 'UNKNOWN_TOPIC', topic: 'gone' })
  expect((await letters.list()).map(({ id }) => id)).toEqual([a!.id])
  expect(await valuesOf(tide, 't')).toHaveLength(3)
})

test('a topic that is not there yet has no letters, and is not created by looking', async () => {
  const { tide } = await createRun()
  expect(await tide.deadLetters('dead').list()).toEqual([])
  expect(await tide.deadLetters('dead').sendBack()).toEqual([])
  expect(() => tide.deadLetters('a/b')).toThrow('a/b')
  expect((await tide.topics.list()).map(({ name }) => name)).not.toContain('dead')
})

test('a reader lists what the owner has written, and cannot send it back', async () => {
  const { environment } = await createLetters('a1')
  await using reader = await open('memory:', { environment: environment.anotherProcess(), readOnly: true })
  expect(await reader.deadLetters('dead').list()).toHaveLength(1)
  await expect(reader.deadLetters('dead').sendBack()).rejects.toMatchObject({ code: 'READ_ONLY' })
})
