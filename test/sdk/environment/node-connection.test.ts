import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, expect, onTestFinished, test } from 'vitest'
import type { Connection, Fence } from '../../../sdk/environment/environment.ts'
import { nodeEnvironment } from '../../../sdk/environment/node-environment.ts'
import { socketPath } from '../../../sdk/environment/node-socket-path.ts'

const environment = nodeEnvironment()

// A place for sockets of its own: here others are let in.
const temporary = mkdtempSync(join(tmpdir(), 'tidemark-sockets-'))
process.env['TIDEMARK_RUNTIME_DIR'] = temporary
chmodSync(temporary, 0o755)
afterAll(() => rmSync(temporary, { recursive: true, force: true }))

/** A user that is nobody's, and not this one. */
const NOBODY = 65_534

function nameOfItsOwn(): string {
  const folder = mkdtempSync(join(temporary, 'connection-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

async function bind(name: string): Promise<Fence> {
  const fence = await environment.bindFence('', name)
  if (!fence.held) throw new Error('the fence is free')
  onTestFinished(() => fence.release())
  return fence
}

/** What happens at one end, in order. */
function watch(connection: Connection): string[] {
  const events: string[] = []
  connection.receive({
    data: (bytes) => events.push(Buffer.from(bytes).toString()),
    drained: () => {},
    ended: () => events.push('ended'),
    closed: () => events.push('closed'),
  })
  onTestFinished(() => connection.destroy())
  return events
}

test('whoever comes before somebody listens waits, and loses nothing of what it said', async () => {
  const name = nameOfItsOwn()
  const fence = await bind(name)
  const there = (await environment.connect('', name))!
  const heard = watch(there)
  there.write([Buffer.from('early')])
  const here = await new Promise<Connection>((resolve) => setTimeout(() => fence.listen(resolve), 20))
  const events = watch(here)
  await expect.poll(() => events.join('')).toBe('early')
  here.write([Buffer.from('wel'), Buffer.from('come')])
  await expect.poll(() => heard.join('')).toBe('welcome')
})

test('an end that says nothing more still hears what the other says', async () => {
  const name = nameOfItsOwn()
  const fence = await bind(name)
  const arrived = new Promise<Connection>((resolve) => fence.listen(resolve))
  const there = (await environment.connect('', name))!
  const heard = watch(there)
  const here = await arrived
  const events = watch(here)
  there.write([Buffer.from('question')])
  there.end()
  await expect.poll(() => events.join(' ')).toBe('question ended')
  here.write([Buffer.from('answer')])
  here.end()
  await expect.poll(() => heard.join(' ')).toBe('answer ended closed')
  await expect.poll(() => events.join(' ')).toBe('question ended closed')
})

test('nobody listens: undefined, and no error', async () => {
  const name = nameOfItsOwn()
  expect(await environment.connect('', name)).toBeUndefined()
  await (await bind(name)).release()
  expect(await environment.connect('', name)).toBeUndefined()
})

test.skipIf(process.platform === 'win32')('a folder of sockets that others may enter is not trusted', async () => {
  const name = nameOfItsOwn()
  await bind(name)
  const folder = dirname(socketPath(name))
  expect(statSync(folder).mode & 0o777).toBe(0o700)
  chmodSync(folder, 0o755)
  try {
    await expect(environment.connect('', name)).rejects.toMatchObject({ code: 'EACCES' })
  } finally {
    chmodSync(folder, 0o700)
  }
})

test.skipIf(process.getuid?.() !== 0)('a process of another user cannot connect', async () => {
  const name = nameOfItsOwn()
  await bind(name)
  const source = `
    require('node:net').connect(${JSON.stringify(socketPath(name))})
      .on('connect', () => { console.log('connected'); process.exit() })
      .on('error', ({ code }) => console.log(code))`
  // A shell's node: this one may lie where that user cannot read.
  const { stdout } = spawnSync('node', ['-e', source], { uid: NOBODY, gid: NOBODY, encoding: 'utf8' })
  expect(stdout.trim()).toBe('EACCES')
})
