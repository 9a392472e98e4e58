import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { DirectoryReader } from '../../../sdk/directory/directory-reader.ts'
import { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import { nodeEnvironment } from '../../../sdk/environment/node-environment.ts'
import { DEFAULT_LOG_CONFIG } from '../../../sdk/log/log-config.ts'
import { createChildProcess } from './support/child-process.ts'
import { append, openDirectory, PATH, partitionLog, TOPIC_ID } from './support/memory-directory.ts'

test('a reader in another process follows an owner: new partitions, new records, removals', async () => {
  const environment = new MemoryEnvironment()
  const directory = await openDirectory(environment)
  const reader = DirectoryReader.open(environment.anotherProcess(), PATH)
  expect(reader.meta).toMatchObject({ clusterId: directory.clusterId, directoryId: directory.directoryId })
  expect(reader.partitions()).toHaveLength(1)
  expect(reader.log('payments', 0)).toBeUndefined()
  const log = partitionLog(directory)
  append(log, 'a')
  await log.flush()
  expect(reader.refresh()).toBe(true)
  expect(reader.refresh()).toBe(false)
  expect(reader.partitions()).toContainEqual({ topic: 'payments', partition: 0, topicId: TOPIC_ID })
  const view = reader.log('payments', 0)
  expect(view?.logEndOffset).toBe(1)
  append(log, 'b')
  view?.refresh()
  expect(view?.logEndOffset).toBe(2)
  expect(reader.log('payments', 0)).toBe(view)
  await directory.removePartitions(({ topic }) => topic === 'payments')
  append(directory.log('payments', 0, { topicId: 'SdkUZlp8RL-JFk6MdJsTlg', config: DEFAULT_LOG_CONFIG }), 'new')
  expect(reader.refresh()).toBe(true)
  expect(reader.log('payments', 0)).not.toBe(view)
  expect(reader.log('payments', 0)?.logEndOffset).toBe(1)
  reader.close()
  await directory.close()
})

test('reading changes nothing and never touches the lock file', async () => {
  const environment = new MemoryEnvironment()
  const directory = await openDirectory(environment)
  append(partitionLog(directory), 'a')
  const process = environment.anotherProcess()
  process.failNext('change', { error: 'EROFS', sticky: true, path: /\.lock|tmp$/ })
  process.failNext('write', { error: 'EROFS', sticky: true })
  process.failNext('rename', { error: 'EROFS', sticky: true })
  process.failNext('remove', { error: 'EROFS', sticky: true })
  process.failNext('truncate', { error: 'EROFS', sticky: true })
  const reader = DirectoryReader.open(process, PATH)
  expect(reader.log('payments', 0)?.logEndOffset).toBe(1)
  reader.refresh()
  reader.close()
  expect(process.counts).toMatchObject({
    write: 0,
    rename: 0,
    remove: 0,
    truncate: 0,
    makeDirectory: 0,
    sync: 0,
    lock: 0,
  })
})

test('a reader sees where the owner’s checkpoints were, and whether it closed in order', async () => {
  const environment = new MemoryEnvironment()
  const directory = await openDirectory(environment)
  append(partitionLog(directory), 'a')
  append(partitionLog(directory), 'b')
  await partitionLog(directory).flush()
  partitionLog(directory).advanceLogStart(1)
  await directory.writeCheckpoints()
  const reader = DirectoryReader.open(environment, PATH)
  expect(reader.highWatermark('payments', 0)).toBe(2)
  expect(reader.highWatermark('refunds', 0)).toBeUndefined()
  expect(reader.log('payments', 0)?.logStartOffset).toBe(1)
  expect(reader.isCleanShutdown).toBe(false)
  await directory.close()
  expect(reader.isCleanShutdown).toBe(true)
})

test('a directory that is none, or not yet, is refused with what to do', async () => {
  const environment = new MemoryEnvironment()
  environment.files.makeDirectory('/empty')
  for (const path of ['/nowhere', '/empty']) {
    expect(() => DirectoryReader.open(environment, path)).toThrow(
      expect.objectContaining({ code: 'NOT_A_DATA_DIRECTORY', message: expect.stringContaining('meta.properties') }),
    )
  }
  environment.failNext('rename', { error: 'EIO', path: /meta\.properties/ })
  await expect(openDirectory(environment)).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
  expect(() => DirectoryReader.open(environment, PATH)).toThrow(
    expect.objectContaining({ code: 'NOT_A_DATA_DIRECTORY', message: expect.stringContaining('being created') }),
  )
  expect(() => DirectoryReader.open(environment, '/nowhere')).toThrow()
})

test('a running owner, its killed remains and a copy are all readable, the owner not disturbed', async () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'read-')))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const data = join(folder, 'data')
  const writer = createChildProcess('./writer-process.ts', [data])
  expect(await writer.nextAnswer()).toEqual({ written: 3 })
  const environment = nodeEnvironment()
  const reader = DirectoryReader.open(environment, data)
  expect(reader.log('payments', 0)?.logEndOffset).toBe(3)
  expect(await writer.ask('append')).toBe(4)
  const view = reader.log('payments', 0)
  view?.refresh()
  expect(view?.logEndOffset).toBe(4)
  cpSync(data, join(folder, 'copy'), { recursive: true })
  writer.signal('SIGKILL')
  await writer.exited
  for (const path of [data, join(folder, 'copy')]) {
    const other = DirectoryReader.open(environment, path)
    expect(other.log('payments', 0)?.logEndOffset).toBe(4)
    expect(other.isCleanShutdown).toBe(false)
    other.close()
  }
  reader.close()
  expect(execFileSync('ls', ['-a', data]).toString()).not.toContain('.tmp')
})
