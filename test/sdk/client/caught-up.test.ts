import { expect, onTestFinished, test } from 'vitest'
import { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import { open, type Tidemark } from '../../../sdk/index.ts'
import { turns } from './support/create-client.ts'

const value = Buffer.from('x')

async function createTide(): Promise<{ tide: Tidemark; environment: MemoryEnvironment }> {
  const environment = new MemoryEnvironment({ clock: 'manual' })
  const tide = await open('memory:', { environment })
  onTestFinished(() => tide.close().catch(() => {}))
  await tide.topic('t', { partitions: 3 }).sendBatch([0, 0, 1].map((partition) => ({ value, partition })))
  return { tide, environment }
}

test('resolves once everything is committed, and not a look earlier', async () => {
  const { tide, environment } = await createTide()
  let rows: unknown
  const waiting = tide.groups.caughtUp('g').then((found) => {
    rows = found.map(({ partition, lagState }) => [partition, lagState])
  })
  const look = async () => {
    await turns(5)
    environment.advance(250)
    await turns(5)
  }
  await look()
  expect(rows, 'before the group is there').toBeUndefined()
  await tide.groups.commit('g', [
    { topic: 't', partition: 0, offset: 1 },
    { topic: 't', partition: 1, offset: 1 },
  ])
  await look()
  expect(rows, 'one record is left').toBeUndefined()
  await tide.groups.commit('g', [{ topic: 't', partition: 0, offset: 2 }])
  await look()
  await waiting
  expect(rows).toEqual([
    [0, 'up-to-date'],
    [1, 'up-to-date'],
  ])
})

test('a partition that a member holds and that never had a record counts as done', async () => {
  const { tide } = await createTide()
  const consumer = tide.topic('t').consume({ group: 'g', processed: 'done' })
  const loop = consumer[Symbol.asyncIterator]()
  for (let n = 0; n < 3; n++) {
    const next = await loop.next()
    next.value?.done()
  }
  await consumer.commit()
  const rows = await tide.groups.caughtUp('g')
  expect(rows.map(({ partition, lagState }) => [partition, lagState])).toEqual([
    [0, 'up-to-date'],
    [1, 'up-to-date'],
    [2, 'never-committed'],
  ])
  await loop.return?.()
})

test('the signal ends the wait with ABORTED, closing with CLOSED', async () => {
  const { tide } = await createTide()
  await tide.groups.commit('g', [{ topic: 't', partition: 0, offset: 0 }])
  const controller = new AbortController()
  const aborted = tide.groups.caughtUp('g', { signal: controller.signal })
  const closed = tide.groups.caughtUp('g')
  closed.catch(() => {})
  await turns(3)
  controller.abort()
  await expect(aborted).rejects.toMatchObject({ code: 'ABORTED' })
  await tide.close()
  await expect(closed).rejects.toMatchObject({ code: 'CLOSED' })
})
