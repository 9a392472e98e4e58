import { createHash } from 'node:crypto'
import { chmodSync, lstatSync, mkdirSync, rmSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Fence, LockHolder } from './environment.ts'

/** `sun_path` holds 104 bytes on macOS, 108 on Linux, with the zero at the end. */
const MAX_SOCKET_PATH_BYTES = 100
/** A living owner answers in microseconds; a stopped one not at all, and still owns. */
const GREETING_TIMEOUT_MS = 500

/**
 * Binds a local socket named after `name`. It is the second fence: a process that lost its POSIX lock without noticing
 * still has it. Whoever connects is told the pid and is hung up on.
 */
export async function bindFence(_directory: string, name: string): Promise<Fence | LockHolder> {
  const path = fencePath(name)
  for (let attempt = 0; ; attempt++) {
    const server = await listen(path)
    if (server !== undefined) return new NodeFence(server)
    const holder = await greet(path)
    if (holder !== undefined) return holder
    // Nobody listens: the file was left by a process that died. Only the holder of the directory's lock comes here, so
    // it is not somebody's who is about to listen.
    if (attempt > 2) return { held: false, pid: undefined }
    if (process.platform !== 'win32') rmSync(path, { force: true })
  }
}

class NodeFence implements Fence {
  readonly held = true
  readonly #server: Server

  constructor(server: Server) {
    this.#server = server
  }

  release(): Promise<void> {
    return new Promise((resolve) => this.#server.close(() => resolve()))
  }
}

function fencePath(name: string): string {
  // Short, and safe where the disk folds case.
  const file = createHash('sha256').update(name).digest('hex').slice(0, 24)
  if (process.platform === 'win32') return `\\\\.\\pipe\\tidemark-${file}`
  const user = process.getuid?.() ?? 0
  const folder = join(tmpdir(), `tidemark-${user}`)
  const path = join(folder, `${file}.sock`)
  if (Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES) return inPrivateFolder(folder, path, user)
  const shortFolder = `/tmp/tidemark-${user}`
  return inPrivateFolder(shortFolder, join(shortFolder, `${file}.sock`), user)
}

/** Nobody else may bind or remove sockets in it. */
function inPrivateFolder(folder: string, path: string, user: number): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const stat = lstatSync(folder)
  if (!stat.isDirectory() || stat.uid !== user) {
    throw Object.assign(new Error(`EACCES: ${folder} belongs to another user; remove it or set TMPDIR`), {
      code: 'EACCES',
    })
  }
  if ((stat.mode & 0o077) !== 0) chmodSync(folder, 0o700)
  return path
}

/** Undefined if the path is taken. */
function listen(path: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      socket.on('error', () => socket.destroy())
      // Unreferenced and destroyed: a caller that never hangs up must not keep this process or `release` waiting.
      socket.unref()
      socket.end(`${process.pid}\n`, () => socket.destroy())
    })
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined)
      else reject(error)
    })
    // Exclusive: workers of node:cluster would otherwise share one handle through their primary.
    server.listen({ path, exclusive: true }, () => {
      server.unref()
      resolve(server)
    })
  })
}

/** Who listens; undefined if nobody. */
function greet(path: string): Promise<LockHolder | undefined> {
  return new Promise((resolve) => {
    let text = ''
    const socket = connect(path)
    const answer = (holder: LockHolder | undefined): void => {
      socket.destroy()
      resolve(holder)
    }
    socket.setTimeout(GREETING_TIMEOUT_MS, () => answer({ held: false, pid: undefined }))
    socket.setEncoding('latin1')
    socket.on('data', (chunk: string) => {
      text += chunk
    })
    socket.on('end', () => answer({ held: false, pid: Number.parseInt(text, 10) || undefined }))
    socket.on('error', (error: NodeJS.ErrnoException) => {
      const nobody = error.code === 'ECONNREFUSED' || error.code === 'ENOENT'
      answer(nobody ? undefined : { held: false, pid: undefined })
    })
  })
}
