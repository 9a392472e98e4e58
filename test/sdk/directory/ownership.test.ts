import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Worker } from 'node:worker_threads'
import { expect, onTestFinished, test, vi } from 'vitest'
import { findOwner, isOwned } from '../../../sdk/directory/directory-owner.ts'
import { Ownership } from '../../../sdk/directory/ownership.ts'
import { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import { nodeEnvironment } from '../../../sdk/environment/node-environment.ts'
import { TidemarkError } from '../../../sdk/errors.ts'
import { createChildProcess } from './support/child-process.ts'

const environment = nodeEnvironment()

function createFolder(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'owned-')))
  onTestFinished(() => {
    rmSync(folder, { recursive: true, force: true })
    rmSync(`${folder}-copy`, { recursive: true, force: true })
  })
  return folder
}

function createOwnerProcess(folder: string, waitMs = 0) {
  return createChildProcess('./owner-process.ts', [folder, basename(folder), String(waitMs)])
}

async function createOwner(folder: string) {
  const owner = createOwnerProcess(folder)
  expect(await owner.nextAnswer()).toMatchObject({ owns: true })
  return owner
}

function take(folder: string, waitMs = 0, signal?: AbortSignal): Promise<Ownership> {
  return Ownership.take(environment, folder, { waitMs, signal, fenceName: () => basename(folder) })
}

function inUseBy(pid: number) {
  return expect.objectContaining({ code: 'DIRECTORY_IN_USE', message: expect.stringContaining(`process ${pid}`) })
}

test('a second process is refused and told who owns the directory', async () => {
  const folder = createFolder()
  const owner = await createOwner(folder)
  await expect(take(folder)).rejects.toEqual(inUseBy(owner.pid))
  expect(findOwner(environment, folder)).toEqual({ held: false, pid: owner.pid })
  expect(isOwned(environment, folder)).toBe(true)
  expect(readFileSync(join(folder, '.lock')).readUInt32BE(60)).toBe(owner.pid)
  expect(await owner.ask('check')).toBe(true)
  await owner.ask('release')
  expect(findOwner(environment, folder)).toBeUndefined()
  expect(isOwned(environment, folder)).toBe(false)
  const ownership = await take(folder)
  expect(ownership.check()).toBe(true)
  expect(isOwned(environment, folder), 'owned by this process').toBe(true)
  expect(isLockedByThisProcess(folder), 'asking must not drop the lock').toBe(true)
  await ownership.release()
  expect(ownership.check()).toBe(false)
  expect(statSync(join(folder, '.lock')).size).toBe(4096)
})

test('the directory is free within milliseconds of its owner’s SIGKILL', async () => {
  const folder = createFolder()
  const owner = await createOwner(folder)
  owner.signal('SIGKILL')
  await owner.exited
  const start = performance.now()
  const ownership = await take(folder)
  expect(performance.now() - start).toBeLessThan(500)
  await ownership.release()
})

test('who waits gets the directory as soon as its owner goes', async () => {
  const folder = createFolder()
  const owner = await createOwner(folder)
  const waiting = createOwnerProcess(folder, 60_000)
  const here = take(folder, 60_000)
  const there = waiting.nextAnswer()
  await owner.ask('release')
  const first = await Promise.race([here, there])
  if (first instanceof Ownership) await first.release()
  else waiting.signal('SIGKILL')
  expect(await there).toMatchObject({ owns: true })
  if (!(first instanceof Ownership)) await (await here).release()
})

test('an owner that is stopped still owns', async () => {
  const folder = createFolder()
  const owner = await createOwner(folder)
  owner.signal('SIGSTOP')
  await expect(take(folder, 200)).rejects.toEqual(inUseBy(owner.pid))
  owner.signal('SIGCONT')
  expect(await owner.ask('check')).toBe(true)
})

test.each(['read', 'copy'])(
  'an owner that dropped its lock by a %s of the lock file keeps the directory by the fence',
  async (how) => {
    const folder = createFolder()
    const owner = await createOwner(folder)
    await owner.ask(how)
    const lock = environment.lockDirectory(folder)
    expect(lock.held, 'the POSIX lock is gone, or this test proves nothing').toBe(true)
    if (lock.held) lock.release()
    const rival = createOwnerProcess(folder, 100)
    expect(await rival.nextAnswer()).toMatchObject({
      owns: false,
      code: 'DIRECTORY_IN_USE',
      message: expect.stringContaining(`process ${owner.pid}`),
    })
    await rival.exited
    await expect(take(folder)).rejects.toEqual(inUseBy(owner.pid))
    owner.signal('SIGKILL')
    await owner.exited
    await (await take(folder)).release()
  },
)

