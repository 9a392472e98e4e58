import { expect, test } from 'vitest'
import { FilePool } from '../../../sdk/environment/file-pool.ts'
import { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import type { PooledFile } from '../../../sdk/environment/pooled-file.ts'

function createPool(limit: number) {
  const environment = new MemoryEnvironment()
  const pool = new FilePool(environment.files, limit)
  const create = (name: string): PooledFile => {
    const file = pool.open(`/${name}`, { write: true, create: true })
    file.write([Buffer.from(name)], 0)
    return file
  }
  return { environment, pool, create }
}

function textOf(file: PooledFile): string {
  const bytes = Buffer.alloc(file.sizeBytes())
  return bytes.toString('latin1', 0, file.read(bytes, 0))
}

/** Whether using the file takes no call to open it. */
function hasDescriptor(environment: MemoryEnvironment, file: PooledFile): boolean {
  const before = environment.counts.open
  file.sizeBytes()
  return environment.counts.open === before
}

test('however many files are in use, few are open, and each of them stays usable', () => {
  const { environment, pool, create } = createPool(3)
  const files = Array.from({ length: 20 }, (_, at) => create(`file-${at}`))
  for (const turn of [1, 2]) {
    for (const [at, file] of files.entries()) {
      expect(textOf(file)).toBe(turn === 1 ? `file-${at}` : `FILE-${at}`)
      file.write([Buffer.from('FILE')], 0)
      expect(environment.openFiles).toBeLessThanOrEqual(3)
      expect(pool.openCount).toBe(environment.openFiles)
    }
  }
  for (const file of files) file.close()
  expect([pool.openCount, environment.openFiles]).toEqual([0, 0])
})

test('the file that was not used since the last search gives its descriptor up', () => {
  const { environment, create } = createPool(3)
  const [a, b, c] = ['a', 'b', 'c'].map(create) as [PooledFile, PooledFile, PooledFile]
  for (const file of [a, b, c]) file.syncNow()
  create('d')
  // The search for room has passed all three; what is used from now on is spared.
  const gone = [a, b, c].filter((file) => file['file'] === undefined)
  expect(gone).toHaveLength(1)
  const [used, idle] = [a, b, c].filter((file) => !gone.includes(file)) as [PooledFile, PooledFile]
  used.sizeBytes()
  create('e')
  expect([hasDescriptor(environment, used), hasDescriptor(environment, idle)]).toEqual([true, false])
})

test('what was written is flushed before its descriptor goes, and files that are flushed go first', () => {
  const { environment, create } = createPool(2)
  const dirty = create('dirty')
  const flushed = create('flushed')
  flushed.syncNow()
  environment.files.syncDirectory('/')
  const { sync } = environment.counts
  const third = create('third')
  expect(environment.counts.sync).toBe(sync)
  third.read(Buffer.alloc(1), 0)
  create('fourth')
  expect(environment.counts.sync).toBe(sync + 1)
  expect([dirty, third].filter((file) => file['file'] === undefined)).toHaveLength(1)
  const crashed = environment.crash()
  const bytes = Buffer.alloc(5)
  expect(crashed.files.open('/dirty', { write: false }).read(bytes, 0)).toBe(dirty['file'] === undefined ? 5 : 0)
})

test('a flush that fails when a descriptor goes is told to its file alone, and never tried again on another descriptor', async () => {
  const { environment, create } = createPool(1)
  const lost = create('lost')
  environment.failNext('sync', { error: 'EIO' })
  const other = create('other')
  expect(textOf(other)).toBe('other')
  const { sync } = environment.counts
  for (const turn of [1, 2]) {
    await expect(lost.sync(), `turn ${turn}`).rejects.toMatchObject({ code: 'EIO' })
    expect(() => lost.syncNow()).toThrow('EIO')
    expect(() => lost.write([Buffer.from('x')], 0)).toThrow('EIO')
    expect(() => lost.truncate(0)).toThrow('EIO')
    expect(lost.sizeBytes()).toBe(4)
    expect(textOf(other)).toBe('other')
  }
  // `other` was flushed to make room for reading the sizes.
  expect(environment.counts.sync).toBe(sync + 1)
})

test('a file whose flush failed is never flushed again', async () => {
  const { environment, create } = createPool(1)
  const file = create('file')
  environment.failNext('sync', { error: 'EIO' })
  await expect(file.sync()).rejects.toMatchObject({ code: 'EIO' })
  const { sync } = environment.counts
  create('other')
  await expect(file.sync()).rejects.toMatchObject({ code: 'EIO' })
  expect(environment.counts.sync).toBe(sync)
})

test('a file that is being flushed keeps its descriptor; only then more are open than should be', async () => {
  const { environment, pool, create } = createPool(1)
  const busy = create('busy')
  const flushed = busy.sync()
  const other = create('other')
  expect([pool.openCount, busy['file'] === undefined]).toEqual([2, false])
  await flushed
  create('third')
  expect(environment.openFiles).toBe(1)
  expect(textOf(other)).toBe('other')
})

test('few files are flushed at the same time, so that the others can lend their descriptors; one that had to is not flushed again', async () => {
  const { environment, create } = createPool(6)
  const files = Array.from({ length: 30 }, (_, at) => create(`file-${at}`))
  for (const file of files) file.write([Buffer.from('more')], 0)
  const { sync } = environment.counts
  const flushes = files.map((file) => file.sync())
  const busy = files.filter((file) => file.isBusy)
  expect(busy).toHaveLength(3)
  create('another')
  expect(environment.openFiles).toBe(6)
  await Promise.all(flushes)
  expect(files.every((file) => !file.isBusy)).toBe(true)
  // Those without a descriptor were flushed before it went; the one for `another` before its turn had come.
  expect(environment.counts.sync).toBe(sync + 6)
})

test('a flush whose file is closed before its turn came is refused, and the next one has the turn', async () => {
  const { create } = createPool(4)
  const files = ['a', 'b', 'closed', 'c'].map(create)
  const flushes = files.map((file) => file.sync())
  files[2]!.close()
  const settled = await Promise.allSettled(flushes)
  expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled'])
})

test('what is written while a flush is under way needs another', async () => {
  const { environment, create } = createPool(1)
  const file = create('file')
  const { sync } = environment.counts
  const first = file.sync()
  file.write([Buffer.from('more')], 4)
  await first
  await file.sync()
  await file.sync()
  expect(environment.counts.sync).toBe(sync + 2)
})

test('where the program itself has used up the descriptors, files that can wait make room', () => {
  const environment = new MemoryEnvironment({ maxOpenFiles: 8 })
  const pool = FilePool.of(environment.files)
  expect(pool.limit).toBe(4)
  const own = Array.from({ length: 6 }, (_, at) => environment.files.open(`/own-${at}`, { write: true, create: true }))
  const a = pool.open('/a', { write: true, create: true })
  const b = pool.open('/b', { write: true, create: true })
  const c = pool.open('/c', { write: true, create: true })
  for (const file of [a, b, c]) expect(file.sizeBytes()).toBe(0)
  for (const file of [a, b, c]) file.close()
  own.push(environment.files.open('/own-6', { write: true, create: true }))
  own.push(environment.files.open('/own-7', { write: true, create: true }))
  expect(() => pool.open('/a', { write: true })).toThrow('EMFILE')
  own[0]!.close()
  expect(pool.open('/a', { write: true }).sizeBytes()).toBe(0)
})

test('a file that was removed meanwhile does not come back empty, and another file in its place is not taken for it', () => {
  const { environment, create } = createPool(1)
  const removed = create('removed')
  const replaced = create('replaced')
  create('other')
  environment.files.remove('/removed')
  expect(() => removed.read(Buffer.alloc(1), 0)).toThrow('ENOENT')
  expect(environment.files.stat('/removed')).toBeUndefined()
  environment.files.rename('/other', '/replaced')
  create('again')
  expect(() => replaced.read(Buffer.alloc(1), 0)).toThrow('ESTALE')
  expect(environment.openFiles).toBeLessThanOrEqual(1)
})

test('closing gives the descriptor back at once, so that the file can be deleted where open ones cannot', () => {
  const { environment, pool, create } = createPool(4)
  const files = ['a', 'b', 'c'].map(create)
  files[0]!.close()
  files[0]!.close()
  expect([pool.openCount, environment.openFiles]).toEqual([2, 2])
  expect(() => files[0]!.read(Buffer.alloc(1), 0)).toThrow('EBADF')
  expect(textOf(files[2]!)).toBe('c')
})

test('files of one file system share a pool, and it takes half of what the process may have', () => {
  const environment = new MemoryEnvironment({ maxOpenFiles: 256 })
  expect(FilePool.of(environment.files)).toBe(FilePool.of(environment.files))
  expect(FilePool.of(environment.files).limit).toBe(128)
  expect(FilePool.of(environment.anotherProcess().files)).not.toBe(FilePool.of(environment.files))
  expect(FilePool.of(new MemoryEnvironment().files).limit).toBe(1024)
})
