import { expect, test } from 'vitest'
import { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'

function createFile(environment: MemoryEnvironment, path: string, text: string) {
  const file = environment.files.open(path, { write: true, create: true })
  file.write([Buffer.from(text)], 0)
  return file
}

function contentOf(environment: MemoryEnvironment, path: string): string | undefined {
  const size = environment.files.stat(path)?.sizeBytes
  if (size === undefined) return undefined
  const bytes = Buffer.alloc(size)
  environment.files.open(path, { write: false }).read(bytes, 0)
  return bytes.toString('latin1')
}

test('a power loss takes bytes that were not flushed and names whose directory was not', () => {
  const environment = new MemoryEnvironment()
  environment.files.makeDirectory('/d')
  const file = createFile(environment, '/d/x', 'old')
  file.syncNow()
  expect(environment.crash().files.stat('/d')).toBeUndefined()
  environment.files.syncDirectory('/')
  expect(environment.crash().files.list('/d')).toEqual([])
  environment.files.syncDirectory('/d')
  file.write([Buffer.from('newer')], 0)
  expect(contentOf(environment.crash(), '/d/x')).toBe('old')
  expect(contentOf(environment.crash({ keepUnsynced: 'all' }), '/d/x')).toBe('newer')
  expect(contentOf(environment, '/d/x')).toBe('newer')
})

test('a rename or a removal that was not flushed is undone, and the old file comes back', () => {
  const environment = new MemoryEnvironment()
  createFile(environment, '/x', 'one').syncNow()
  createFile(environment, '/y', 'two').syncNow()
  environment.files.syncDirectory('/')
  environment.files.rename('/y', '/x')
  const crashed = environment.crash()
  expect([contentOf(crashed, '/x'), contentOf(crashed, '/y')]).toEqual(['one', 'two'])
  environment.files.syncDirectory('/')
  expect(contentOf(environment.crash(), '/x')).toBe('two')
  environment.files.remove('/x')
  expect(contentOf(environment.crash(), '/x')).toBe('two')
  expect(environment.crash({ keepUnsynced: 'all' }).files.stat('/x')).toBeUndefined()
})

test('with a seed a prefix survives, torn at a sector, and the same seed repeats it', () => {
  const environment = new MemoryEnvironment()
  const file = createFile(environment, '/x', 'a'.repeat(700))
  environment.files.syncDirectory('/')
  file.syncNow()
  file.write([Buffer.from('b'.repeat(3000))], 700)
  file.write([Buffer.from('c'.repeat(1000))], 3700)
  const whole = `${'a'.repeat(700)}${'b'.repeat(3000)}${'c'.repeat(1000)}`
  const lengths = new Set<number>()
  for (let seed = 0; seed < 200; seed++) {
    const text = contentOf(environment.crash({ keepUnsynced: seed }), '/x') ?? ''
    expect(whole.startsWith(text), `seed ${seed}`).toBe(true)
    const length = text.length
    expect(length === 700 || length === 3700 || length === 4700 || length % 512 === 0, `seed ${seed}`).toBe(true)
    expect(contentOf(environment.crash({ keepUnsynced: seed }), '/x')).toBe(text)
    lengths.add(length)
  }
  expect(lengths.size).toBeGreaterThan(6)
})

test('with reordering later sectors may survive without earlier ones', () => {
  const environment = new MemoryEnvironment()
  const file = createFile(environment, '/x', '')
  environment.files.syncDirectory('/')
  file.write([Buffer.alloc(8 * 512, 'x')], 0)
  const holes = Array.from({ length: 50 }, (_, seed) =>
    contentOf(environment.crash({ keepUnsynced: seed, reorder: true }), '/x'),
  ).filter((text) => text?.includes('\0x'))
  expect(holes.length).toBeGreaterThan(10)
})

test('a flush promises what was written before it, once it has returned', async () => {
  const environment = new MemoryEnvironment()
  const file = createFile(environment, '/x', 'first')
  environment.files.syncDirectory('/')
  const flushed = file.sync()
  file.write([Buffer.from(' second')], 5)
  expect(contentOf(environment.crash(), '/x')).toBe('')
  await flushed
  expect(contentOf(environment.crash(), '/x')).toBe('first')
})

test('after a failed flush the next one succeeds and the bytes are lost all the same', async () => {
  const environment = new MemoryEnvironment()
  const file = createFile(environment, '/x', 'lost')
  environment.files.syncDirectory('/')
  environment.failNext('sync', { error: 'EIO' })
  await expect(file.sync()).rejects.toMatchObject({ code: 'EIO' })
  await file.sync()
  file.syncNow()
  expect(contentOf(environment, '/x')).toBe('lost')
  expect(contentOf(environment.crash(), '/x')).toBe('')
})

test('faults hit the operation, the path and the moment they were told to', () => {
  const environment = new MemoryEnvironment()
  environment.failNext('write', { error: 'EIO', after: 1, path: /y$/ })
  const x = createFile(environment, '/x', 'fine')
  const y = createFile(environment, '/y', 'fine')
  x.write([Buffer.from('fine')], 0)
  expect(() => y.write([Buffer.from('not')], 0)).toThrow(expect.objectContaining({ code: 'EIO' }))
  y.write([Buffer.from('fine')], 0)
  environment.failNext('change', { error: 'EROFS', sticky: true })
  expect(() => environment.files.makeDirectory('/d')).toThrow('EROFS')
  expect(() => x.truncate(0)).toThrow('EROFS')
  expect(environment.files.list('/')).toEqual(['x', 'y'])
  environment.heal()
  x.truncate(0)
  expect(environment.counts).toMatchObject({ write: 5, open: 2, truncate: 2, changes: 10, list: 1 })
})

test('a full disk takes what fits, and goes on once there is room', () => {
  const environment = new MemoryEnvironment({ capacityBytes: 10 })
  const file = createFile(environment, '/x', '12345678')
  expect(() => file.write([Buffer.from('abcd')], 8)).toThrow(expect.objectContaining({ code: 'ENOSPC' }))
  expect(contentOf(environment, '/x')).toBe('12345678ab')
  file.write([Buffer.from('87654321')], 0)
  file.truncate(8)
  expect(environment.usedBytes).toBe(8)
  file.write([Buffer.from('ab')], 8)
  environment.files.remove('/x')
  expect(environment.usedBytes).toBe(0)
})

test('a file outlives its name while it is open, and a renamed directory keeps its files', () => {
  const environment = new MemoryEnvironment()
  environment.files.makeDirectory('/a/b')
  const file = createFile(environment, '/a/b/x', 'kept')
  environment.files.rename('/a/b', '/a/c')
  expect(contentOf(environment, '/a/c/x')).toBe('kept')
  environment.files.removeDirectory('/a/c')
  const bytes = Buffer.alloc(4)
  file.read(bytes, 0)
  expect(bytes.toString()).toBe('kept')
  expect(() => environment.files.list('/a/c')).toThrow(expect.objectContaining({ code: 'ENOENT' }))
})

test('watchers of a directory hear of changes in it', async () => {
  const environment = new MemoryEnvironment()
  environment.files.makeDirectory('/d')
  const changed = Promise.withResolvers<void>()
  environment.files.watch('/d', () => changed.resolve())
  createFile(environment, '/d/x', 'a')
  await changed.promise
})

test('manual time moves only by advance, and timers come due in order, at their own time', () => {
  const environment = new MemoryEnvironment({ clock: 'manual', startMs: 1000 })
  const calls: string[] = []
  const note = (name: string) => () => calls.push(`${name} ${environment.clock.nowMs()}`)
  environment.timers.after(50, note('b'))
  environment.timers.after(20, () => {
    note('a')()
    environment.timers.after(10, note('a later'))
  })
  environment.timers.after(40, note('never')).cancel()
  environment.advance(10)
  expect(calls).toEqual([])
  environment.advance(90)
  expect(calls).toEqual(['a 1020', 'a later 1030', 'b 1050'])
  expect([environment.clock.nowMs(), environment.clock.monotonicMs()]).toEqual([1100, 100])
  expect(() => new MemoryEnvironment().advance(1)).toThrow('manual')
})

test('two processes of one machine see one disk, and exclude each other', async () => {
  const first = new MemoryEnvironment()
  const second = first.anotherProcess()
  expect(second.process.pid).not.toBe(first.process.pid)
  first.files.makeDirectory('/d')
  const lock = first.lockDirectory('/d')
  if (!lock.held) throw new Error('the first lock is free')
  const held = { held: false, pid: first.process.pid }
  expect(second.lockDirectory('/d')).toEqual(held)
  expect(first.lockDirectory('/d')).toEqual(held)
  expect(second.findLockHolder('/d')).toEqual(held)
  expect([first.isLocked('/d'), second.isLocked('/d'), second.isLocked('/e')]).toEqual([true, true, false])
  expect(await first.bindFence('/d', 'f')).toMatchObject({ held: true })
  expect(await second.bindFence('/d', 'f')).toEqual(held)
  expect(lock.isStillOurs()).toBe(true)
  first.kill()
  expect(second.lockDirectory('/d')).toMatchObject({ held: true })
  expect(await second.bindFence('/d', 'f')).toMatchObject({ held: true })
  expect(second.crash({ keepUnsynced: 'all' }).lockDirectory('/d')).toMatchObject({ held: true })
})

test('a lock is on the file: a new file at the path is free, and the old holder can tell', () => {
  const first = new MemoryEnvironment()
  const second = first.anotherProcess()
  first.files.makeDirectory('/d')
  const lock = first.lockDirectory('/d')
  second.files.remove('/d/.lock')
  expect(second.lockDirectory('/d')).toMatchObject({ held: true })
  expect(lock.held && lock.isStillOurs()).toBe(false)
})
