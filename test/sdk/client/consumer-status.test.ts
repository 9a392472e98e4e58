import { expect, onTestFinished, test } from 'vitest'
import { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import { type Consumer, open, string, type TopicRecord } from '../../../sdk/index.ts'
import { turns } from './support/create-client.ts'

type Text = TopicRecord<'t', string | null, string>

async function createTide(partitions: number, records = 10) {
  const environment = new MemoryEnvironment({ clock: 'manual' })
  const tide = await open('memory:', { environment })
  onTestFinished(() => tide.close().catch(() => {}))
  const t = tide.topic('t', { value: string, partitions })
  await t.ensure()
  for (let partition = 0; partition < partitions; partition++) {
    await t.sendBatch(Array.from({ length: records }, (_, n) => ({ value: `${n}`, partition })))
  }
  return { environment, tide, t }
}

const statesOf = async (consumer: Consumer<Text>) => (await consumer.status()).partitions.map(({ state }) => state)

test('a body that takes long shows, with its record and for how long', async () => {
  const { environment, t } = await createTide(1)
  const consumer = t.consume({ group: 'g' })
  expect(await consumer.status()).toMatchObject({
    group: 'g',
    state: 'idle',
    reason: 'Nobody has asked for a record yet.',
    partitions: [],
  })
  for await (const { offset } of consumer) {
    if (offset < 4) continue
    for (let step = 0; step < 10; step++) {
      environment.advance(500)
      await turns(1)
    }
    const { state, reason, partitions } = await consumer.status()
    expect({ state, reason }).toEqual({ state: 'running', reason: null })
    const expected = { state: 'running', inHand: 't-0@4', undone: 1, nextOffset: 5, processedOffset: 4 }
    expect(partitions).toMatchObject([expected])
    expect(partitions[0]!.runningMs).toBeGreaterThanOrEqual(4_500)
    expect(partitions[0]!.runningMs).toBeLessThanOrEqual(5_000)
    break
  }
  expect(await consumer.status()).toMatchObject({ state: 'closed', reason: 'Its loop is over.', partitions: [] })
})

test('partitions wait, are ready, paused and backpressured', async () => {
  const { t } = await createTide(2, 3)
  const consumer = t.consume({ group: 'g', processed: 'done', maxUndone: 2 }) as Consumer<Text>
  const loop = consumer[Symbol.asyncIterator]()
  const records = [(await loop.next()).value!]
  const other = 1 - records[0]!.partition
  const both = async () => {
    const states = await statesOf(consumer)
    return [states[records[0]!.partition], states[other]]
  }
  await turns()
  expect(await both()).toEqual(['running', 'ready'])
  for (let n = 0; n < 3; n++) records.push((await loop.next()).value!)
  expect(await both()).toEqual(['backpressured', 'backpressured'])
  for (const record of records) record.done()
  for (let n = 0; n < 2; n++) (await loop.next()).value!.done()
  const waiting = loop.next()
  await turns()
  expect(await both()).toEqual(['waiting', 'waiting'])
  consumer.pause([{ topic: 't', partition: other }])
  expect(await both()).toEqual(['waiting', 'paused'])
  await consumer.close()
  await waiting
})

test('a member that waits says for what and for whom, and the other that it is to give it up', async () => {
  const { environment, t, tide } = await createTide(2)
  const first = t.consume({ group: 'g', processed: 'done' }) as Consumer<Text>
  const loop = first[Symbol.asyncIterator]()
  const held = [(await loop.next()).value!, (await loop.next()).value!]
  while (held.at(-1)!.partition === held[0]!.partition) held.push((await loop.next()).value!)
  const second = t.consume({ group: 'g' }) as Consumer<Text>
  const run = second[Symbol.asyncIterator]().next()
  const step = async () => {
    environment.advance(500)
    await turns(3)
  }
  for (let n = 0; n < 4; n++) await step()
  expect((await statesOf(first)).toSorted()).toEqual(['ending', 'running'])
  const { state, reason, partitions } = await second.status()
  expect({ state, partitions }).toEqual({ state: 'running', partitions: [] })
  const { memberId } = await first.status()
  expect(reason).toMatch(
    new RegExp(`^It waits for t-[01], which member ${memberId} \\(tidemark on .*\\) is to give up\\.$`),
  )
  for (const record of held) record.done()
  for (let n = 0; n < 4; n++) await step()
  await run
  expect((await second.status()).partitions.length).toBe(1)
  const third = t.consume({ group: 'g' }) as Consumer<Text>
  const nothing = third[Symbol.asyncIterator]().next()
  for (let n = 0; n < 4; n++) await step()
  expect((await third.status()).reason).toBe(
    "The group's 2 partitions are with 2 other members: there are none left for this one.",
  )
  await tide.close()
  await nothing
})

test('an expression that matches nothing says so', async () => {
  const { tide } = await createTide(1)
  const consumer = tide.consume(/^orders/, { group: 'g' })
  const first = consumer[Symbol.asyncIterator]().next()
  await turns()
  expect((await consumer.status()).reason).toBe('No topic matches /^orders/.')
  await consumer.close()
  await first
})
