import { readFileSync } from 'node:fs'
import { Readable, Transform, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import pMap from 'p-map'
import { expect, onTestFinished, test } from 'vitest'
import { open, type Tidemark, type TopicRecord } from '../../../sdk/index.ts'

type Record = TopicRecord<'t', string | null, Uint8Array>

async function createTopic(records: number): Promise<{
  tide: Tidemark
  consume: () => AsyncIterable<Record> & { close(): Promise<void> }
  committed: () => Promise<number>
}> {
  const tide = await open('memory:')
  onTestFinished(() => tide.close())
  const topic = tide.topic('t')
  await topic.sendBatch(Array.from({ length: records }, (_, index) => ({ value: Buffer.from(String(index)) })))
  return {
    tide,
    consume: () => topic.consume({ group: 'g', processed: 'done', follow: false, maxUndone: 50 }),
    committed: async () => (await tide.groups.offsets('g'))[0]?.offset ?? 0,
  }
}

const SITUATIONS: { readonly [name: string]: () => Promise<void> } = {
  pipeline: async () => {
    const { consume, committed } = await createTopic(100)
    let written = 0
    const failing = new Writable({
      objectMode: true,
      write: (record: Record, _, next) => {
        if (++written > 30) return next(new Error('the disk is full'))
        record.done()
        next()
      },
    })
    const passOn = new Transform({ objectMode: true, transform: (record, _, next) => next(null, record) })
    await expect(pipeline(Readable.from(consume()), passOn, failing)).rejects.toThrow('the disk is full')
    // The stream had asked for far more than the 30 that were written.
    expect(await committed()).toBe(30)
  },
  'p-map': async () => {
    const { consume, committed } = await createTopic(100)
    const finished: number[] = []
    const work = async (record: Record) => {
      // The slowest are the multiples of ten; number 40 fails.
      for (let turn = 0; turn < (record.offset % 10 === 0 ? 25 : 1); turn++)
        await new Promise((resolve) => setImmediate(resolve))
      if (record.offset === 40) throw new Error('number 40')
      record.done()
      finished.push(record.offset)
    }
    await expect(pMap(consume(), work, { concurrency: 16 })).rejects.toThrow('number 40')
    expect(Math.max(...finished)).toBeGreaterThan(40)
    expect(await committed()).toBeLessThanOrEqual(40)
    expect(finished).toEqual(expect.arrayContaining(Array.from({ length: await committed() }, (_, offset) => offset)))
    // What came out of order is not lost: the next run gets everything from the first that was not done.
    const again: number[] = []
    const redo = async (record: Record) => {
      again.push(record.offset)
      record.done()
    }
    await pMap(consume(), redo, { concurrency: 16 })
    expect(again).toContain(40)
    expect(await committed()).toBe(100)
  },
  'collect, then write': async () => {
    const { consume, committed } = await createTopic(100)
    const write = async () => {
      let collected: Record[] = []
      for await (const record of consume()) {
        collected.push(record)
        if (collected.length < 25) continue
        if (record.offset > 60) throw new Error('the database is away')
        await Promise.resolve()
        for (const each of collected) each.done()
        collected = []
      }
    }
    await expect(write()).rejects.toThrow('the database is away')
    expect(await committed()).toBe(50)
  },
  'a forgotten `await`': async () => {
    const { consume, committed } = await createTopic(200)
    let started = 0
    let mostAhead = 0
    let finished = 0
    const finish: (() => void)[] = []
    for await (const record of consume()) {
      started++
      finish.push(() => {
        finished++
        record.done()
      })
      mostAhead = Math.max(mostAhead, started - finished)
      // The work is not awaited; somebody finishes the oldest once the loop has run ahead by 40.
      if (finish.length > 40) finish.shift()?.()
      if (started === 150) break
    }
    expect(mostAhead).toBeLessThanOrEqual(50)
    expect(await committed()).toBe(110)
  },
}

for (const [name, situation] of Object.entries(SITUATIONS)) {
  test(`${name}, in 'done' mode: only finished work is committed, and only as a prefix`, situation)
}

test('ARCHITECTURE.md lists exactly these situations', () => {
  const text = readFileSync(new URL('../../../ARCHITECTURE.md', import.meta.url), 'utf8')
  const table = text.split('| situation | what is committed |')[1]?.split('\n\n')[0] ?? ''
  const rows = table
    .split('\n')
    .flatMap((line) => (line.startsWith('| ') ? [line.split(' | ')[0]?.slice(2).trim()] : []))
  expect(rows.map((row) => row?.replace(/^`(pipeline|p-map)`$/, '$1'))).toEqual(Object.keys(SITUATIONS))
})

test('a loop that runs ahead of its work stops at maxUndone and goes on when something is done', async () => {
  const { consume } = await createTopic(100)
  const iterator = consume()[Symbol.asyncIterator]()
  const inHand: Record[] = []
  for (let count = 0; count < 50; count++) inHand.push((await iterator.next()).value as Record)
  let handedOut = false
  const next = iterator.next().then(() => {
    handedOut = true
  })
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
  expect(handedOut).toBe(false)
  inHand[0]?.done()
  await next
  await iterator.return?.()
})
