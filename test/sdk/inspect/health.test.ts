import { expect, onTestFinished, test } from 'vitest'
import { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import { type Health, open, type Tidemark } from '../../../sdk/index.ts'
import { turns } from '../client/support/create-client.ts'

const MINUTE_MS = 60_000
const value = Buffer.from('x')

interface Shop {
  readonly environment: MemoryEnvironment
  readonly tide: Tidemark
  /** Lets time pass as it does: in steps in which timers fire and promises settle. */
  pass(ms: number): Promise<void>
  send(count: number, partition?: number): Promise<void>
}

async function createShop(partitions = 1, configs: Record<string, string> = {}): Promise<Shop> {
  const environment = new MemoryEnvironment({ clock: 'manual' })
  const tide = await open('shop', { environment })
  onTestFinished(() => tide.close().catch(() => {}))
  const topic = tide.topic('payments', { partitions, configs })
  await topic.ensure()
  return {
    environment,
    tide,
    async pass(ms) {
      for (let left = ms; left > 0; left -= 2500) {
        environment.advance(Math.min(left, 2500))
        await turns(3)
      }
    },
    async send(count, partition = 0) {
      const timestampMs = environment.clock.nowMs()
      await topic.sendBatch(Array.from({ length: count }, () => ({ value, partition, timestampMs })))
    },
  }
}

function told({ groups }: Health): string[] {
  return groups.flatMap(({ verdicts }) => verdicts.map(({ severity, rule, group }) => `${severity} ${rule} ${group}`))
}

test('a group that keeps up is well, with its rate and no age', async () => {
  const { tide, pass, send } = await createShop()
  for (let n = 0; n < 20; n++) {
    await send(30)
    for await (const _ of tide.topic('payments').consume({ group: 'fraud', follow: false })) void _
    await pass(30_000)
  }
  const health = await tide.health()
  expect([health.status, told(health)]).toEqual(['ok', []])
  expect(health.groups).toMatchObject([
    { group: 'fraud', status: 'ok', state: 'Empty', members: 0, progress: { lag: 0, timeLagMs: 0, etaMs: 0 } },
  ])
  const { processedPerSecond, appendedPerSecond } = health.groups[0]!.progress
  // 30 records every 30 seconds; the first batch of the time looked back at may fall outside.
  expect(processedPerSecond).toBe(0.95)
  expect(appendedPerSecond).toBe(0.95)
})

test('a handler that throws on one record, start after start, is stuck there', async () => {
  const { tide, pass, send } = await createShop()
  await send(5)
  for (let n = 0; n < 3; n++) {
    await pass(MINUTE_MS)
    const run = async () => {
      for await (const { offset } of tide.topic('payments').consume({ group: 'fraud' })) {
        if (offset === 3) throw new Error('poison')
      }
    }
    await expect(run()).rejects.toThrow('poison')
  }
  const health = await tide.health()
  expect(health.status).toBe('error')
  const [verdict] = health.groups[0]!.verdicts
  expect(verdict).toMatchObject({
    rule: 'stuck',
    topic: 'payments',
    partition: 0,
    words: 'it does not get past offset 3: 3 members came and went without progress',
    evidence: { offset: 3, givenUp: 3 },
  })
})

test('a group whose handlers try again is not stuck at a record that only takes its time, however often others are tried', async () => {
  const { tide, pass, send } = await createShop()
  await send(30)
  const slow = Promise.withResolvers<void>()
  const consumer = tide.topic('payments').consume({ group: 'fraud', commit: { idleMs: 1_000 } })
  const run = consumer.run(
    ({ offset }, { number }) => {
      if (offset === 0) return slow.promise
      if (number < 6) throw new Error('not yet')
      return undefined
    },
    { concurrency: 4, retry: { attempts: 6, delayMs: (attempt) => attempt * 1_000 } },
  )
  await pass(25_000)
  const history = (await tide.groups.history('fraud'))[0]!.entries
  expect(history.length).toBeGreaterThan(5)
  expect(new Set(history.map(({ offset }) => offset))).toEqual(new Set([0]))
  expect(told(await tide.health()).filter((each) => each.includes('stuck'))).toEqual([])
  slow.resolve()
  await pass(5_000)
  expect((await tide.groups.offsets('fraud'))[0]).toMatchObject({ offset: 30, metadata: '' })
  await consumer.close()
  await run
})

test('members that come for a hundred records and go starve partitions, which is no error, and no more once all had their turn', async () => {
  const { tide, pass, send } = await createShop(3)
  for (const partition of [0, 1, 2]) await send(300, partition)
  const start = [0, 1, 2].map((partition) => ({ topic: 'payments', partition, offset: 0 }))
  await tide.groups.commit('fraud', start)
  const seen: string[] = []
  for (let n = 0; n < 10; n++) {
    await pass(10_000)
    for await (const _ of tide.topic('payments').consume({ group: 'fraud', limit: 100, follow: false })) void _
    const { verdicts } = (await tide.health()).groups[0]!
    seen.push(...verdicts.map(({ severity, rule }) => `${severity} ${rule}`))
  }
  expect(seen.filter((verdict) => verdict.startsWith('error'))).toEqual([])
  expect(seen).toContain('notice stuck')
  expect(told(await tide.health())).toEqual([])
})

test('a poison record is found while other partitions go on', async () => {
  const { tide, pass, send } = await createShop(3)
  const poisonAt: number[] = []
  for (let n = 0; n < 6; n++) {
    await pass(MINUTE_MS)
    for (const partition of [0, 1, 2]) await send(4, partition)
    const run = async () => {
      for await (const { partition, offset } of tide.topic('payments').consume({ group: 'fraud' })) {
        if (partition === 2 && offset === 3) throw new Error('poison')
      }
    }
    await expect(run()).rejects.toThrow('poison')
    const stuck = (await tide.health()).groups[0]!.verdicts.filter(({ rule }) => rule === 'stuck')
    poisonAt.push(...stuck.filter(({ severity }) => severity === 'error').map(({ partition }) => partition!))
  }
  expect(new Set(poisonAt)).toEqual(new Set([2]))
})

test('a long body is fine until it is out of all proportion, and its member is named', async () => {
  const { tide, pass, send } = await createShop()
  await send(5)
  const loop = tide.topic('payments').consume({ group: 'fraud' })[Symbol.asyncIterator]()
  await loop.next()
  await loop.next()
  await pass(4 * MINUTE_MS)
  expect(told(await tide.health())).toEqual([])
  await pass(2 * MINUTE_MS)
  const health = await tide.health()
  expect(told(health)).toEqual(['warning stalled fraud'])
  expect(health.groups[0]).toMatchObject({ members: 1, state: 'Stable' })
  expect(health.groups[0]?.verdicts[0]?.evidence).toMatchObject({ offset: 1, clientId: 'tidemark' })
  await loop.return?.()
})

test('records wait and nobody is there: a moment later it is a warning', async () => {
  const { tide, pass, send } = await createShop(2)
  await tide.groups.commit('fraud', [{ topic: 'payments', partition: 0, offset: 0 }])
  await send(7)
  await pass(MINUTE_MS)
  expect((await tide.health()).status).toBe('ok')
  await pass(5 * MINUTE_MS)
  const health = await tide.health()
  expect(told(health)).toEqual(['warning no-members fraud'])
  expect(health.groups[0]?.verdicts[0]?.words).toBe(
    '7 records wait and nobody is in the group; the oldest is 6 min old',
  )
  expect((await tide.health({ noMembersAfterMs: 10 * MINUTE_MS })).status).toBe('ok')
})

test('whoever only reads along knows whether the program is still there', async () => {
  const { environment, tide, pass, send } = await createShop()
  await send(5)
  const loop = tide.topic('payments').consume({ group: 'fraud' })[Symbol.asyncIterator]()
  await loop.next()
  await using reader = await open('shop', { environment, readOnly: true })
  await pass(6 * MINUTE_MS)
  const alive = await reader.health()
  expect(told(alive)).toEqual(['warning stalled fraud'])
  const after = environment.crash()
  await using later = await open('shop', { environment: after, readOnly: true })
  const dead = await later.health()
  expect(told(dead)).toEqual(['warning no-members fraud'])
  expect(dead.groups[0]?.verdicts[0]).toMatchObject({
    words: '5 records wait and the program that consumed is gone; the oldest is 6 min old',
    evidence: { formerMembers: 'tidemark' },
  })
})

test('more comes than is processed', async () => {
  const { tide, pass, send } = await createShop()
  const loop = tide
    .topic('payments')
    .consume({ group: 'fraud', commit: { everyRecords: 10 } })
    [Symbol.asyncIterator]()
  await send(10)
  for (let n = 0; n < 10; n++) {
    await send(100)
    for (let record = 0; record < 20; record++) await loop.next()
    await pass(30_000)
  }
  const health = await tide.health()
  expect(told(health)).toEqual(['warning falling-behind fraud'])
  const { progress } = health.groups[0]!
  expect(progress.trend).toBe('growing')
  expect(progress.appendedPerSecond).toBeGreaterThan(2)
  expect(progress.processedPerSecond).toBeLessThan(1)
  await loop.return?.()
})

test('a backlog that was written in one go just before the group began does not count as growth since', async () => {
  const { tide, pass, send } = await createShop()
  await send(3_000)
  await pass(10_000)
  const commit = (offset: number) => tide.groups.commit('reports', [{ topic: 'payments', partition: 0, offset }])
  for (let second = 0; second <= 60; second += 2) {
    await commit(second * 30)
    await pass(2_000)
    await send(40)
  }
  const { progress } = (await tide.health()).groups[0]!
  expect(progress.appendedPerSecond).toBeCloseTo(20, 0)
  expect([progress.trend, progress.lagBefore]).toEqual(['shrinking', 3_000])
})

test('unread records that retention is about to delete', async () => {
  const { tide, pass, send } = await createShop(1, { 'retention.ms': String(20 * MINUTE_MS) })
  await send(5)
  await tide.groups.commit('fraud', [{ topic: 'payments', partition: 0, offset: 2 }])
  await pass(17 * MINUTE_MS)
  const health = await tide.health()
  expect(told(health)).toEqual(['warning no-members fraud', 'warning retention-risk fraud'])
  expect(health.groups[0]?.verdicts[1]?.evidence).toMatchObject({ leftMs: 3 * MINUTE_MS, retentionMs: 20 * MINUTE_MS })
})

test('one group, a group that is not there, and options that are none', async () => {
  const { tide, send } = await createShop()
  await send(1)
  await tide.groups.commit('fraud', [{ topic: 'payments', partition: 0, offset: 1 }])
  await tide.groups.commit('audit', [{ topic: 'payments', partition: 0, offset: 0 }])
  expect((await tide.health({ group: 'audit' })).groups.map(({ group }) => group)).toEqual(['audit'])
  await expect(tide.health({ group: 'nope' })).rejects.toMatchObject({ code: 'GROUP_NOT_FOUND' })
  await expect(tide.health({ stalledAfterMs: -1 })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  await expect(tide.health({ stuckAfter: 3 } as object)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
})

test('a directory without groups is well', async () => {
  const { tide } = await createShop()
  expect(await tide.health()).toMatchObject({ status: 'ok', groups: [] })
})
