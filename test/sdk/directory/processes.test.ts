import { mkdtempSync, readFileSync, realpathSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { DataDirectory } from '../../../sdk/directory/data-directory.ts'
import { nodeEnvironment } from '../../../sdk/environment/node-environment.ts'
import { createChildProcess } from './support/child-process.ts'
import { append, metadataLog, openDirectory, partitionLog } from './support/memory-directory.ts'

const environment = nodeEnvironment()

async function createWriter() {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'processes-')))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'data')
  const writer = createChildProcess('./writer-process.ts', [path])
  expect(await writer.nextAnswer()).toEqual({ written: 3 })
  return { writer, path }
}

test('what a killed process wrote is there for the next one, at once', async () => {
  const { writer, path } = await createWriter()
  expect(await writer.ask('append')).toBe(4)
  await expect(DataDirectory.open(environment, path, { waitMs: 0 })).rejects.toMatchObject({
    code: 'DIRECTORY_IN_USE',
    message: expect.stringContaining(String(writer.pid)),
  })
  writer.signal('SIGKILL')
  await writer.exited
  const directory = await openDirectory(environment, path)
  expect(directory).toMatchObject({ isFresh: false, wasCleanShutdown: false })
  expect(partitionLog(directory).logEndOffset).toBe(4)
  expect(metadataLog(directory).logEndOffset).toBe(3)
  append(partitionLog(directory), 'e')
  await directory.close()
  expect(readFileSync(join(path, '.kafka_cleanshutdown'), 'utf8')).toBe('{"version":0,"brokerEpoch":-1}')
})

test('an owner that dropped its lock by reading the lock file is not joined by a second one, and goes on', async () => {
  const { writer, path } = await createWriter()
  await writer.ask('read-lock')
  await expect(DataDirectory.open(environment, path, { waitMs: 200 })).rejects.toMatchObject({
    code: 'DIRECTORY_IN_USE',
    message: expect.stringContaining(String(writer.pid)),
  })
  expect(await writer.ask('append')).toBe(4)
  expect(await writer.ask('close')).toBe(4)
  const directory = await openDirectory(environment, path)
  expect(directory.wasCleanShutdown).toBe(true)
  expect(partitionLog(directory).logEndOffset).toBe(4)
  await directory.close()
})

test('who waits opens the directory as soon as its owner has closed it', async () => {
  const { writer, path } = await createWriter()
  const opening = DataDirectory.open(environment, path, { waitMs: 60_000 })
  await writer.ask('close')
  const directory = await opening
  expect(directory.wasCleanShutdown).toBe(true)
  await directory.close()
  expect(statSync(join(path, '.lock')).isFile()).toBe(true)
})

test('an open directory does not keep its process running', async () => {
  const { writer, path } = await createWriter()
  writer.endInput()
  expect(await writer.exited).toEqual([0, null])
  const directory = await openDirectory(environment, path)
  expect(partitionLog(directory).logEndOffset).toBe(3)
  await directory.close()
})
