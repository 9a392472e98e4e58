import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { open, type Tidemark, TidemarkError } from '../../sdk/index.ts'
import { MemoryEnvironment, nodeEnvironment } from '../../sdk/testing.ts'

function createDirectory(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-open-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'data')
}

interface RivalResult {
  readonly kind?: string
  readonly offset?: number
  readonly code?: string
  readonly message?: string
}

async function rival(directory: string, value = 'rival'): Promise<RivalResult> {
  const program = fileURLToPath(new URL('../support/rival.ts', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [program, directory, value])
  return JSON.parse(stdout) as RivalResult
}

async function send(tide: Tidemark, value: string): Promise<number> {
  return (await tide.topic('t').send({ value: Buffer.from(value) })).offset
}

async function readAll(directory: string): Promise<string[]> {
  await using tide = await open(directory, { readOnly: true })
  const values = []
  for await (const record of tide.topic('t').read({ from: 'earliest', follow: false }))
    values.push(Buffer.from(record.value).toString())
  return values
}

test('a second process works through the owner', async () => {
  const directory = createDirectory()
  await using tide = await open(directory)
  await send(tide, 'mine')
  expect(await rival(directory)).toEqual({ kind: 'neighbour', offset: 1 })
  expect(await send(tide, 'mine again')).toBe(2)
  expect(await readAll(directory)).toEqual(['mine', 'rival', 'mine again'])
})

test('a program that owns the directory and takes no neighbours keeps others out, who are told its pid', async () => {
  const environment = new MemoryEnvironment()
  environment.files.makeDirectory('/data')
  const broker = environment.anotherProcess()
  expect(broker.lockDirectory('/data').held).toBe(true)
  await expect(open('/data', { environment, waitMs: 20 })).rejects.toMatchObject({
    code: 'DIRECTORY_IN_USE',
    message: expect.stringContaining(`process ${broker.process.pid}; waited 20 ms`),
  })
})

test('a second open in the same process shares the first, and the directory is free when both are closed', async () => {
  const directory = createDirectory()
  const first = await open(directory)
  const second = await open(pathToFileURL(directory))
  await send(first, 'by the first')
  await first.close()
  expect(await send(second, 'by the second')).toBe(1)
  await second.close()
  expect(await rival(directory)).toEqual({ kind: 'owner', offset: 2 })
})

test('an open that comes while the last user closes waits for it', async () => {
  const directory = createDirectory()
  const first = await open(directory)
  await send(first, 'one')
  const closing = first.close()
  await using second = await open(directory)
  await closing
  expect(await send(second, 'two')).toBe(1)
})

test('open waits for the owner to go', async () => {
  const directory = createDirectory()
  const program = fileURLToPath(new URL('../support/holding-owner.ts', import.meta.url))
  const child = spawn(process.execPath, [program, directory], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  const opening = open(directory)
  child.kill('SIGKILL')
  await using tide = await opening
  expect(await send(tide, 'mine now')).toBe(1)
})

test('an owner that copies its own directory loses the lock, but not the directory: others still come to it', async () => {
  const directory = createDirectory()
  await using tide = await open(directory)
  await send(tide, 'mine')
  cpSync(directory, `${directory}-copy`, { recursive: true })
  readFileSync(join(directory, '.lock'))
  expect(await rival(directory)).toEqual({ kind: 'neighbour', offset: 1 })
  expect(await send(tide, 'still mine')).toBe(2)
  expect(await readAll(directory)).toEqual(['mine', 'rival', 'still mine'])
})

test('an owner whose directory is removed acknowledges nothing any more', async () => {
  const directory = createDirectory()
  const tide = await open(directory)
  await send(tide, 'mine')
  rmSync(directory, { recursive: true })
  await expect(send(tide, 'lost')).rejects.toMatchObject({ code: 'OWNERSHIP_LOST' })
  await expect(send(tide, 'lost too')).rejects.toMatchObject({ code: 'OWNERSHIP_LOST' })
  await expect(tide.groups.commit('g', [{ topic: 't', partition: 0, offset: 1 }])).rejects.toBeInstanceOf(TidemarkError)
  await tide.close().catch(() => {})
  expect(readdirSync(join(directory, '..'))).toEqual([])
})

test('an owner whose lock file is removed writes nothing until it has taken the directory anew', async () => {
  const directory = createDirectory()
  await using tide = await open(directory)
  await send(tide, 'mine')
  rmSync(join(directory, '.lock'))
  expect(await send(tide, 'mine again')).toBe(1)
  await tide.groups.commit('g', [{ topic: 't', partition: 0, offset: 1 }])
  expect(tide.kind).toBe('owner')
  expect(await rival(directory)).toEqual({ kind: 'neighbour', offset: 2 })
  expect(await readAll(directory)).toEqual(['mine', 'mine again', 'rival'])
})

test('a neighbour finds out that the lock file was removed, and both go on with one owner', async () => {
  const directory = createDirectory()
  await using tide = await open(directory)
  await send(tide, 'mine')
  rmSync(join(directory, '.lock'))
  expect(await rival(directory)).toMatchObject({ offset: 1 })
  expect(await send(tide, 'mine again')).toBe(2)
  expect(await readAll(directory)).toEqual(['mine', 'rival', 'mine again'])
})

test('with both fences lost, an append after the rival’s is refused and made by a new ownership: no record is written by two owners', async () => {
  const directory = createDirectory()
  // An owner without the second fence, whose lock its own process drops.
  const environment = {
    ...nodeEnvironment(),
    bindFence: async () => ({ held: true, listen: () => {}, release: async () => {} }) as const,
  }
  const tide = await open(directory, { environment })
  await send(tide, 'mine')
  readFileSync(join(directory, '.lock'))
  expect(await rival(directory)).toEqual({ kind: 'owner', offset: 1 })
  expect(await send(tide, 'as a new owner')).toBe(2)
  await tide.close()
  expect(await readAll(directory)).toEqual(['mine', 'rival', 'as a new owner'])
})

test('a paused owner keeps the directory, and goes on when it wakes', async () => {
  const directory = createDirectory()
  const program = fileURLToPath(new URL('../support/holding-owner.ts', import.meta.url))
  const child = spawn(process.execPath, [program, directory], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  child.kill('SIGSTOP')
  expect(await rival(directory)).toMatchObject({
    code: 'DIRECTORY_IN_USE',
    message: expect.stringContaining(`process ${child.pid}`),
  })
  child.kill('SIGCONT')
  expect(await rival(directory)).toEqual({ kind: 'neighbour', offset: 1 })
  child.kill('SIGKILL')
  await once(child, 'exit')
  expect(await rival(directory)).toEqual({ kind: 'owner', offset: 2 })
})

test('a directory with something else in it is refused and left alone', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-open-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  cpSync(fileURLToPath(new URL('../../LICENSE', import.meta.url)), join(directory, 'LICENSE'))
  await expect(open(directory)).rejects.toMatchObject({ code: 'NOT_A_DATA_DIRECTORY' })
  expect(readdirSync(directory)).toEqual(['LICENSE'])
})

test('kafka:// and an empty path are refused in so many words', async () => {
  await expect(open('kafka://localhost:9092')).rejects.toMatchObject({ code: 'UNSUPPORTED' })
  await expect(open('')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
})

test('memory: lives as long as its owner and is another one each time', async () => {
  await using first = await open('memory:')
  await using second = await open('memory:')
  expect(await send(first, 'a')).toBe(0)
  expect(await send(first, 'b')).toBe(1)
  expect(await send(second, 'c')).toBe(0)
})

test('an open at any moment of a close gets the directory', async () => {
  const environment = new MemoryEnvironment()
  for (let moment = 0; moment < 60; moment++) {
    const first = await open('/data', { environment })
    const closing = first.close()
    for (let turn = 0; turn < moment; turn++) await Promise.resolve()
    const second = await open('/data', { environment })
    expect(await send(second, 'mine'), `after ${moment} turns`).toBe(moment)
    await closing
    await second.close()
  }
})

test('who shares an open that waits can give up alone', async () => {
  const environment = new MemoryEnvironment()
  environment.files.makeDirectory('/data')
  const owner = environment.anotherProcess().lockDirectory('/data')
  const [one, two] = [new AbortController(), new AbortController()]
  const first = open('/data', { environment, signal: one.signal })
  const second = open('/data', { environment, signal: two.signal })
  const third = open('/data', { environment })
  two.abort()
  await expect(second).rejects.toMatchObject({ code: 'ABORTED' })
  one.abort()
  await expect(first).rejects.toMatchObject({ code: 'ABORTED' })
  if (owner.held) owner.release()
  await using tide = await third
  expect(await send(tide, 'mine')).toBe(0)
})

test('an open that nobody waits for any more does not keep the directory', async () => {
  const environment = new MemoryEnvironment()
  const controller = new AbortController()
  const opening = open('/data', { environment, signal: controller.signal })
  controller.abort()
  await expect(opening).rejects.toMatchObject({ code: 'ABORTED' })
  await using tide = await open('/data', { environment: environment.anotherProcess(), waitMs: 1_000 })
  expect(await send(tide, 'mine')).toBe(0)
})

test('an open that fails is tried anew by the next', async () => {
  const environment = new MemoryEnvironment()
  environment.failNext('write', { error: 'EIO' })
  const both = await Promise.allSettled([open('/data', { environment }), open('/data', { environment })])
  for (const result of both) expect(result).toMatchObject({ status: 'rejected', reason: { code: 'STORAGE_ERROR' } })
  await using tide = await open('/data', { environment })
  expect(await send(tide, 'mine')).toBe(0)
})

test('a copy of a directory that is open can be owned beside it, and neither sees what the other writes', async () => {
  const directory = createDirectory()
  await using tide = await open(directory)
  await send(tide, 'mine')
  cpSync(directory, `${directory}-copy`, { recursive: true })
  await using copy = await open(`${directory}-copy`, { waitMs: 0 })
  await send(copy, 'of the copy')
  await send(tide, 'of the original')
  expect(await readAll(`${directory}-copy`)).toEqual(['mine', 'of the copy'])
  expect(await readAll(directory)).toEqual(['mine', 'of the original'])
})

test('a place where no directory can be is told in words, and at once', async () => {
  const directory = createDirectory()
  const folder = join(directory, '..')
  const file = join(folder, 'file')
  writeFileSync(file, 'x')
  symlinkSync(join(folder, 'loop'), join(folder, 'loop'))
  symlinkSync(join(folder, 'nowhere'), join(folder, 'dangling'))
  const places: readonly (readonly [string, string, string])[] = [
    [join(file, 'data'), 'STORAGE_ERROR', 'A part of the path is a file, not a directory'],
    [file, 'NOT_A_DATA_DIRECTORY', 'is a file. Name the directory that holds'],
    [join(folder, 'loop', 'data'), 'STORAGE_ERROR', 'A link in the path leads back to itself'],
    [join(folder, 'dangling'), 'STORAGE_ERROR', 'perhaps a link to nothing'],
    [join(folder, 'x'.repeat(300)), 'STORAGE_ERROR', 'Name a shorter path.'],
    [`${folder}/a\0b`, 'INVALID_ARGUMENT', 'zero character'],
  ]
  for (const [place, code, message] of places) {
    await expect(open(place, { waitMs: 0 }), place).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
    })
  }
  await expect(open(file, { readOnly: true })).rejects.toMatchObject({ code: 'NOT_A_DATA_DIRECTORY' })
})

test.runIf(process.platform === 'linux')(
  'a place that takes no directories is refused, not tried for ever',
  async () => {
    await expect(open('/proc/tidemark/data', { waitMs: 0 })).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
  },
)
