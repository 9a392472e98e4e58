import { expect, test } from 'vitest'
import { DataDirectory } from '../../../sdk/directory/data-directory.ts'
import type { CrashOptions } from '../../../sdk/environment/memory-disk.ts'
import { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import { append, metadataLog, openDirectory, PATH, partitionLog, readText } from './support/memory-directory.ts'

const SURVIVALS: readonly CrashOptions[] = [
  { keepUnsynced: 'none' },
  { keepUnsynced: 'all' },
  { keepUnsynced: 1 },
  { keepUnsynced: 2, reorder: true },
  { keepUnsynced: 3, reorder: true },
]

/** How many changes of the disk creating and closing takes. */
async function countChanges(): Promise<number> {
  const environment = new MemoryEnvironment()
  await (await openDirectory(environment)).close()
  return environment.counts.changes
}

test('a fresh directory has Kafka’s files, and only those', async () => {
  const environment = new MemoryEnvironment()
  const directory = await openDirectory(environment, '/not/there/yet')
  const { clusterId, directoryId } = directory
  expect(environment.files.list('/not/there/yet').sort()).toEqual(['.lock', '__cluster_metadata-0', 'meta.properties'])
  expect(readText(environment, '/not/there/yet/meta.properties')).toBe(
    `version=1\nnode.id=1\ncluster.id=${clusterId}\ndirectory.id=${directoryId}\n`,
  )
  expect(readText(environment, '/not/there/yet/__cluster_metadata-0/partition.metadata')).toBe(
    'version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ',
  )
  await directory.close()
  expect(environment.files.list('/not/there/yet').sort()).toEqual([
    '.kafka_cleanshutdown',
    '.lock',
    '__cluster_metadata-0',
    'cleaner-offset-checkpoint',
    'log-start-offset-checkpoint',
    'meta.properties',
    'recovery-point-offset-checkpoint',
    'replication-offset-checkpoint',
  ])
  expect(readText(environment, '/not/there/yet/.kafka_cleanshutdown')).toBe('{"version":0,"brokerEpoch":-1}')
})

test('what a caller is told of a created directory survives a power loss', async () => {
  const environment = new MemoryEnvironment()
  const directory = await openDirectory(environment, '/deep/in/data')
  const { clusterId, directoryId } = directory
  append(metadataLog(directory), 'a topic')
  await metadataLog(directory).flush()
  const after = await openDirectory(environment.crash(), '/deep/in/data')
  expect(after).toMatchObject({ clusterId, directoryId, wasCleanShutdown: false })
  expect(metadataLog(after).logEndOffset).toBe(4)
})

test('a crash at any operation of the creation leaves something that the next open turns into a directory', async () => {
  const changes = await countChanges()
  expect(changes).toBeGreaterThan(30)
  for (let after = 0; after < changes; after++) {
    const environment = new MemoryEnvironment()
    environment.failNext('change', { after, error: 'EIO', sticky: true })
    await openDirectory(environment)
      .then((directory) => directory.close())
      .catch(() => {})
    for (const survival of SURVIVALS) {
      const place = `operation ${after}, ${JSON.stringify(survival)}`
      const second = environment.crash(survival)
      const directory = await openDirectory(second)
      expect(metadataLog(directory).logEndOffset, place).toBe(3)
      const { clusterId, directoryId } = directory
      append(partitionLog(directory), 'payment')
      await directory.close()
      const third = await openDirectory(second.crash())
      expect(third, place).toMatchObject({ clusterId, directoryId, isFresh: false, wasCleanShutdown: true })
      expect(partitionLog(third).logEndOffset, place).toBe(1)
      await third.close()
    }
  }
})

test('in whatever order the disk keeps the names, an unfinished directory is not taken for a damaged one', async () => {
  const complete = new MemoryEnvironment()
  await openDirectory(complete)
  for (let after = 0; after < complete.counts.syncDirectory; after++) {
    const environment = new MemoryEnvironment()
    environment.failNext('syncDirectory', { after, error: 'EIO', sticky: true })
    await openDirectory(environment).catch(() => {})
    for (let seed = 0; seed < 40; seed++) {
      const directory = await openDirectory(environment.crash({ keepUnsynced: seed, reorder: true }))
      expect(metadataLog(directory).logEndOffset, `flush ${after}, seed ${seed}`).toBe(3)
      await directory.close()
    }
  }
})

test('a process that dies at any operation is followed by one that finishes, and then the power fails', async () => {
  const changes = await countChanges()
  for (let after = 0; after < changes; after++) {
    const first = new MemoryEnvironment()
    first.failNext('change', { after, error: 'EIO', sticky: true })
    await openDirectory(first).catch(() => {})
    first.kill()
    const second = first.anotherProcess()
    const { clusterId, directoryId } = await openDirectory(second)
    for (const survival of SURVIVALS) {
      const third = await openDirectory(second.crash(survival))
      expect(third, `operation ${after}`).toMatchObject({ clusterId, directoryId, isFresh: false })
      expect(metadataLog(third).logEndOffset, `operation ${after}`).toBe(3)
    }
  }
})

test('a crash while an interrupted creation is finished is no different', async () => {
  const environment = new MemoryEnvironment()
  const changes = await countChanges()
  environment.failNext('change', { after: Math.floor(changes / 3), error: 'EIO', sticky: true })
  await expect(openDirectory(environment)).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
  for (let after = 0; after < changes; after++) {
    const second = environment.crash({ keepUnsynced: after })
    second.failNext('change', { after, error: 'EIO', sticky: true })
    await openDirectory(second)
      .then((directory) => directory.close())
      .catch(() => {})
    const directory = await openDirectory(second.crash({ keepUnsynced: after + 1 }))
    expect(metadataLog(directory).logEndOffset, `seed ${after}`).toBe(3)
    await directory.close()
  }
})

test.each([
  ['a full disk', 'write', 'ENOSPC', 'full'],
  ['a failed flush', 'sync', 'EIO', 'EIO'],
  ['a directory that cannot be flushed', 'syncDirectory', 'EIO', 'EIO'],
  ['a disk that is mounted read-only', 'open', 'EROFS', 'read-only'],
  ['too many open files', 'open', 'EMFILE', 'ulimit'],
] as const)(
  '%s while creating is told, lets go of the lock, and the next open succeeds',
  async (_name, operation, error, advice) => {
    const clean = new MemoryEnvironment()
    await openDirectory(clean)
    for (let after = 0; after < clean.counts[operation]; after++) {
      const environment = new MemoryEnvironment()
      environment.failNext(operation, { after, error })
      const failed = await openDirectory(environment).then(
        (directory) => directory.close(),
        (reason: unknown) => reason,
      )
      expect(failed, `operation ${after}`).toMatchObject({
        code: error === 'EMFILE' ? 'TOO_MANY_OPEN_FILES' : 'STORAGE_ERROR',
        message: expect.stringContaining(advice),
      })
      expect(environment.findLockHolder(PATH)).toBeUndefined()
      const directory = await openDirectory(environment)
      expect(metadataLog(directory).logEndOffset).toBe(3)
      await directory.close()
    }
  },
)

test('a directory that holds something else is left alone and said so', async () => {
  const environment = new MemoryEnvironment()
  environment.files.makeDirectory('/home/photos')
  const before = environment.counts.changes
  await expect(openDirectory(environment, '/home')).rejects.toMatchObject({
    code: 'NOT_A_DATA_DIRECTORY',
    message: expect.stringMatching(/"photos".*empty directory/),
  })
  environment.files.open('/file', { write: true, create: true }).close()
  await expect(openDirectory(environment, '/file')).rejects.toMatchObject({
    code: 'NOT_A_DATA_DIRECTORY',
    message: expect.stringContaining('is a file'),
  })
  expect(environment.counts.changes).toBe(before + 1)
  expect(environment.files.list('/home')).toEqual(['photos'])
})

test('a directory that lost its meta.properties is not taken for a new one', async () => {
  const environment = new MemoryEnvironment()
  await (await openDirectory(environment)).close()
  environment.files.remove(`${PATH}/meta.properties`)
  await expect(openDirectory(environment)).rejects.toMatchObject({ code: 'NOT_A_DATA_DIRECTORY' })
  for (const name of environment.files.list(PATH)) {
    if (name !== '__cluster_metadata-0') environment.files.remove(`${PATH}/${name}`)
  }
  await expect(openDirectory(environment)).rejects.toMatchObject({
    code: 'NOT_A_DATA_DIRECTORY',
    message: expect.stringContaining('Restore'),
  })
  expect(environment.files.list(`${PATH}/__cluster_metadata-0`)).toContain('00000000000000000000.log')
})

test('what people call an empty directory is one: a new mount, a folder kept in git', async () => {
  const environment = new MemoryEnvironment()
  environment.files.makeDirectory(`${PATH}/lost+found`)
  environment.files.open(`${PATH}/.gitkeep`, { write: true, create: true }).close()
  const directory = await openDirectory(environment)
  await directory.close()
  expect(await openDirectory(environment)).toMatchObject({ isFresh: false })
})

test('a directory that was opened and closed without its first records is fresh the next time, under the same ids', async () => {
  const environment = new MemoryEnvironment()
  const first = await DataDirectory.open(environment, PATH, { waitMs: 0 })
  expect(first.isFresh).toBe(true)
  append(metadataLog(first), 'not all of it')
  await first.close()
  const second = await DataDirectory.open(environment, PATH, { waitMs: 0 })
  const { clusterId, directoryId } = first
  expect(second).toMatchObject({ isFresh: true, clusterId, directoryId })
  expect(metadataLog(second).logEndOffset).toBe(0)
  await second.close()
})

test('two processes that create one directory at the same moment end up with one directory', async () => {
  const first = new MemoryEnvironment()
  const second = first.anotherProcess()
  const create = async (environment: MemoryEnvironment) => {
    const directory = await DataDirectory.open(environment, PATH, { waitMs: 10_000 })
    if (directory.isFresh) {
      append(metadataLog(directory), 'bootstrap')
      await directory.finishCreation()
    }
    await directory.close()
    return directory.directoryId
  }
  const ids = await Promise.all([create(first), create(second)])
  expect(ids[0]).toBe(ids[1])
  const directory = await openDirectory(second)
  expect(metadataLog(directory).logEndOffset).toBe(1)
  await directory.close()
})
