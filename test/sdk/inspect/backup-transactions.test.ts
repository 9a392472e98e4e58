/** Copies of a directory in which transactions are open, or end all the time. */
import { expect, onTestFinished, test } from 'vitest'
import { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import { open, string, type Tidemark } from '../../../sdk/index.ts'
import { backupDirectory } from '../../../sdk/inspect/backup.ts'

const PARTITIONS = 8

async function valuesOf(tide: Tidemark, name: string): Promise<string[][]> {
  const values: string[][] = Array.from({ length: PARTITIONS }, () => [])
  for await (const { partition, value } of tide.topic(name, { value: string }).read({ follow: false })) {
    values[partition]!.push(value)
  }
  return values
}

/** Copies it as another process does, without findings; what the copy did not flush is lost. */
async function backUp(environment: MemoryEnvironment, to: string, what: string): Promise<MemoryEnvironment> {
  const { findings } = await backupDirectory('/data', to, { environment: environment.anotherProcess() })
  const bad = findings!.filter(({ severity }) => severity !== 'note')
  expect(bad, what).toEqual([])
  return environment.crash()
}

test('what is open in the moment of a backup is aborted in the copy, what was committed is there, and the original goes on', async () => {
  const environment = new MemoryEnvironment({ clock: 'manual' })
  await using tide = await open('/data', { environment })
  const out = tide.topic('out', { value: string, partitions: PARTITIONS })
  await tide.topic('in', { value: string }).sendBatch(['0', '1', '2'].map((value) => ({ value })))
  const consumer = tide.topic('in', { value: string }).consume({ group: 'g', follow: false })
  for await (const { value } of consumer) {
    await consumer.transaction(async (tx) => {
      for (let partition = 0; partition < PARTITIONS; partition++) await tx.send(out, { value, partition })
      if (value !== '2') return
      const copied = await backUp(environment, '/copy', 'with one open')
      await using copy = await open('/copy', { environment: copied })
      expect(copy.recovery).toEqual([])
      expect(await valuesOf(copy, 'out')).toEqual(Array.from({ length: PARTITIONS }, () => ['0', '1']))
      expect((await copy.groups.offsets('g'))[0]?.offset).toBe(2)
      await copy.transaction((again) =>
        again.send(copy.topic('out', { value: string }), { value: 'new', partition: 0 }),
      )
      expect((await valuesOf(copy, 'out'))[0]).toEqual(['0', '1', 'new'])
    })
  }
  expect(await valuesOf(tide, 'out')).toEqual(Array.from({ length: PARTITIONS }, () => ['0', '1', '2']))
})

test('the very first transaction of a directory, copied at any moment of it, is whole in the copy or not there', async () => {
  const counts = new Set<number>()
  for (let turns = 0; turns < 60; turns += 3) {
    const environment = new MemoryEnvironment({ clock: 'manual' })
    await using tide = await open('/data', { environment })
    const out = tide.topic('out', { value: string, partitions: PARTITIONS })
    await out.sendBatch(Array.from({ length: PARTITIONS }, (_, partition) => ({ value: 'before', partition })))
    const sending = tide.transaction((tx) => {
      for (let partition = 0; partition < PARTITIONS; partition++) void tx.send(out, { value: 'first', partition })
    })
    for (let turn = 0; turn < turns; turn++) await environment.timers.yield()
    await backUp(environment, '/copy', `${turns} turns`)
    await sending
    await using copy = await open('/copy', { environment: environment.crash() })
    const found = (await valuesOf(copy, 'out')).map(({ length }) => length)
    expect(new Set(found).size, `${turns} turns: ${found}`).toBe(1)
    counts.add(found[0]!)
  }
  expect(counts, 'it was there, and it was not').toEqual(new Set([1, 2]))
})

/** Transactions that end one after the other, committed or aborted, each with a record in every partition. */
async function keepSending(tide: Tidemark, environment: MemoryEnvironment, name: string, isDone: () => boolean) {
  const out = tide.topic('out', { value: string, partitions: PARTITIONS })
  for (let n = 0; !isDone(); n++) {
    const transaction = tide.transaction(async (tx) => {
      for (let partition = 0; partition < PARTITIONS; partition++) {
        await tx.send(out, { value: `${name} ${n}`, partition })
        for (let turn = 0; turn < 10; turn++) await environment.timers.yield()
      }
      if (n % 5 === 4) throw new Error('not this one')
    })
    await transaction.catch((error: Error) => expect(error.message).toBe('not this one'))
  }
}

/** A step in transactions, from `in`, whose offset tells how many of its outputs there are. */
async function keepCopying(tide: Tidemark, isDone: () => boolean): Promise<void> {
  const copies = tide.topic('copies', { value: string })
  const consumer = tide.topic('in', { value: string }).consume({ group: 'copying' })
  for await (const { records } of consumer.batches({ maxRecords: 3 })) {
    await consumer.transaction((tx) => {
      for (const { value } of records) void tx.send(copies, { value })
    })
    if (isDone()) return
    await tide.topic('in', { value: string }).sendBatch(records.map(({ value }) => ({ value })))
  }
}

/** Reads what is committed, and commits how far it is: the copy must not know less of the records than of the commit. */
async function keepReading(tide: Tidemark, signal: AbortSignal): Promise<void> {
  const commit = { everyRecords: 20 }
  for await (const _ of tide.topic('out').consume({ group: 'reading', commit, signal }));
}

test('3 copies of a directory in which transactions end all the time have each as a whole, or not at all', async () => {
  const environment = new MemoryEnvironment({ clock: 'manual' })
  const tide = await open('/data', { environment })
  const stop = new AbortController()
  const isOver = () => stop.signal.aborted
  await tide.topics.create('out', { partitions: PARTITIONS, configs: { 'internal.segment.bytes': '2000' } })
  await tide.topic('in', { value: string }).sendBatch(Array.from({ length: 9 }, (_, n) => ({ value: `${n}` })))
  const work = Promise.all([
    ...['a', 'b'].map((name) => keepSending(tide, environment, name, isOver)),
    keepCopying(tide, isOver),
    keepReading(tide, stop.signal),
  ])
  onTestFinished(async () => {
    stop.abort()
    await work
    await tide.close()
  })
  let last = 0
  for (let number = 0; number < 3; number++) {
    const what = `copy ${number}`
    for (let turn = 0; turn < 200; turn++) await environment.timers.yield()
    await using copy = await open(`/copies/${number}`, {
      environment: await backUp(environment, `/copies/${number}`, what),
    })
    expect(copy.recovery, what).toEqual([])
    const [first, ...others] = (await valuesOf(copy, 'out')).map((values) => new Set(values))
    for (const other of others) expect([...other].sort(), what).toEqual([...first!].sort())
    const copied = (await valuesOf(copy, 'copies')).flat().length
    expect((await copy.groups.offsets('copying'))[0]?.offset ?? 0, what).toBe(copied)
    for (const { lagState } of await copy.lag({ group: 'reading' }))
      expect(['up-to-date', 'behind'], what).toContain(lagState)
    expect(first!.size, `${what} has more than the one before`).toBeGreaterThan(last)
    last = first!.size
  }
})
