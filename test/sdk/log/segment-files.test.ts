/** What others read of a log while it is compacted. */
import { expect, test } from 'vitest'
import { ReadOnlyLog } from '../../../sdk/log/read-only-log.ts'
import { watchedEnvironment } from '../../support/broker/watched-environment.ts'
import { appendEntries, COMPACTED, compact, tableOf } from './support/compaction-bench.ts'
import { createMachine, MEMORY_DIRECTORY, openLog } from './support/log-bench.ts'

const PLACE = { directory: MEMORY_DIRECTORY, topic: 'events', partition: 0 }

test('followers, old and new, read the right records at every change of a compaction, and after the last one', async () => {
  const machine = createMachine()
  let look = () => {}
  const log = openLog(
    { environment: watchedEnvironment(machine, () => look()), directory: MEMORY_DIRECTORY },
    COMPACTED,
  )
  for (let n = 0; n < 60; n++) appendEntries(log, `k${n % 7}=${n}`, n % 5 === 0 ? `k${n % 3}` : `other${n % 4}=${n}`)
  await log.flush()
  const expected = tableOf(log)
  const watching = ReadOnlyLog.open(machine.anotherProcess(), PLACE)
  const lazy = ReadOnlyLog.open(machine.anotherProcess(), PLACE)
  expect(tableOf(lazy)).toEqual(expected)
  const endings = new Set<string>()
  let looks = 0
  look = () => {
    looks++
    for (const name of machine.anotherProcess().files.list(MEMORY_DIRECTORY)) endings.add(name.split('.')[2] ?? '')
    watching.refresh()
    const fresh = ReadOnlyLog.open(machine.anotherProcess(), PLACE)
    for (const [who, follower] of Object.entries({ watching, fresh, lazy })) {
      expect(tableOf(follower), `${who}, look ${looks}`).toEqual(expected)
    }
    fresh.close()
  }
  const { nextDirtyOffset, bytesAfter, bytesBefore } = await compact(log)
  look()
  expect(bytesAfter).toBeLessThan(bytesBefore / 2)
  expect([...endings].sort()).toEqual(['', 'cleaned', 'deleted', 'swap'])
  expect(looks).toBeGreaterThan(30)
  // Once more: a segment is replaced by one of the same name.
  look = () => {}
  for (let n = 0; n < 60; n++) appendEntries(log, `k${n % 7}=again ${n}`)
  await compact(log, nextDirtyOffset)
  const later = tableOf(log)
  for (const follower of [watching, lazy]) {
    follower.refresh()
    expect(tableOf(follower)).toEqual(later)
    expect(follower.segments().map(({ baseOffset, sizeBytes }) => [baseOffset, sizeBytes])).toEqual(
      log.segments().map(({ baseOffset, sizeBytes }) => [baseOffset, sizeBytes]),
    )
  }
})

test('a segment that was replaced while its descriptor was given up is noticed when it is opened again', async () => {
  const machine = createMachine()
  const log = openLog({ environment: machine, directory: MEMORY_DIRECTORY }, COMPACTED)
  for (let n = 0; n < 40; n++) appendEntries(log, `k${n % 3}=${n}`)
  const { nextDirtyOffset } = await compact(log)
  const follower = ReadOnlyLog.open(machine.anotherProcess(), PLACE)
  const expected = tableOf(follower)
  follower.close()
  // By the second pass small segments are merged: the first file then holds more than its reader believes.
  await compact(log, nextDirtyOffset - 1)
  // Not refreshed: what it knows of sizes and indexes is the old file's.
  expect(tableOf(follower)).toEqual(expected)
  expect(follower.countRecords(0, follower.logEndOffset)).toBe(log.countRecords(0, log.logEndOffset))
})
