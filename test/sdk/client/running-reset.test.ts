/** Groups that are moved while their members run. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { expect, onTestFinished, test } from 'vitest'
import { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import { type ConsumeOptions, open, type ResetTarget, string, type TopicRecord } from '../../../sdk/index.ts'
import { turns, until } from './support/create-client.ts'

/** Every partition of `t` has ten records. */
async function createTide(partitions = 1) {
  const environment = new MemoryEnvironment({ clock: 'manual' })
  const lines: string[] = []
  const logger = { info: (line: string) => lines.push(line), warn: () => {}, error: () => {} }
  const tide = await open('memory:', { environment, logger })
  onTestFinished(() => tide.close().catch(() => {}))
  const t = tide.topic('t', { value: string, partitions })
  for (let partition = 0; partition < partitions; partition++) {
    await t.sendBatch(Array.from({ length: 10 }, (_, n) => ({ value: `${n}`, partition })))
  }
  const committed = async () => (await tide.groups.offsets('g')).map(({ offset }) => offset)
  const consume = (options: Partial<ConsumeOptions> = {}) => t.consume({ group: 'g', ...options })
  /** Moves the group in partition 0, and lets its members hear of it. */
  const move = async (target: ResetTarget) => {
    await moveUnheard(target)
    await pass()
  }
  const moveUnheard = async (target: ResetTarget) => {
    const plan = await tide.groups.planReset('g', target, { topics: [{ topic: 't', partitions: [0] }] })
    await plan.apply({ running: true })
  }
  const pass = async (ms = 1_000) => {
    for (let passed = 0; passed < ms; passed += 100) {
      environment.advance(100)
      await turns(2)
    }
  }
  return { environment, lines, tide, t, committed, consume, move, moveUnheard, pass }
}

/** Reads along, and keeps what it saw of a partition. */
function follow(
  records: AsyncIterable<{ readonly partition: number; readonly offset: number }>,
  seen: string[] = [],
): string[] {
  const read = async () => {
    for await (const { partition, offset } of records) seen.push(`${partition}@${offset}`)
  }
  read().catch((error: unknown) => seen.push(String(error)))
  return seen
}

test('a loop goes on where its group was moved, without an error, and says so', async () => {
  const { committed, consume, lines, move, pass } = await createTide()
  const events: unknown[] = []
  const listener = (event: unknown) => events.push(event)
  subscribe('tidemark:partitions.moved', listener)
  onTestFinished(() => void unsubscribe('tidemark:partitions.moved', listener))
  const seen = follow(consume())
  await pass()
  expect(await committed()).toEqual([10])
  await move({ offset: 7 })
  expect(seen.slice(10)).toEqual(['0@7', '0@8', '0@9'])
  await pass()
  expect(await committed()).toEqual([10])
  expect(events).toMatchObject([{ group: 'g', offsets: [{ topic: 't', partition: 0, offset: 7 }] }])
  expect(lines).toContain('Group "g" was moved to offset 7 of t-0: its consumer goes on there.')
  expect(lines.filter((line) => line.includes('was given'))).toHaveLength(1)
})

test('a body that hangs holds nobody up: its record no longer counts, and its signal tells it', async () => {
  const { committed, consume, move, pass } = await createTide()
  const loop = consume({ processed: 'done' })[Symbol.asyncIterator]()
  const held = (await loop.next()).value!
  const signal = held.signal
  await pass()
  expect(await committed()).toEqual([])
  await move({ offset: 1 })
  expect(signal.aborted).toBe(true)
  expect((await loop.next()).value).toMatchObject({ offset: 1 })
  held.done()
  await pass(6_000)
  expect(await committed()).toEqual([1])
})