test('a stopped owner without its lock keeps the directory too, though it cannot say who it is', async () => {
  const folder = createFolder()
  const owner = await createOwner(folder)
  await owner.ask('read')
  owner.signal('SIGSTOP')
  await expect(take(folder)).rejects.toMatchObject({ code: 'DIRECTORY_IN_USE' })
})

test.each([
  ['removed', (path: string) => unlinkSync(path)],
  [
    'replaced',
    (path: string) => {
      writeFileSync(`${path}.new`, '')
      renameSync(`${path}.new`, path)
    },
  ],
])('an owner whose lock file was %s notices, and a rival is refused by the fence', async (_how, change) => {
  const folder = createFolder()
  const owner = await createOwner(folder)
  change(join(folder, '.lock'))
  expect(await owner.ask('check')).toBe(false)
  await expect(take(folder)).rejects.toEqual(inUseBy(owner.pid))
})

test('a second take in one process is refused, and does not drop the lock of the first', async () => {
  const folder = createFolder()
  const first = await take(folder)
  onTestFinished(() => first.release())
  await expect(take(folder)).rejects.toMatchObject({
    code: 'DIRECTORY_IN_USE',
    message: expect.stringContaining(`already open in this process (${process.pid})`),
  })
  expect(findOwner(environment, folder)).toEqual({ held: false, pid: process.pid })
  const rival = createOwnerProcess(folder)
  expect(await rival.nextAnswer()).toMatchObject({ owns: false, message: expect.stringContaining(String(process.pid)) })
  expect(isLockedByThisProcess(folder)).toBe(true)
})

