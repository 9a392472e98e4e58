/** Neighbours read records from the segment files, where the owner says that they are there. */
import { expect, test } from 'vitest'
import type { Broker } from '../../../sdk/broker/broker.ts'
import { MIN_STORED_BYTES } from '../../../sdk/broker/stored-records.ts'
import type { File } from '../../../sdk/environment/environment.ts'
import { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import { readWholeFile } from '../../../sdk/log/whole-file.ts'
import { type ReadingNeighbour, readingNeighbour } from '../../support/broker/reading-neighbour.ts'
import { batch, create, fetch, readAll, send, valuesOf } from '../../support/broker/requests.ts'
import { createWorld, testOwners, type World } from '../../support/broker/worlds.ts'
import { overridden } from '../../support/overridden.ts'
import { seededRandom } from '../../support/seeded-random.ts'

const SEED = Number(process.env['SEED'] ?? Date.now() % 100_000)
const START_MS = 1_700_000_000_000
const SMALL_SEGMENTS = { 'internal.segment.bytes': '300000' }

/** Of one record with a key of three that take turns. */
function large(n: number, letter = 'x'): Buffer {
  const value = Buffer.from(`${n} `.padEnd(20_000, letter))
  return batch([{ key: Buffer.from(`${n % 3}`), value, timestampMs: START_MS }])
}

const BATCH_BYTES = large(0).length

async function fill(owner: Broker, count: number, letter?: string): Promise<void> {
  for (let n = 0; n < count; n++) await send(owner, 't', large(n, letter))
}

/** An owner with 40 batches in three segments, and a neighbour of it. */
async function setUp(world: World = createWorld()): Promise<ReadingNeighbour & { readonly owner: Broker }> {
  const owner = await world.own()
  await create(owner, 't', 1, SMALL_SEGMENTS)
  await fill(owner, 40)
  return Object.assign(await readingNeighbour(world), { owner })
}

testOwners('many records are read from their files, which are closed again; few are sent', async (world) => {
  const reading = await setUp(world)
  const { neighbour, opened } = reading
  const expected = await readAll(reading.owner, 't')
  expect(expected).toHaveLength(40)
  expect(await readAll(neighbour, 't')).toEqual(expected)
  expect(new Set(opened).size).toBe(3)
  expect(opened.every((path) => /t-0.\d{20}\.log$/.test(path))).toBe(true)
  expect(reading.bytesRead).toBeGreaterThan(40 * 20_000)
  expect(reading.bytesReceived).toBeLessThan(5_000)
  const { bytesRead } = reading
  const few = await fetch(neighbour, 't', { partitionBytes: MIN_STORED_BYTES - 1 })
  expect(few.records.length).toBeLessThan(MIN_STORED_BYTES)
  await send(reading.owner, 't', 'the last')
  expect(valuesOf(await fetch(neighbour, 't', { offset: 40 }))).toEqual(['40=the last'])
  expect([reading.bytesRead, reading.openCount]).toEqual([bytesRead, 0])
})

test('one answer has partitions that are read from files beside others, in the order in which they were asked', async () => {
  const world = createWorld()
  const owner = await world.own()
  await create(owner, 't', 4)
  for (const partition of [1, 3]) for (let n = 0; n < 10; n++) await send(owner, 't', large(n), partition)
  await send(owner, 't', 'small', 2)
  const { neighbour, opened } = await readingNeighbour(world)
  const partitions = [0, 1, 2, 3, 9, 1].map((partition) => {
    return { topic: 't', partition, fetchOffset: 0, maxBytes: 1_000_000 }
  })
  const request = { partitions, maxWaitMs: 0, minBytes: 1, maxBytes: 10_000_000, isolation: 'read_committed' as const }
  const { partitions: expected } = await owner.fetch(request)
  const { partitions: answers } = await neighbour.fetch(request)
  expect(answers.map(({ records, ...rest }) => rest)).toEqual(expected.map(({ records, ...rest }) => rest))
  expect(answers.map(({ records }) => records.length)).toEqual(expected.map(({ records }) => records.length))
  expect(opened).toHaveLength(3)
  // What all of them may have together holds for both kinds.
  for (const maxBytes of [1, 150_000, 210_000, 360_000, 410_000]) {
    const sizes = async (broker: Broker) =>
      (await broker.fetch({ ...request, maxBytes })).partitions.map(({ records }) => records.length)
    expect(await sizes(neighbour), `${maxBytes}`).toEqual(await sizes(owner))
  }
})

const withBytes = (file: File, change: (target: Uint8Array, position: number) => void): File =>
  overridden(file, {
    read(target, position) {
      const bytes = file.read(target, position)
      change(target, position)
      return bytes
    },
  })

const DOUBTS: Readonly<Record<string, (file: File, path: string, machine: MemoryEnvironment) => File>> = {
  'has gone'(_file, path, { files }) {
    files.remove(path)
    throw Object.assign(new Error(`ENOENT: no such file '${path}'`), { code: 'ENOENT' })
  },
  'may not be read'() {
    throw Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' })
  },
  'is another one, though with the same bytes': (_file, path, { files }) => {
    const bytes = readWholeFile(files, path)!
    const copy = files.open(`${path}.cleaned`, { write: true, create: true })
    copy.write([bytes], 0)
    copy.close()
    files.rename(`${path}.cleaned`, path)
    return files.open(path, { write: false })
  },
  'lies in a directory that was renamed'(_file, path, { files }) {
    files.rename('/data/t-0', '/data/elsewhere')
    return files.open(path, { write: false })
  },
  'is shorter': (file) => overridden(file, { sizeBytes: () => 200_000 }),
  'gets shorter': (file) => overridden(file, { read: (target, position) => file.read(target.subarray(9), position) }),
  fails: (file) =>
    overridden(file, {
      read() {
        throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' })
      },
    }),
  'begins with another offset': (file) => withBytes(file, (target) => target.set([1], 7)),
  'misses a batch in the middle': (file) =>
    withBytes(file, (target) => target.copyWithin(BATCH_BYTES, 2 * BATCH_BYTES)),
  'ends inside a batch': (file) => withBytes(file, (target) => target.set([1], target.length - BATCH_BYTES + 9)),
  'goes on to a higher offset': (file) =>
    withBytes(file, (target) => target.set([1], target.length - BATCH_BYTES + 26)),
  'has batches of another length': (file) => withBytes(file, (target) => target.set([9], 10)),
  'has nothing but zeros': (file) => withBytes(file, (target) => target.fill(0)),
}

for (const [doubt, act] of Object.entries(DOUBTS)) {
  test(`where the file ${doubt}, the owner sends the records`, async () => {
    const environment = new MemoryEnvironment()
    const reading = await setUp(createWorld(environment))
    const expected = valuesOf(await fetch(reading.owner, 't'))
    const before = environment.anotherProcess()
    reading.opening = (file, path) => act(file, path, before)
    expect(valuesOf(await fetch(reading.neighbour, 't'))).toEqual(expected)
    expect(reading.opened).toHaveLength(1)
    expect(reading.bytesReceived).toBeGreaterThan(expected.length * 20_000)
  })
}

test('after three failures in a row it is not tried any more; one that works in between starts the count again', async () => {
  const reading = await setUp()
  const { neighbour, opened } = reading
  let fails = true
  reading.opening = (file) => {
    if (!fails) return file
    file.close()
    throw Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' })
  }
  const expected = valuesOf(await fetch(reading.owner, 't'))
  const read = async (count: number) => {
    for (let n = 0; n < count; n++) expect(valuesOf(await fetch(neighbour, 't'))).toEqual(expected)
  }
  await read(2)
  fails = false
  await read(1)
  fails = true
  expect(opened).toHaveLength(3)
  await read(5)
  expect([opened.length, reading.openCount]).toEqual([6, 0])
})

/** What happens between an owner's answer and the read. */
const EVENTS: Readonly<Record<string, (owner: Broker, environment: MemoryEnvironment) => Promise<void>>> = {
  async 'the topic is deleted and made again'(owner) {
    await owner.deleteTopics({ topics: ['t'] })
    await create(owner, 't', 1, SMALL_SEGMENTS)
    await fill(owner, 40, 'y')
  },
  async 'the topic is deleted'(owner) {
    await owner.deleteTopics({ topics: ['t'] })
  },
  async 'retention takes the segment'(owner, environment) {
    const configs = { 'retention.bytes': '300000' }
    await owner.incrementalAlterConfigs({ topic: 't', configs })
    await settle(environment)
  },
  async 'the log is compacted'(owner, environment) {
    await owner.incrementalAlterConfigs({ topic: 't', configs: { 'cleanup.policy': 'compact' } })
    await settle(environment)
  },
}

/** A pass of whatever an owner does now and then, and the end of it. */
async function settle(environment: MemoryEnvironment): Promise<void> {
  for (let pass = 0; pass < 10; pass++) {
    environment.advance(60_000)
    for (let turn = 0; turn < 50; turn++) await environment.timers.yield()
  }
}

for (const [event, act] of Object.entries(EVENTS)) {
  test(`where ${event} between answer and read, the answer is what the owner says then`, async () => {
    const environment = new MemoryEnvironment({ clock: 'manual', startMs: START_MS })
    const world = createWorld(environment)
    const owner = await world.own()
    await create(owner, 't', 1, SMALL_SEGMENTS)
    await fill(owner, 40)
    const path = '/data/t-0/00000000000000000000.log'
    const before = environment.files.stat(path)!.inode
    const reading = await readingNeighbour(world)
    const answered = reading.hold()
    const fetching = fetch(reading.neighbour, 't')
    await answered
    await act(owner, environment)
    expect(environment.files.stat(path)?.inode, 'the file is still there').not.toBe(before)
    reading.release()
    const found = await fetching
    const expected = await fetch(owner, 't')
    expect(found.error).toEqual(expected.error)
    expect(valuesOf(found)).toEqual(valuesOf(expected))
    expect(reading.bytesRead).toBe(0)
  })
}

test(`records are read while the owner appends, in order and nothing but what may be seen (SEED=${SEED})`, async () => {
  const random = seededRandom(SEED)
  const world = createWorld()
  const owner = await world.own()
  await create(owner, 't', 1, SMALL_SEGMENTS)
  const reading = await readingNeighbour(world)
  const sent: string[] = []
  const append = async (upTo: number) => {
    while (sent.length < upTo) {
      const values = Array.from({ length: 1 + Math.floor(random() * 3) }, (_, index) => {
        return `${sent.length + index} `.padEnd(Math.floor(random() ** 3 * 40_000), '.')
      })
      const from = sent.length
      sent.push(...values.map((value, index) => `${from + index}=${value}`))
      await send(owner, 't', batch(values))
    }
  }
  // Enough for a read from the file, whatever happens then.
  await append(100)
  const appended = append(300)
  const found: string[] = []
  while (found.length < 300) {
    const offset = found.length
    const partitionBytes = offset === 0 ? 1_000_000 : Math.floor(random() * 500_000)
    const answer = await fetch(reading.neighbour, 't', { offset, partitionBytes, maxWaitMs: 1_000 })
    expect(answer.error, `SEED=${SEED}`).toBeNull()
    const values = valuesOf(answer).filter((value) => Number.parseInt(value, 10) >= offset)
    expect(offset + values.length, `SEED=${SEED}`).toBeLessThanOrEqual(answer.highWatermark)
    found.push(...values)
  }
  await appended
  expect(found, `SEED=${SEED}`).toEqual(sent)
  expect(reading.bytesRead, `SEED=${SEED}`).toBeGreaterThan(0)
})
