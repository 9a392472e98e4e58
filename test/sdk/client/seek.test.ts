import { expect, onTestFinished, test } from 'vitest'
import { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import { type ConsumeOptions, open, string } from '../../../sdk/index.ts'
import { turns, until } from './support/create-client.ts'

async function createTide(partitions = 1) {
  const environment = new MemoryEnvironment({ clock: 'manual' })
  const tide = await open('memory:', { environment })
  onTestFinished(() => tide.close().catch(() => {}))
  const t = tide.topic('t', { value: string, partitions })
  for (let partition = 0; partition < partitions; partition++) {
    await t.sendBatch(Array.from({ length: 10 }, (_, n) => ({ value: `${n}`, partition, timestampMs: 1_000 * n + 1 })))
  }
  const committed = async () => (await tide.groups.offsets('g')).map(({ offset }) => offset)
  const consume = (options: Partial<ConsumeOptions> = {}) => t.consume({ group: 'g', ...options })
  return { tide, t, committed, consume }
}

const first = { topic: 't', partition: 0 }

test('a loop goes on where it was sent, back and forth, and the group with it', async () => {
  const { committed, consume } = await createTide()
  const consumer = consume({ limit: 9 })
  const seen: number[] = []
  for await (const { offset } of consumer) {
    seen.push(offset)
    if (seen.length === 3) await consumer.seek(first, { offset: 8 })
    if (seen.length === 5) await consumer.seek(first, 'earliest')
    if (seen.length === 6) await consumer.seek(first, { timestampMs: 5_000 })
  }
  expect(seen).toEqual([0, 1, 2, 8, 9, 0, 5, 6, 7])
  expect(await committed()).toEqual([8])
})

test('only the place is committed where nothing was processed after it', async () => {
  const { committed, consume } = await createTide()
  const consumer = consume()
  for await (const { offset } of consumer) {
    if (offset < 4) continue
    await consumer.seek(first, { offset: 2 })
    break
  }
  expect(await committed()).toEqual([2])
})

test('what was handed out before no longer counts, be it done later', async () => {
  const { committed, consume } = await createTide()
  const consumer = consume({ processed: 'done', limit: 8 })
  const held = []
  for await (const record of consumer) {
    held.push(record)
    if (held.length === 5) await consumer.seek(first, { offset: 1 })
  }
  expect(held.map(({ offset }) => offset)).toEqual([0, 1, 2, 3, 4, 1, 2, 3])
  for (const record of held.slice(0, 5)) record.done()
  await consumer.commit()
  expect(await committed()).toEqual([1])
  for (const record of held.slice(5)) record.done()
  await consumer.close()
  expect(await committed()).toEqual([4])
})

test('batches go on there too, and without follow the end stays the one that was seen', async () => {
  const { committed, consume } = await createTide()
  const consumer = consume({ follow: false })
  const seen: number[][] = []
  for await (const { records } of consumer.batches({ maxRecords: 4 })) {
    seen.push(records.map(({ offset }) => offset))
    if (seen.length === 1) await consumer.seek(first, { offset: 7 })
  }
  expect(seen).toEqual([
    [0, 1, 2, 3],
    [7, 8, 9],
  ])
  expect(await committed()).toEqual([10])
})

test('a loop that waits at the end goes on when it is sent back', async () => {
  const { consume } = await createTide()
  const consumer = consume()
  const seen: number[] = []
  const run = (async () => {
    for await (const { offset } of consumer) seen.push(offset)
  })()
  await until('it waits', () => seen.length === 10)
  await turns()
  await consumer.seek(first, { offset: 9 })
  await until('it goes on', () => seen.length === 11)
  expect(seen.at(-1)).toBe(9)
  await consumer.close()
  await run
})

test('a place that is not there, or a partition that others have, is refused, and nothing changes', async () => {
  const { committed, consume } = await createTide()
  const consumer = consume({ limit: 3 })
  await expect(consumer.seek(first, 'earliest')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  for await (const { offset } of consumer) {
    if (offset !== 1) continue
    await expect(consumer.seek(first, { offset: 11 })).rejects.toMatchObject({
      code: 'OFFSET_OUT_OF_RANGE',
      offset: 11,
    })
    await expect(consumer.seek({ topic: 't', partition: 1 }, 'earliest')).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: 'seek: the consumer does not have t-1 now. It has t-0.',
    })
    await expect(consumer.seek(first, 'begin' as never)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  }
  expect(await committed()).toEqual([3])
})

test('single partitions are paused and resumed, and keep what is buffered of them', async () => {
  const { consume } = await createTide(3)
  const consumer = consume({ limit: 30 })
  const seen: number[] = []
  for await (const { topic, partition } of consumer) {
    seen.push(partition)
    if (seen.length === 1) {
      const others = [0, 1, 2].filter((each) => each !== partition)
      consumer.pause(others.map((each) => ({ topic, partition: each })))
    }
    if (seen.length !== 10) continue
    expect(new Set(seen).size).toBe(1)
    consumer.resume()
  }
  expect([0, 1, 2].map((partition) => seen.filter((each) => each === partition).length)).toEqual([10, 10, 10])
})