test('another thread of the owner is refused, without dropping the lock', async () => {
  const folder = createFolder()
  const first = await take(folder)
  onTestFinished(() => first.release())
  const lockModule = new URL('../../../sdk/environment/node-lock.ts', import.meta.url)
  const source = `
    import { parentPort } from 'node:worker_threads'
    const { lockDirectory, findLockHolder } = await import(${JSON.stringify(lockModule.href)})
    parentPort.postMessage([lockDirectory(${JSON.stringify(folder)}), findLockHolder(${JSON.stringify(folder)})])`
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`))
  const answer = await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
  await worker.terminate()
  expect(answer).toEqual([
    { held: false, pid: process.pid },
    { held: false, pid: process.pid },
  ])
  expect(isLockedByThisProcess(folder)).toBe(true)
})

test('a lock file full of zeros, as a power loss leaves it, or of anything else is taken all the same', async () => {
  for (const content of [Buffer.alloc(4096), Buffer.from('hello'), Buffer.alloc(100), Buffer.alloc(0)]) {
    const folder = createFolder()
    writeFileSync(join(folder, '.lock'), content)
    const owner = await createOwner(folder)
    await expect(take(folder)).rejects.toEqual(inUseBy(owner.pid))
    owner.signal('SIGKILL')
  }
})

test('a lock file that a broker unlinks at the very moment it is locked is not the one that is held', async () => {
  const folder = createFolder()
  const exec = vi.spyOn(DatabaseSync.prototype, 'exec')
  onTestFinished(() => exec.mockRestore())
  let unlinked = false
  exec.mockImplementation(function (this: DatabaseSync, sql: string) {
    this.prepare('SELECT 1').get()
    for (const statement of sql.split(';')) this.prepare(statement).all()
    if (!unlinked && sql.includes('user_version')) unlinkSync(join(folder, '.lock'))
    unlinked ||= sql.includes('user_version')
  })
  const lock = environment.lockDirectory(folder)
  expect(unlinked).toBe(true)
  expect(lock.held && lock.isStillOurs()).toBe(true)
  expect(isLockedByThisProcess(folder)).toBe(true)
  if (lock.held) lock.release()
})

test('waiting ends at once when it is aborted', async () => {
  const folder = createFolder()
  await createOwner(folder)
  const controller = new AbortController()
  const waiting = take(folder, 3_600_000, controller.signal)
  controller.abort()
  await expect(waiting).rejects.toMatchObject({ code: 'ABORTED' })
  await expect(take(folder, 0, AbortSignal.abort())).rejects.toMatchObject({ code: 'ABORTED' })
})

test('neither lock nor fence keeps a process running', async () => {
  const folder = createFolder()
  const owner = await createOwner(folder)
  owner.endInput()
  expect(await owner.exited).toEqual([0, null])
})

test('sockets that dead owners left are taken over; the folder of sockets is private', async () => {
  const folder = createFolder()
  const temporary = createFolder()
  const args = [folder, basename(folder), '0']
  for (let round = 0; round < 3; round++) {
    const owner = createChildProcess('./owner-process.ts', args, { TIDEMARK_RUNTIME_DIR: temporary })
    expect(await owner.nextAnswer()).toMatchObject({ owns: true })
    expect(statSync(join(temporary, `tidemark-${process.getuid?.()}`)).mode & 0o777).toBe(0o700)
    owner.signal('SIGKILL')
    await owner.exited
  }
})

test('a path for sockets that is too long is replaced by a short one', async () => {
  const folder = createFolder()
  const temporary = join(createFolder(), 'x'.repeat(120))
  const args = [folder, basename(folder), '0']
  const owner = createChildProcess('./owner-process.ts', args, { TIDEMARK_RUNTIME_DIR: temporary })
  expect(await owner.nextAnswer()).toMatchObject({ owns: true })
})

test('without a place for sockets the lock alone holds', async () => {
  const folder = createFolder()
  const temporary = createFolder()
  writeFileSync(join(temporary, `tidemark-${process.getuid?.()}`), 'not a folder')
  const args = [folder, basename(folder), '0']
  const owner = createChildProcess('./owner-process.ts', args, {
    TIDEMARK_RUNTIME_DIR: temporary,
    NODE_NO_WARNINGS: '1',
  })
  expect(await owner.nextAnswer()).toMatchObject({ owns: true })
  await expect(take(folder)).rejects.toEqual(inUseBy(owner.pid))
})

test('a runtime without node:sqlite is told so, and what still works', async () => {
  const folder = createFolder()
  const args = [folder, basename(folder), '0']
  const owner = createChildProcess('./owner-process.ts', args, { NODE_OPTIONS: '--no-experimental-sqlite' })
  expect(await owner.nextAnswer()).toMatchObject({
    code: 'UNSUPPORTED',
    message: expect.stringMatching(/node:sqlite.*reading/),
  })
})

test('a lock file that cannot be written is a failure of the disk, with its path', async () => {
  const folder = createFolder()
  mkdirSync(join(folder, '.lock'))
  await expect(take(folder)).rejects.toMatchObject({
    code: 'STORAGE_ERROR',
    message: expect.stringContaining(join(folder, '.lock')),
  })
})

test('polls by the environment’s clock and gives up when the wait is over', async () => {
  const first = new MemoryEnvironment({ clock: 'manual' })
  const second = first.anotherProcess()
  first.files.makeDirectory('/d')
  const options = { waitMs: 10_000, fenceName: () => 'f' }
  const owner = await Ownership.take(first, '/d', options)
  let settled = false
  const waiting = Ownership.take(second, '/d', options).finally(() => {
    settled = true
  })
  waiting.catch(() => {})
  for (let passed = 0; passed < 9_950; passed += 50) {
    first.advance(50)
    await first.timers.yield()
  }
  expect(settled).toBe(false)
  expect(second.counts.lock).toBeGreaterThan(100)
  first.advance(100)
  await expect(waiting).rejects.toEqual(inUseBy(first.process.pid))
  await owner.release()
})

test('where no socket can be bound the lock alone holds, and a warning says so', async () => {
  const memory = new MemoryEnvironment()
  memory.files.makeDirectory('/d')
  memory.failNext('fence', { error: 'EACCES' })
  const ownership = await Ownership.take(memory, '/d', { waitMs: 0, fenceName: () => 'f' })
  expect(memory.warnings).toEqual([
    expect.objectContaining({
      code: 'TIDEMARK_NO_FENCE',
      message: expect.stringContaining('no other process can work through this one: set TIDEMARK_RUNTIME_DIR'),
    }),
  ])
  await ownership.release()
})

test('what goes wrong under the lock lets go of it', async () => {
  const memory = new MemoryEnvironment()
  memory.files.makeDirectory('/d')
  const failing = Ownership.take(memory, '/d', {
    waitMs: 0,
    fenceName: () => {
      throw new TidemarkError('NOT_A_DATA_DIRECTORY')
    },
  })
  await expect(failing).rejects.toMatchObject({ code: 'NOT_A_DATA_DIRECTORY' })
  expect(findOwner(memory, '/d')).toBeUndefined()
  memory.failNext('lock', { error: 'ENOLCK' })
  await expect(Ownership.take(memory, '/d', { waitMs: 0, fenceName: () => 'f' })).rejects.toMatchObject({
    code: 'STORAGE_ERROR',
  })
})

/** By the kernel's own list. */
function isLockedByThisProcess(folder: string): boolean {
  const inode = statSync(join(folder, '.lock')).ino
  return readFileSync('/proc/locks', 'latin1').includes(`${process.pid} `) && locksOf(inode).includes(process.pid)
}

function locksOf(inode: number): number[] {
  return readFileSync('/proc/locks', 'latin1')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[5]?.endsWith(`:${inode}`))
    .map((fields) => Number(fields[4]))
}
