/** What an owner finds when it opens a directory, and what it makes of it. */
import { expect, test } from 'vitest'
import { METADATA_DIRECTORY } from '../../../sdk/directory/partition-directory.ts'
import { readText, replaceText } from '../../../sdk/directory/small-file.ts'
import { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import { readWholeFile, replaceWholeFile } from '../../../sdk/log/whole-file.ts'
import { groupPartition } from '../../../sdk/offsets/group-partition.ts'
import { scanBatches } from '../../../sdk/record/batch-scan.ts'
import { encodeMetadataBatch } from '../../../sdk/topic/metadata-batch.ts'
import {
  beat,
  commit,
  committed,
  create,
  epochEnd,
  fetch,
  member,
  produce,
  readAll,
  send,
} from '../../support/broker/requests.ts'
import { createWorld, PATH } from '../../support/broker/worlds.ts'

const LOG = '00000000000000000000.log'

/** A world whose disk can be looked at and tampered with. */
function createMemory() {
  const environment = new MemoryEnvironment()
  const { files } = environment
  return {
    ...createWorld(environment),
    environment,
    names: () => files.list(PATH).sort(),
    markUnclean: () => files.remove(`${PATH}/.kafka_cleanshutdown`),
    isClean: () => files.stat(`${PATH}/.kafka_cleanshutdown`) !== undefined,
    warnings: () => environment.warnings.map(({ code }) => code),
    /** Flips a bit of every byte of the range. */
    damage(name: string, position: number, bytes = 1) {
      const file = files.open(`${PATH}/${name}/${LOG}`, { write: true })
      const found = Buffer.alloc(bytes)
      file.read(found, position)
      file.write([found.map((byte) => byte ^ 1)], position)
      file.syncNow()
      file.close()
    },
    /** Moves the directory of a partition, as somebody with a shell might. */
    move(from: string, to: string) {
      files.rename(`${PATH}/${from}`, `${PATH}/${to}`)
      files.syncDirectory(PATH)
    },
  }
}

test('an orderly close leaves nothing to mend', async () => {
  const world = createMemory()
  const first = await world.own()
  await create(first, 't')
  await send(first, 't', 'a')
  await first.close()
  expect(world.isClean()).toBe(true)
  const second = await world.own()
  expect(second.recovery).toEqual([])
  expect(world.warnings()).toEqual([])
  expect(world.isClean()).toBe(false)
})

test('directories that no topic claims are refused again and again, and left as they are', async () => {
  for (const clean of [true, false]) {
    const world = createMemory()
    const first = await world.own()
    await create(first, 't', 2)
    for (const partition of [0, 1]) await send(first, 't', 'kept', partition)
    await first.close()
    // A topic nobody knows, and a partition the topic does not have.
    world.move('t-0', 'unknown-0')
    world.move('t-1', 't-5')
    if (!clean) world.markUnclean()
    for (let attempt = 0; attempt < 2; attempt++) {
      await expect(world.own()).rejects.toMatchObject({
        code: 'CORRUPT_BATCH',
        message: expect.stringMatching(/does not know: .*(unknown-0|t-5)/),
      })
    }
    for (const name of ['unknown-0', 't-5'])
      expect(world.environment.files.stat(`${PATH}/${name}/${LOG}`)?.sizeBytes).toBeGreaterThan(61)
    world.move('unknown-0', 't-0')
    world.move('t-5', 't-1')
    expect((await world.own()).recovery.filter(({ isLoss }) => isLoss)).toEqual([])
  }
})

test('an older copy of the metadata, which does not know the topic on the disk, is refused', async () => {
  const world = createMemory()
  const first = await world.own()
  await create(first, 't')
  await send(first, 't', 'other')
  await first.close()
  const copy = world.environment.crash({ keepUnsynced: 'all' })
  const again = createWorld(copy)
  const stranger = await again.own()
  await stranger.deleteTopics({ topics: ['t'] })
  await create(stranger, 't')
  await send(stranger, 't', 'mine')
  await stranger.close()
  // Back with the first one's metadata: the directory is not that topic's.
  const source = world.environment.files
  const bytes = Buffer.alloc(source.stat(`${PATH}/__cluster_metadata-0/${LOG}`)!.sizeBytes)
  source.open(`${PATH}/__cluster_metadata-0/${LOG}`, { write: false }).read(bytes, 0)
  const target = copy.files.open(`${PATH}/__cluster_metadata-0/${LOG}`, { write: true })
  target.truncate(0)
  target.write([bytes], 0)
  target.close()
  copy.files.remove(`${PATH}/.kafka_cleanshutdown`)
  await expect(again.own()).rejects.toMatchObject({ code: 'CORRUPT_BATCH' })
  expect(copy.files.list(PATH)).toContain('t-0')
})

test('what the metadata removed is removed, with the commits for it, wherever a crash stopped the deletion', async () => {
  const script = new MemoryEnvironment()
  const owner = await createWorld(script).own()
  await create(owner, 't', 2)
  await create(owner, 'kept')
  for (const partition of [0, 1]) await send(owner, 't', 'old', partition)
  await commit(owner, 'g', 't', 1)
  await commit(owner, 'h', 't', { offset: 1, partition: 1 })
  await commit(owner, 'g', 'kept', 0)
  const before = script.counts.changes
  const dry = script.crash({ keepUnsynced: 'all' })
  await owner.deleteTopics({ topics: ['t'] })
  const operations = script.counts.changes - before
  expect(operations).toBeGreaterThan(5)
  let finished = 0
  for (let stop = 0; stop <= operations; stop++) {
    const environment = dry.crash({ keepUnsynced: 'all' })
    const world = createWorld(environment)
    const deleting = await world.own()
    environment.failNext('change', { after: stop, error: 'ESRCH', sticky: true })
    await deleting.deleteTopics({ topics: ['t'] }).catch(() => {})
    for (const keepUnsynced of ['none', 'all', stop] as const) {
      const crashed = createWorld(environment.crash({ keepUnsynced }))
      const next = await crashed.own()
      const names = (await next.metadata({ topics: null })).topics.map(({ name }) => name)
      expect(await committed(next, 'g')).toContain('kept-0@0')
      if (names.includes('t')) {
        // It was not deleted, so nothing of it is gone.
        expect(await readAll(next, 't'), `stop ${stop}`).toEqual(['0=old'])
        expect(await readAll(next, 't', 1)).toEqual(['0=old'])
        expect(await committed(next, 'h')).toEqual(['t-1@1'])
        continue
      }
      finished++
      expect(crashed.environment.files.list(PATH).filter((name) => name.startsWith('t-'))).toEqual([])
      await create(next, 't', 2)
      expect(await committed(next, 'g')).toEqual(['kept-0@0'])
      expect(await committed(next, 'h')).toEqual([])
      expect(await fetch(next, 't')).toMatchObject({ error: null, highWatermark: 0 })
      expect(next.recovery.filter(({ isLoss }) => isLoss)).toEqual([])
    }
    environment.heal()
    await deleting.close().catch(() => {})
  }
  expect(finished).toBeGreaterThan(5)
})

test('a partition whose directory somebody removed goes on behind the offsets it had; who reads there is told, always', async () => {
  const world = createMemory()
  const first = await world.own()
  await create(first, 't', 2)
  await send(first, 't', 'a')
  await send(first, 't', 'b')
  await send(first, 't', 'c', 1)
  await commit(first, 'g', 't', { offset: 2, leaderEpoch: 0 })
  await first.close()
  world.environment.files.removeDirectory(`${PATH}/t-0`)
  const owner = await world.own()
  expect(owner.recovery).toMatchObject([
    { topic: 't', partition: 0, isLoss: true, missing: { fromOffset: 0, toOffset: 2 }, tornBytes: 0 },
  ])
  expect(owner.recovery[0]?.message).toMatch(/^t-0 has lost offsets 0 to 1, which had been flushed/)
  expect(world.warnings()).toEqual(['TIDEMARK_DATA_LOST'])
  expect(await send(owner, 't', 'new')).toBe(2)
  await owner.close()
  for (const reader of [world.follow(), await world.own()]) {
    const lost = { error: { code: 'CORRUPT_BATCH' }, nextReadableOffset: 2, highWatermark: 3 }
    for (const offset of [0, 1]) expect(await fetch(reader, 't', { offset })).toMatchObject(lost)
    expect(await readAll(reader, 't', 0, 2)).toEqual(['2=new'])
  }
})

test('a topic that gets the name of one that was deleted without its directories begins at offset 0', async () => {
  const world = createMemory()
  const first = await world.own()
  await create(first, 't')
  await send(first, 't', 'a')
  await first.close()
  world.environment.files.removeDirectory(`${PATH}/t-0`)
  const owner = await world.own()
  await owner.deleteTopics({ topics: ['t'] })
  await create(owner, 't')
  expect(await send(owner, 't', 'new')).toBe(0)
})

test('records cut off after an orderly stop are noted when the log is first used, and their offsets stay taken', async () => {
  const world = createMemory()
  const first = await world.own()
  await create(first, 't')
  for (const value of ['a', 'b', 'c']) await send(first, 't', value)
  await first.close()
  const path = `${PATH}/t-0/${LOG}`
  const file = world.environment.files.open(path, { write: true })
  file.truncate(file.sizeBytes() - 70)
  file.close()
  const lost = { error: { code: 'CORRUPT_BATCH' }, nextReadableOffset: 3, highWatermark: 3 }
  expect(await fetch(world.follow(), 't', { offset: 1 })).toMatchObject(lost)
  const owner = await world.own()
  expect(owner.recovery).toEqual([])
  expect(await fetch(owner, 't', { offset: 1 })).toMatchObject(lost)
  expect(owner.recovery).toMatchObject([{ topic: 't', isLoss: true, missing: { fromOffset: 1, toOffset: 3 } }])
  expect(world.warnings()).toEqual(['TIDEMARK_DATA_LOST'])
  expect(await send(owner, 't', 'd')).toBe(3)
  await owner.close()
  for (const reader of [world.follow(), await world.own()]) {
    expect(await fetch(reader, 't', { offset: 2 })).toMatchObject({ ...lost, highWatermark: 4 })
    expect(await readAll(reader, 't', 0, 3)).toEqual(['3=d'])
  }
})

test.each([true, false])(
  'a metadata log that was cut is refused with nothing changed on the disk (clean: %s)',
  async (clean) => {
    const world = createMemory()
    const first = await world.own()
    await create(first, 't')
    await send(first, 't', 'a')
    await first.close()
    if (!clean) world.markUnclean()
    const { files } = world.environment
    const size = files.stat(`${PATH}/__cluster_metadata-0/${LOG}`)!.sizeBytes
    let refused = 0
    for (let cut = 1; cut < size; cut++) {
      const disk = world.environment.crash({ keepUnsynced: 'all' })
      const file = disk.files.open(`${PATH}/__cluster_metadata-0/${LOG}`, { write: true })
      file.truncate(size - cut)
      file.close()
      const before = contentOf(disk)
      const opening = createWorld(disk).own()
      const error = await opening.then(
        (owner) => owner.close(),
        (reason: { code: string }) => reason.code,
      )
      if (error === undefined) continue
      refused++
      expect(error, `${cut} bytes`).toBe('CORRUPT_BATCH')
      expect(contentOf(disk), `${cut} bytes`).toEqual(before)
    }
    expect(refused).toBeGreaterThan(size - 5)
  },
)

/** Every file under the data directory, as text. */
function contentOf({ files }: MemoryEnvironment, directory = PATH): Record<string, string> {
  const found: Record<string, string> = {}
  for (const name of files.list(directory)) {
    const path = `${directory}/${name}`
    if (files.stat(path)?.isDirectory) Object.assign(found, contentOf({ files } as MemoryEnvironment, path))
    else found[path] = readWholeFile(files, path)!.toString('latin1')
  }
  return found
}

test('a metadata log that is gone or damaged is no reason to forget topics: the directory is not opened', async () => {
  for (const clean of [true, false]) {
    const world = createMemory()
    const first = await world.own()
    await create(first, 't')
    await send(first, 't', 'a')
    await create(first, 'u')
    await first.close()
    if (!clean) world.markUnclean()
    const before = world.names()
    const file = world.environment.files.open(`${PATH}/__cluster_metadata-0/${LOG}`, { write: false })
    world.damage('__cluster_metadata-0', Math.floor(file.sizeBytes() / 2))
    await expect(world.own()).rejects.toMatchObject({
      code: 'CORRUPT_BATCH',
      message: expect.stringContaining('Restore'),
    })
    world.environment.files.removeDirectory(`${PATH}/__cluster_metadata-0`)
    await expect(world.own()).rejects.toMatchObject({
      code: 'CORRUPT_BATCH',
      message: expect.stringContaining('missing'),
    })
    expect(world.names().filter((name) => name.startsWith('t-'))).toEqual(
      before.filter((name) => name.startsWith('t-')),
    )
  }
})

test('a metadata log restored from an older copy never gives out a leader epoch twice', async () => {
  const world = createMemory()
  const first = await world.own()
  await create(first, 't')
  await send(first, 't', 'a')
  await first.close()
  const { files } = world.environment
  const path = `${PATH}/__cluster_metadata-0/${LOG}`
  const copy = Buffer.alloc(files.stat(path)!.sizeBytes)
  files.open(path, { write: false }).read(copy, 0)
  for (const value of ['b', 'c', 'd']) {
    const owner = await world.own()
    await send(owner, 't', value)
    await owner.close()
  }
  const file = files.open(path, { write: true })
  file.truncate(0)
  file.write([copy], 0)
  file.close()
  files.removeDirectory(`${PATH}/__cluster_metadata-0/leader-epoch-checkpoint`)
  const owner = await world.own()
  expect(await send(owner, 't', 'e')).toBe(4)
  expect(await epochEnd(owner, 't', 3)).toMatchObject({ leaderEpoch: 3, endOffset: 4 })
  expect(await epochEnd(owner, 't', 4)).toMatchObject({ leaderEpoch: 4, endOffset: 5 })
})

test('a damaged batch of records is told of at opening, and both sides of it stay readable', async () => {
  const world = createMemory()
  const first = await world.own()
  await create(first, 't')
  for (const value of ['a', 'b', 'c']) await send(first, 't', value)
  await first.close()
  const size = world.environment.files.stat(`${PATH}/t-0/${LOG}`)!.sizeBytes
  world.damage('t-0', size / 3 + 65)
  // Nobody knows any more what was flushed, so all of it is looked at.
  world.markUnclean()
  world.environment.files.remove(`${PATH}/recovery-point-offset-checkpoint`)
  const owner = await world.own()
  expect(owner.recovery).toMatchObject([
    { topic: 't', partition: 0, isLoss: true, tornBytes: 0, damaged: [{ fromOffset: 1, toOffset: 2 }] },
  ])
  expect(owner.recovery[0]?.message).toMatch(/^t-0 is damaged: offsets 1 to 1 cannot be read/)
  expect(world.warnings()).toContain('TIDEMARK_DATA_LOST')
  const broken = await fetch(owner, 't', { offset: 1 })
  expect(broken).toMatchObject({ error: { code: 'CORRUPT_BATCH' }, nextReadableOffset: 2, highWatermark: 3 })
  expect(await readAll(owner, 't', 0, 2)).toEqual(['2=c'])
  expect(await send(owner, 't', 'd')).toBe(3)
})

test.each(['clean', 'crashed'])(
  'damaged commits are told of after a %s stop; their groups go back, never forward',
  async (how) => {
    const world = createMemory()
    const first = await world.own()
    await create(first, 't', 2)
    const name = `__consumer_offsets-${groupPartition('g', 50)}`
    const size = () => world.environment.files.stat(`${PATH}/${name}/${LOG}`)?.sizeBytes ?? 0
    for (let n = 0; n < 5; n++) await send(first, 't', `${n}`)
    await commit(first, 'g', 't', 1)
    const second = size()
    await commit(first, 'g', 't', 3)
    const end = size()
    await commit(first, 'g', 't', { offset: 0, partition: 1 })
    const other = ['a', 'b', 'c', 'd']
      .map((letter) => letter.repeat(3))
      .find((group) => groupPartition(group, 50) !== groupPartition('g', 50))!
    await commit(first, other, 't', 4)
    await first.close()
    world.damage(name, second + 70, 1)
    expect(end).toBeGreaterThan(second + 70)
    if (how === 'crashed') {
      world.markUnclean()
      world.environment.files.remove(`${PATH}/recovery-point-offset-checkpoint`)
    }
    const follower = world.follow()
    expect(await committed(follower, 'g')).toEqual(['t-0@1', 't-1@0'])
    expect(world.warnings()).toEqual(['TIDEMARK_COMMITS_DAMAGED'])
    await committed(follower, 'g')
    expect(world.warnings()).toHaveLength(1)
    const owner = await world.own()
    expect(await committed(owner, 'g')).toEqual(['t-0@1', 't-1@0'])
    expect(await committed(owner, other)).toEqual(['t-0@4'])
    expect(world.warnings().slice(1)).toContain(how === 'clean' ? 'TIDEMARK_COMMITS_DAMAGED' : 'TIDEMARK_DATA_LOST')
    // The group works on.
    await commit(owner, 'g', 't', 2)
    await owner.close()
    expect(await committed(world.follow(), 'g')).toEqual(['t-0@2', 't-1@0'])
  },
)

test('members of a process that was killed are out of their groups at once, and commits stay', async () => {
  const world = createMemory()
  const killed = await world.own()
  await create(killed, 't')
  const { memberEpoch } = await beat(killed, 'g', member(1), { subscribedTopicNames: ['t'] })
  await commit(killed, 'g', 't', 3, { memberId: member(1), memberEpoch })
  const next = await createWorld(world.environment.crash()).own()
  const { groups } = await next.consumerGroupDescribe({ groups: ['g'] })
  expect(groups).toMatchObject([{ state: 'Empty', members: [] }])
  expect(await committed(next, 'g')).toEqual(['t-0@3'])
  const joined = await beat(next, 'g', member(2), { subscribedTopicNames: ['t'] })
  expect(joined.assignment).toEqual([{ topic: 't', partition: 0 }])
})

test('a directory that cannot be opened is let go of, and opens when the disk is well again', async () => {
  const world = createMemory()
  const first = await world.own()
  await create(first, 't', 2)
  await send(first, 't', 'a')
  await beat(first, 'g', member(1), { subscribedTopicNames: ['t'] })
  const crashed = world.environment.crash({ keepUnsynced: 'all' })
  const again = createWorld(crashed)
  const operations = await countOperations(crashed.crash({ keepUnsynced: 'all' }))
  let refused = 0
  for (let at = 0; at < operations; at += 3) {
    crashed.failNext('any', { after: at, error: 'EIO' })
    const opening = again.own()
    await opening.then(
      (owner) => owner.close().catch(() => {}),
      (error) => {
        refused++
        expect(error, `operation ${at}: ${error.stack} ${error.cause?.stack}`).toMatchObject({
          name: 'TidemarkError',
          code: 'STORAGE_ERROR',
        })
      },
    )
    crashed.heal()
    expect(crashed.findLockHolder(PATH), `operation ${at}`).toBeUndefined()
  }
  expect(refused).toBeGreaterThan(20)
  const owner = await again.own()
  expect(await readAll(owner, 't')).toEqual(['0=a'])
  expect(owner.recovery).toEqual([])
})

async function countOperations(environment: MemoryEnvironment): Promise<number> {
  const total = () =>
    Object.values(environment.counts).reduce((sum, count) => sum + count, 0) - environment.counts.changes
  const before = total()
  const owner = await createWorld(environment).own()
  const count = total() - before
  await owner.close()
  return count
}

test('an owner that lost the directory lets go of every descriptor and writes nothing more', async () => {
  const world = createMemory()
  const owner = await world.own()
  await create(owner, 't')
  await send(owner, 't', 'a')
  world.environment.files.remove(`${PATH}/.lock`)
  const before = world.environment.counts
  await expect(owner.close()).rejects.toMatchObject({ code: 'OWNERSHIP_LOST' })
  const { write, open, truncate, rename, close } = world.environment.counts
  expect({ write, open, truncate, rename }).toEqual({
    write: before.write,
    open: before.open,
    truncate: before.truncate,
    rename: before.rename,
  })
  expect(close).toBeGreaterThan(before.close)
  expect((await produce(owner, 't', 'b')).error?.code).toBe('CLOSED')
})

test('a directory that is refused is left as it was, down to the epoch that its broker left for itself', async () => {
  const world = createMemory()
  const first = await world.own()
  await create(first, 't')
  await send(first, 't', 'a')
  await first.close()
  const { files } = world.environment
  replaceText(files, PATH, '.kafka_cleanshutdown', '{"version":0,"brokerEpoch":15}')
  const owned = await world.own()
  const { topicId } = (await owned.metadata({ topics: ['t'] })).topics[0]!
  await owned.close()
  replaceText(files, PATH, '.kafka_cleanshutdown', '{"version":0,"brokerEpoch":16}')
  // Another broker joins, and gets a replica.
  const path = `${PATH}/${METADATA_DIRECTORY}/${LOG}`
  const written = readWholeFile(files, path)!
  const { batches } = scanBatches(written, { verify: 'crc' })
  const change = { type: 'PartitionChange', topicId, partition: 0, replicas: [1, 2] } as const
  const batch = encodeMetadataBatch([change], 0, { baseOffset: batches.at(-1)!.nextOffset })
  replaceWholeFile(files, `${PATH}/${METADATA_DIRECTORY}`, LOG, Buffer.concat([written, batch]))

  await expect(world.own()).rejects.toMatchObject({
    code: 'UNSUPPORTED',
    message: expect.stringContaining('t-0 has replicas on the brokers 1, 2'),
  })
  expect(readText(files, `${PATH}/.kafka_cleanshutdown`)).toBe('{"version":0,"brokerEpoch":16}')
})
