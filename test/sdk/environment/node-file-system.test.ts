import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { nodeEnvironment } from '../../../sdk/environment/node-environment.ts'

const { files } = nodeEnvironment()

function createFolder(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'files-')))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

test('more chunks than the kernel takes at once are written one after the other', () => {
  const file = files.open(join(createFolder(), 'x'), { write: true, create: true })
  const chunks = Array.from({ length: 5000 }, (_, index) => Buffer.from(String(index).padStart(6, '0')))
  file.write([Buffer.from('head')], 0)
  file.write(chunks, 4)
  const whole = Buffer.alloc(40_000)
  expect(file.read(whole, 0)).toBe(30_004)
  expect(whole.subarray(0, 30_004).equals(Buffer.concat([Buffer.from('head'), ...chunks]))).toBe(true)
  file.close()
})

test('a read past the end is short, and one behind it is empty', () => {
  const file = files.open(join(createFolder(), 'x'), { write: true, create: true })
  file.write([Buffer.from('abcdef')], 0)
  expect(file.read(Buffer.alloc(10), 4)).toBe(2)
  expect(file.read(Buffer.alloc(10), 6)).toBe(0)
  file.truncate(3)
  expect(file.sizeBytes()).toBe(3)
  file.close()
})

test('closing while a flush is under way lets the flush finish on its own file', async () => {
  const folder = createFolder()
  const file = files.open(join(folder, 'x'), { write: true, create: true })
  file.write([Buffer.alloc(100_000)], 0)
  const flushes = [file.sync(), file.sync()]
  file.close()
  file.close()
  await Promise.all(flushes)
  expect(() => file.sizeBytes()).toThrow(expect.objectContaining({ code: 'EBADF' }))
  expect(() => file.read(Buffer.alloc(1), 0)).toThrow(expect.objectContaining({ code: 'EBADF' }))
})

test('a file opened for reading cannot be written, and is not created', () => {
  const path = join(createFolder(), 'x')
  expect(() => files.open(path, { write: false })).toThrow(expect.objectContaining({ code: 'ENOENT' }))
  expect(() => files.open(path, { write: true })).toThrow(expect.objectContaining({ code: 'ENOENT' }))
  files.open(path, { write: true, create: true }).close()
  const file = files.open(path, { write: false })
  expect(() => file.write([Buffer.from('a')], 0)).toThrow(expect.objectContaining({ code: 'EBADF' }))
  file.close()
})

test('a path means the same before and after its directory is created, links above it included', () => {
  const folder = createFolder()
  mkdirSync(join(folder, 'real'))
  symlinkSync(join(folder, 'real'), join(folder, 'link'))
  const path = join(folder, 'link', 'a', 'b')
  const before = files.realPath(path)
  expect(before).toBe(join(folder, 'real', 'a', 'b'))
  files.makeDirectory(path)
  files.makeDirectory(path)
  files.syncDirectory(path)
  expect(files.realPath(path)).toBe(before)
})

test('a replaced file is told from the old one, a missing one is undefined', () => {
  const folder = createFolder()
  const path = join(folder, 'x')
  files.open(path, { write: true, create: true }).close()
  files.open(`${path}.tmp`, { write: true, create: true }).close()
  const before = files.stat(path)
  files.rename(`${path}.tmp`, path)
  expect(files.stat(path)?.inode).not.toBe(before?.inode)
  expect(files.stat(`${path}.tmp`)).toBeUndefined()
  expect(files.list(folder)).toEqual(['x'])
})

test('watching tells of a change, and what cannot be watched is only silent', async () => {
  const folder = createFolder()
  const changed = Promise.withResolvers<void>()
  const watcher = files.watch(folder, () => changed.resolve())
  onTestFinished(() => watcher.close())
  files.open(join(folder, 'x'), { write: true, create: true }).close()
  await changed.promise
  files.watch(join(folder, 'nowhere'), () => {}).close()
})

test('a timer of more than 24 days does not fire at once', async () => {
  const { timers } = nodeEnvironment()
  const calls: string[] = []
  const long = timers.after(2 ** 31 + 10, () => calls.push('long'))
  await new Promise<void>((resolve) => {
    timers.after(
      5,
      () => {
        calls.push('short')
        resolve()
      },
      { keepAlive: true },
    )
  })
  long.cancel()
  expect(calls).toEqual(['short'])
})