test('in a loop that awaits its body the record in hand does not count once the body comes back', async () => {
  const { committed, consume, move } = await createTide()
  const loop = consume({ commit: { everyRecords: 1 } })[Symbol.asyncIterator]()
  for (let n = 0; n < 5; n++) await loop.next()
  expect(await committed()).toEqual([4])
  await move('earliest')
  expect((await loop.next()).value).toMatchObject({ offset: 0 })
  expect(await committed()).toEqual([0])
  await loop.return?.()
})

test('a record that makes the loop throw, again and again, is skipped, between two attempts or during one', async () => {
  const { consume, moveUnheard, pass } = await createTide()
  const seen: number[] = []
  let isOver = false
  const service = async () => {
    while (!isOver) {
      try {
        for await (const { offset } of consume()) {
          if (offset === 4 || offset === 6) throw new Error('poison')
          seen.push(offset)
        }
      } catch {
        await turns(3)
      }
    }
  }
  const running = service()
  for (const skipped of [4, 6]) {
    await pass(500)
    expect(seen.at(-1)).toBe(skipped - 1)
    await moveUnheard({ offset: skipped + 1 })
  }
  await until('the rest is read', () => seen.at(-1) === 9)
  expect(seen).toEqual([0, 1, 2, 3, 5, 7, 8, 9])
  isOver = true
  void running
})

test('what was processed in other partitions stays processed, committed or not', async () => {
  const { committed, consume, move, pass } = await createTide(3)
  const seen = follow(consume({ commit: { intervalMs: 60_000, idleMs: 60_000 } }))
  await pass()
  expect(seen).toHaveLength(30)
  await move({ offset: 8 })
  expect(seen.slice(30)).toEqual(['0@8', '0@9'])
  await pass(60_000)
  expect(await committed()).toEqual([10, 10, 10])
})

test('what was handed out before the member hears of the move is committed by nobody', async () => {
  const { committed, consume, moveUnheard, pass } = await createTide()
  const loop = consume({ commit: { everyRecords: 1 } })[Symbol.asyncIterator]()
  for (let n = 0; n < 3; n++) await loop.next()
  await moveUnheard({ offset: 9 })
  await loop.next()
  await loop.next()
  expect(await committed()).toEqual([9])
  await pass()
  expect((await loop.next()).value).toMatchObject({ offset: 9 })
  await loop.return?.()
  expect(await committed()).toEqual([9])
})

test('of several members only the one that has the partition starts again, and nobody loses its place', async () => {
  const { consume, lines, move, pass } = await createTide(4)
  const seen = [1, 2].map(() => follow(consume()))
  await pass(3_000)
  const before = seen.map((each) => each.length)
  const given = lines.length
  await move({ offset: 6 })
  const after = seen.map((each, index) => each.slice(before[index]!))
  expect(after.toSorted((a, b) => a.length - b.length)).toEqual([[], ['0@6', '0@7', '0@8', '0@9']])
  expect(lines.slice(given)).toEqual(['Group "g" was moved to offset 6 of t-0: its consumer goes on there.'])
})

test('a static member that is away comes back to its place, and to the new offset', async () => {
  const { consume, move, pass } = await createTide()
  const first = consume({ instanceId: 'a' })
  follow(first)
  await pass()
  await first.close()
  await move({ offset: 5 })
  const seen = follow(consume({ instanceId: 'a' }))
  await pass()
  expect(seen).toEqual(['0@5', '0@6', '0@7', '0@8', '0@9'])
})

test('a paused partition stays paused, and goes on at the new place', async () => {
  const { consume, move, pass } = await createTide()
  const consumer = consume()
  const seen = follow(consumer)
  await pass()
  consumer.pause()
  await move({ offset: 8 })
  expect(seen).toHaveLength(10)
  consumer.resume()
  await pass()
  expect(seen.slice(10)).toEqual(['0@8', '0@9'])
})

