import { expect, onTestFinished, test } from 'vitest'
import type { Broker } from '../../../sdk/broker/broker.ts'
import { Follower } from '../../../sdk/broker/follower.ts'
import { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import { open, type Tidemark } from '../../../sdk/index.ts'
import { GroupTrail } from '../../../sdk/inspect/group-trail.ts'

interface Place {
  readonly tide: Tidemark
  readonly follower: Follower
  commit(offset: number, group?: string): Promise<void>
}

async function createPlace(): Promise<Place> {
  const environment = new MemoryEnvironment({ clock: 'manual' })
  const tide = await open('/data', { environment })
  await tide.topic('payments').ensure()
  const commit = (offset: number, group = 'fraud') =>
    tide.groups.commit(group, [{ topic: 'payments', partition: 0, offset }], { pastEnd: true })
  await commit(1)
  const follower = Follower.open(environment.anotherProcess(), '/data')
  onTestFinished(async () => {
    await follower.close()
    await tide.close()
  })
  return { tide, follower, commit }
}

function offsetsIn(trail: GroupTrail): (number | null)[] {
  return trail.commits('fraud', 'payments', 0).map(({ offset }) => offset)
}

test('what was appended is read on, and it is told whose it is', async () => {
  const { follower, commit } = await createPlace()
  const trail = new GroupTrail(follower)
  expect(await trail.readOn({ sinceMs: 0 })).toEqual({ groups: new Set(), isAnew: true })
  expect(await trail.readOn({ sinceMs: 0 })).toEqual({ groups: new Set(), isAnew: false })
  await commit(2)
  await commit(5, 'mail')
  expect(await trail.readOn({ sinceMs: 0 })).toEqual({ groups: new Set(['fraud', 'mail']), isAnew: false })
  expect(offsetsIn(trail)).toEqual([1, 2])
})

test('of one group only its partition is read, and of each partition the newest commits are kept', async () => {
  const { follower, commit } = await createPlace()
  for (let offset = 2; offset <= 9; offset++) await commit(offset)
  const trail = new GroupTrail(follower, { keepNewest: 3 })
  await trail.readOn({ sinceMs: 0, group: 'mail' })
  expect(offsetsIn(trail)).toEqual([])
  await trail.readOn({ sinceMs: 0, group: 'fraud' })
  expect(offsetsIn(trail)).toEqual([7, 8, 9])
  await commit(10)
  await trail.readOn({ sinceMs: 0 })
  expect(offsetsIn(trail)).toEqual([8, 9, 10])
})

test('a log with another past in its place is read anew', async () => {
  const [before, after] = [await createPlace(), await createPlace()]
  let present: Broker = before.follower
  const broker = new Proxy(before.follower, { get: (_, name) => Reflect.get(present, name).bind(present) })
  const trail = new GroupTrail(broker)
  await before.commit(2)
  await trail.readOn({ sinceMs: 0 })
  expect(offsetsIn(trail)).toEqual([1, 2])
  present = after.follower
  await after.commit(3)
  await after.commit(4)
  expect((await trail.readOn({ sinceMs: 0 })).isAnew).toBe(true)
  expect(offsetsIn(trail)).toEqual([1, 3, 4])
})

test('before anybody has committed there is nothing to read', async () => {
  const environment = new MemoryEnvironment()
  const tide = await open('/data', { environment })
  await tide.close()
  const follower = Follower.open(environment, '/data')
  const trail = new GroupTrail(follower)
  expect(await trail.readOn({ sinceMs: 0 })).toEqual({ groups: new Set(), isAnew: false })
  expect(offsetsIn(trail)).toEqual([])
  expect(trail.activity('fraud').dividedAtMs).toBeNull()
  await follower.close()
})
