import { expect, test } from 'vitest'
import { DataDirectory } from '../../../sdk/directory/data-directory.ts'
import { replaceText } from '../../../sdk/directory/small-file.ts'
import { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import { DEFAULT_LOG_CONFIG } from '../../../sdk/log/log-config.ts'
import { append, openDirectory, PATH, partitionLog, readText, TOPIC_ID } from './support/memory-directory.ts'

const OTHER_ID = 'SdkUZlp8RL-JFk6MdJsTlg'
const HEX = '0123456789abcdef0123456789abcdef'
const MARKER = `${PATH}/.kafka_cleanshutdown`

async function createDirectory(options: ConstructorParameters<typeof MemoryEnvironment>[0] = {}) {
  const environment = new MemoryEnvironment(options)
  return { environment, directory: await openDirectory(environment) }
}

function checkpoint(environment: MemoryEnvironment, name: string): string[] {
  const lines = readText(environment, `${PATH}/${name}`)?.split('\n') ?? []
  return lines.slice(2, -1).sort()
}

test('a partition gets its directory, and its topic’s id, before its first record, for good', async () => {
  const { environment, directory } = await createDirectory()
  expect(directory.has('payments', 0)).toBe(false)
  const log = partitionLog(directory)
  expect(directory.has('payments', 0)).toBe(true)
  await log.assignEpoch(0)
  const after = environment.crash()
  expect(readText(after, `${PATH}/payments-0/partition.metadata`)).toBe(`version: 0\ntopic_id: ${TOPIC_ID}`)
  expect((await openDirectory(after)).existing()).toContainEqual({ topic: 'payments', partition: 0, topicId: TOPIC_ID })
})

test('a partition’s log is opened once', async () => {
  const { directory } = await createDirectory()
  expect(partitionLog(directory)).toBe(partitionLog(directory))
  expect(directory.openLogs().map((log) => log.topic)).toEqual(['__cluster_metadata', 'payments'])
})

test('a crash between a partition’s directory and its id is mended by the next use', async () => {
  const { environment, directory } = await createDirectory()
  environment.failNext('write', { error: 'EIO', path: /partition\.metadata/ })
  expect(() => partitionLog(directory)).toThrow(expect.objectContaining({ code: 'STORAGE_ERROR' }))
  const after = environment.crash({ keepUnsynced: 'all' })
  const second = await openDirectory(after)
  expect(second.existing()).toContainEqual({ topic: 'payments', partition: 0, topicId: undefined })
  append(partitionLog(second), 'a')
  expect(second.existing()).toContainEqual({ topic: 'payments', partition: 0, topicId: TOPIC_ID })
})

test('a directory of another topic with that name is not written to', async () => {
  const { environment, directory } = await createDirectory()
  append(partitionLog(directory), 'old')
  const asAnother = (opened: DataDirectory) =>
    opened.log('payments', 0, { topicId: OTHER_ID, config: DEFAULT_LOG_CONFIG })
  const differs = expect.objectContaining({ code: 'TOPIC_DIFFERS', topic: 'payments', partition: 0 })
  expect(() => asAnother(directory)).toThrow(differs)
  await directory.close()
  const second = await openDirectory(environment)
  expect(() => asAnother(second)).toThrow(differs)
  expect(partitionLog(second).logEndOffset).toBe(1)
})

test('the clean-shutdown marker is gone, for good, before anything is loaded, and comes back at an orderly close', async () => {
  const { environment, directory } = await createDirectory()
  append(partitionLog(directory), 'a')
  await directory.close()
  expect(environment.crash().files.stat(MARKER)).toBeDefined()
  const second = await openDirectory(environment)
  expect(second.wasCleanShutdown).toBe(true)
  expect(environment.crash().files.stat(MARKER)).toBeUndefined()
  expect((await openDirectory(environment.crash())).wasCleanShutdown).toBe(false)
  await second.close()
  expect(environment.crash().files.stat(MARKER)).toBeDefined()
})

test('no marker vouches for a log that nobody has looked at since a crash', async () => {
  const { environment, directory } = await createDirectory()
  append(partitionLog(directory), 'a')
  append(partitionLog(directory, 'refunds'), 'b')
  const crashed = environment.crash({ keepUnsynced: 'all' })
  const second = await openDirectory(crashed)
  partitionLog(second)
  expect(second.unrecovered()).toMatchObject([{ topic: '__cluster_metadata' }, { topic: 'refunds', partition: 0 }])
  await second.close()
  expect(crashed.files.stat(MARKER)).toBeUndefined()
  const third = await openDirectory(crashed)
  for (const { topic, partition } of third.unrecovered()) {
    const topicId = third.existing().find((each) => each.topic === topic)?.topicId ?? ''
    third.log(topic, partition, { topicId, config: DEFAULT_LOG_CONFIG })
  }
  expect(third.unrecovered()).toEqual([])
  await third.close()
  expect(crashed.files.stat(MARKER)).toBeDefined()
})

test('no marker where a log could not be closed, and the directory is free all the same', async () => {
  for (const operation of ['sync', 'syncDirectory', 'write', 'rename'] as const) {
    const { environment, directory } = await createDirectory()
    append(partitionLog(directory), 'a')
    environment.failNext(operation, { error: 'EIO', sticky: true })
    await expect(directory.close(), operation).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
    expect(environment.files.stat(MARKER)).toBeUndefined()
    expect(environment.findLockHolder(PATH)).toBeUndefined()
    environment.heal()
    const second = await openDirectory(environment.crash({ keepUnsynced: 'all' }))
    expect(partitionLog(second).logEndOffset).toBe(1)
    await second.close()
  }
})

test('a log whose flush failed earlier gets no marker either', async () => {
  const { environment, directory } = await createDirectory()
  const log = partitionLog(directory)
  append(log, 'a')
  environment.failNext('sync', { error: 'EIO' })
  await expect(log.flush()).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
  await expect(directory.close()).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
  expect(environment.files.stat(MARKER)).toBeUndefined()
})

test('checkpoints say what is flushed, what is visible, and where a log starts if its files do not', async () => {
  const { environment, directory } = await createDirectory()
  const log = partitionLog(directory)
  for (const text of ['a', 'b', 'c']) append(log, text)
  append(partitionLog(directory, 'refunds', 2), 'd')
  await directory.writeCheckpoints()
  log.advanceLogStart(2)
  append(log, 'not flushed yet')
  await directory.writeCheckpoints()
  const expected = ['__cluster_metadata 0 3', 'payments 0 4', 'refunds 2 1']
  expect(checkpoint(environment, 'recovery-point-offset-checkpoint')).toEqual(expected)
  expect(checkpoint(environment, 'replication-offset-checkpoint')).toEqual(expected)
  expect(checkpoint(environment, 'log-start-offset-checkpoint')).toEqual(['payments 0 2'])
  const second = await openDirectory(environment.crash({ keepUnsynced: 'all' }))
  expect(partitionLog(second).logStartOffset).toBe(2)
})

test('checkpoints keep the entries of partitions that are not open, and tell which partitions vanished', async () => {
  const { environment, directory } = await createDirectory()
  append(partitionLog(directory), 'a')
  append(partitionLog(directory, 'refunds'), 'b')
  append(partitionLog(directory, 'refunds'), 'c')
  await directory.close()
  environment.files.removeDirectory(`${PATH}/refunds-0`)
  const second = await openDirectory(environment)
  expect(second.vanished()).toEqual([{ topic: 'refunds', partition: 0, offset: 2 }])
  await second.writeCheckpoints()
  const kept = ['__cluster_metadata 0 3', 'payments 0 1']
  expect(checkpoint(environment, 'recovery-point-offset-checkpoint')).toEqual([...kept, 'refunds 0 2'])
  const log = partitionLog(second, 'refunds')
  expect(checkpoint(environment.crash(), 'recovery-point-offset-checkpoint')).toEqual(kept)
  expect([log.logStartOffset, log.logEndOffset]).toEqual([0, 0])
  expect(second.vanished()).toEqual([])
})

test('a partition that is created while checkpoints are being written does not upset them', async () => {
  const { environment, directory } = await createDirectory()
  append(partitionLog(directory), 'a')
  append(partitionLog(directory, 'refunds'), 'b')
  await directory.close()
  environment.files.removeDirectory(`${PATH}/refunds-0`)
  for (let turns = 0; turns < 12; turns++) {
    const other = environment.crash({ keepUnsynced: 'all' })
    const second = await openDirectory(other)
    append(partitionLog(second), 'c')
    const writing = second.writeCheckpoints()
    for (let turn = 0; turn < turns; turn++) await other.timers.yield()
    append(partitionLog(second, 'refunds'), 'd')
    await writing
    await second.writeCheckpoints()
    const expected = ['__cluster_metadata 0 3', 'payments 0 2', 'refunds 0 1']
    expect(checkpoint(other, 'recovery-point-offset-checkpoint'), `after ${turns} turns`).toEqual(expected)
    await second.close()
    expect(other.files.list(PATH).filter((name) => name.endsWith('.tmp'))).toEqual([])
  }
})

test('checkpoints are written every 5 s and every 64 MiB, but not of an idle directory', async () => {
  const { environment, directory } = await createDirectory({ clock: 'manual' })
  const log = partitionLog(directory)
  const settle = async () => {
    for (let turn = 0; turn < 20; turn++) await environment.timers.yield()
  }
  append(log, 'a')
  environment.advance(5000)
  await settle()
  expect(checkpoint(environment, 'recovery-point-offset-checkpoint')).toContain('payments 0 1')
  const { changes } = environment.counts
  environment.advance(60_000)
  await settle()
  expect(environment.counts.changes).toBe(changes)
  append(log, 'b')
  directory.appended(40 * 1024 * 1024)
  await settle()
  expect(checkpoint(environment, 'recovery-point-offset-checkpoint')).toContain('payments 0 1')
  directory.appended(24 * 1024 * 1024)
  await settle()
  expect(checkpoint(environment, 'recovery-point-offset-checkpoint')).toContain('payments 0 2')
  await directory.close()
  environment.advance(60_000)
  await settle()
  expect(environment.warnings).toEqual([])
})

test('checkpoints that cannot be written are one warning, and are written once they can', async () => {
  const { environment, directory } = await createDirectory({ clock: 'manual' })
  append(partitionLog(directory), 'a')
  environment.failNext('write', { error: 'ENOSPC', path: /checkpoint/, sticky: true })
  for (let turn = 0; turn < 60; turn++) {
    if (turn % 20 === 0) environment.advance(5000)
    await environment.timers.yield()
  }
  expect(environment.warnings).toMatchObject([{ code: 'TIDEMARK_CHECKPOINT_FAILED' }])
  environment.heal()
  await directory.writeCheckpoints()
  expect(checkpoint(environment, 'recovery-point-offset-checkpoint')).toContain('payments 0 1')
  await directory.close()
})

test('a damaged checkpoint is a warning, and counts as none', async () => {
  const { environment, directory } = await createDirectory()
  append(partitionLog(directory), 'a')
  await directory.close()
  replaceText(environment.files, PATH, 'recovery-point-offset-checkpoint', '0\n7\npayments 0 1\n')
  const second = await openDirectory(environment)
  expect(environment.warnings).toMatchObject([{ code: 'TIDEMARK_CHECKPOINT_DAMAGED' }])
  expect(partitionLog(second).logEndOffset).toBe(1)
})

test('removed partitions are gone at once, and a topic of that name begins anew, even after a crash', async () => {
  const { environment, directory } = await createDirectory()
  for (const partition of [0, 1]) {
    const log = partitionLog(directory, 'payments', partition)
    append(log, 'a')
    append(log, 'b')
  }
  await directory.writeCheckpoints()
  await directory.removePartitions(({ topic }) => topic === 'payments')
  const names = environment.crash().files.list(PATH)
  expect(names.filter((name) => name.startsWith('payments') && !name.endsWith('-delete'))).toEqual([])
  expect(directory.existing().map(({ topic }) => topic)).toEqual(['__cluster_metadata'])
  append(directory.log('payments', 0, { topicId: OTHER_ID, config: DEFAULT_LOG_CONFIG }), 'new')
  const after = environment.crash({ keepUnsynced: 'all' })
  expect(checkpoint(after, 'recovery-point-offset-checkpoint')).toEqual(['__cluster_metadata 0 3'])
  const second = await openDirectory(after)
  const log = second.log('payments', 0, { topicId: OTHER_ID, config: DEFAULT_LOG_CONFIG })
  expect([log.logStartOffset, log.logEndOffset]).toEqual([0, 1])
})

test('a crash at any operation of a removal leaves the partition whole or gone', async () => {
  const { environment, directory } = await createDirectory()
  append(partitionLog(directory), 'a')
  await directory.close()
  for (let after = 0; after < 40; after++) {
    const second = environment.crash({ keepUnsynced: 'all' })
    const opened = await openDirectory(second)
    partitionLog(opened)
    second.failNext('change', { after, error: 'EIO', sticky: true })
    await opened.removePartitions(({ topic }) => topic === 'payments').catch(() => {})
    for (const keepUnsynced of ['none', 'all', after] as const) {
      const third = await openDirectory(second.crash({ keepUnsynced }))
      const place = `operation ${after}, unsynced ${keepUnsynced}`
      if (third.has('payments', 0)) expect(partitionLog(third).logEndOffset, place).toBe(1)
      await third.close()
    }
  }
})

test('deletions that a crash interrupted are finished; what a broker set aside stays', async () => {
  const { environment, directory } = await createDirectory()
  await directory.close()
  for (const name of [`a-0.${HEX}-delete`, `b-0.${HEX}-stray`, `c-0.${HEX}-future`, 'not-a-partition-']) {
    environment.files.makeDirectory(`${PATH}/${name}/inside`)
  }
  const second = await openDirectory(environment)
  expect(second.existing()).toHaveLength(1)
  const names = environment.files.list(PATH)
  expect(names).not.toContain(`a-0.${HEX}-delete`)
  expect(names).toEqual(expect.arrayContaining([`b-0.${HEX}-stray`, `c-0.${HEX}-future`, 'not-a-partition-']))
})

test('an owner whose lock file was replaced writes nothing more: no checkpoint, no marker', async () => {
  const { environment, directory } = await createDirectory()
  append(partitionLog(directory), 'a')
  const rival = environment.anotherProcess()
  rival.files.remove(`${PATH}/.lock`)
  rival.files.open(`${PATH}/.lock`, { write: true, create: true }).close()
  expect(directory.isStillOwned()).toBe(false)
  await expect(openDirectory(rival)).rejects.toMatchObject({ code: 'DIRECTORY_IN_USE' })
  await expect(directory.writeCheckpoints()).rejects.toMatchObject({ code: 'OWNERSHIP_LOST' })
  await expect(directory.removePartitions(({ topic }) => topic === 'payments')).rejects.toMatchObject({
    code: 'OWNERSHIP_LOST',
  })
  await expect(directory.close()).rejects.toMatchObject({ code: 'OWNERSHIP_LOST' })
  expect(environment.files.stat(MARKER)).toBeUndefined()
  expect((await openDirectory(rival)).wasCleanShutdown).toBe(false)
})

test('an owner that finds its lock file gone at a checkpoint warns once and writes none', async () => {
  const { environment, directory } = await createDirectory({ clock: 'manual' })
  append(partitionLog(directory), 'a')
  environment.files.remove(`${PATH}/.lock`)
  for (let turn = 0; turn < 60; turn++) {
    if (turn % 20 === 0) environment.advance(5000)
    await environment.timers.yield()
  }
  expect(environment.warnings).toMatchObject([{ code: 'TIDEMARK_OWNERSHIP_LOST' }])
  expect(environment.files.list(PATH)).not.toContain('recovery-point-offset-checkpoint')
  await expect(directory.close()).rejects.toMatchObject({ code: 'OWNERSHIP_LOST' })
})

test('a directory that was closed says so, and can be closed again', async () => {
  const { directory } = await createDirectory()
  await Promise.all([directory.close(), directory.close()])
  expect(() => partitionLog(directory)).toThrow(expect.objectContaining({ code: 'CLOSED' }))
  await expect(directory.writeCheckpoints()).rejects.toMatchObject({ code: 'CLOSED' })
  expect(directory.isStillOwned()).toBe(false)
})

test('a directory from before Kafka 3.7 gets a directory id and keeps the rest', async () => {
  const { environment, directory } = await createDirectory()
  await directory.close()
  const old = `#\nnode.id=7\nversion=1\ncluster.id=${directory.clusterId}\n`
  replaceText(environment.files, PATH, 'meta.properties', old)
  const second = await openDirectory(environment)
  expect(second).toMatchObject({ clusterId: directory.clusterId, nodeId: 7 })
  await second.close()
  const third = await openDirectory(environment.crash())
  expect(third.directoryId).toBe(second.directoryId)
})

test('a directory of the time of ZooKeeper is refused, unchanged', async () => {
  const { environment, directory } = await createDirectory()
  await directory.close()
  replaceText(environment.files, PATH, 'meta.properties', 'version=0\nbroker.id=1\n')
  await expect(openDirectory(environment)).rejects.toMatchObject({ code: 'UNSUPPORTED' })
  expect(environment.files.stat(MARKER)).toBeDefined()
  expect(environment.findLockHolder(PATH)).toBeUndefined()
})

test('a second open of the directory in one process is refused', async () => {
  const { environment, directory } = await createDirectory()
  await expect(DataDirectory.open(environment, PATH, { waitMs: 0 })).rejects.toMatchObject({
    code: 'DIRECTORY_IN_USE',
    message: expect.stringContaining('already open in this process'),
  })
  await directory.close()
  await (await openDirectory(environment)).close()
})