test('it is undone like any other reset, while the loop runs', async () => {
  const { consume, committed, move, pass, tide } = await createTide()
  const seen = follow(consume({ commit: { everyRecords: 1 } }))
  await pass()
  await move({ offset: 8 })
  await pass()
  const undo = await tide.groups.planUndo('g')
  expect(undo.changes).toMatchObject([{ before: { offset: 10 }, after: { offset: 10 }, hasMovedOn: true }])
  await expect(undo.apply({ running: true })).rejects.toMatchObject({ code: 'GROUP_MOVED' })
  await undo.apply({ running: true, force: true })
  await pass()
  expect(seen.slice(10)).toEqual(['0@8', '0@9'])
  expect(await committed()).toEqual([10])
})

test('where nothing was committed before, undoing begins as if the group had never read', async () => {
  const { consume, move, pass, tide } = await createTide()
  const seen = follow(consume({ commit: 'manual' }))
  await pass()
  await move({ offset: 8 })
  await (await tide.groups.planUndo('g')).apply({ running: true })
  await pass()
  expect(seen.slice(10)).toEqual(['0@8', '0@9', ...Array.from({ length: 10 }, (_, n) => `0@${n}`)])
})

test('a commit by hand, batches and a stream know of it too', async () => {
  const { committed, consume, move, pass, tide } = await createTide()
  const manual = consume({ commit: 'manual' })
  const seen = follow(manual)
  await pass()
  await move({ offset: 3 })
  await manual.commit()
  expect(await committed()).toEqual([10])
  await manual.close()
  await (await tide.groups.planReset('g', 'earliest')).apply()

  const batches: number[][] = []
  const batched = consume()
  const read = async () => {
    for await (const batch of batched.batches({ maxRecords: 4, maxWaitMs: 200 })) {
      batches.push(batch.records.map(({ offset }) => offset))
    }
  }
  const reading = read()
  await pass()
  await move({ offset: 6 })
  await pass()
  expect(batches.at(-1)).toEqual([6, 7, 8, 9])
  await batched.close()
  await reading

  const streamed = consume()
  const stream = streamed.readable()
  const offsets: number[] = []
  stream.on('data', (record: TopicRecord) => {
    offsets.push(record.offset)
    record.done()
  })
  await pass()
  await move({ offset: 9 })
  await pass()
  expect(offsets).toEqual([9])
  expect(seen).toHaveLength(17)
  expect(await committed()).toEqual([10])
})

test('a handler that hangs on a record is told by its signal, and its partition goes on', async () => {
  const { committed, consume, move, pass } = await createTide()
  const seen: number[] = []
  const consumer = consume({ commit: { everyRecords: 1 } })
  const running = consumer.run(
    async ({ offset }, { signal }) => {
      seen.push(offset)
      if (offset === 2) await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    },
    { concurrency: 2, order: 'partition' },
  )
  await pass()
  expect(seen).toEqual([0, 1, 2])
  await move({ by: 1 })
  expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  await pass()
  expect(await committed()).toEqual([10])
  await consumer.close()
  await running
})

test('what a loop left undone holds nobody up: when that no longer counts, the group is left', async () => {
  const { consume, move, tide } = await createTide()
  for await (const _ of consume({ processed: 'done', limit: 1 })) {
    // Nobody is done with it.
  }
  expect((await tide.groups.describe('g')).members).toHaveLength(1)
  await move({ offset: 5 })
  expect((await tide.groups.describe('g')).members).toHaveLength(0)
})

test('a plan that was made before the group went on is refused, also of a running group', async () => {
  const { consume, pass, tide } = await createTide()
  await tide.groups.commit('g', [{ topic: 't', partition: 0, offset: 2 }])
  const plan = await tide.groups.planReset('g', { by: 1 })
  follow(consume())
  await pass()
  await expect(plan.apply({ running: true })).rejects.toMatchObject({
    code: 'GROUP_MOVED',
    message: expect.stringContaining('t-0'),
  })
  await plan.apply({ running: true, force: true })
  await plan.undo({ running: true, force: true })
  expect((await tide.groups.offsets('g'))[0]).toMatchObject({ offset: 2 })
})
