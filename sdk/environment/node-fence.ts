import { rmSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import type { Connection, Fence, LockHolder } from './environment.ts'
import { NodeConnection } from './node-connection.ts'
import { makePrivateFolder, socketPath } from './node-socket-path.ts'

/** A living owner answers in microseconds; a stopped one not at all, and still owns. */
const GREETING_TIMEOUT_MS = 500
/** Those that came before anybody listens; more are hung up on and come again. */
const MAX_WAITING = 1_000

/**
 * Binds a local socket named after `name`. It is the second fence: a process that lost its POSIX lock without noticing
 * still has it. Whoever connects is told the pid in a line, then handed over to whoever listens.
 */
export async function bindFence(_directory: string, name: string): Promise<Fence | LockHolder> {
  const path = socketPath(name)
  makePrivateFolder(path)
  for (let attempt = 0; ; attempt++) {
    const fence = new NodeFence()
    if (await fence.bind(path)) return fence
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
  #accept: ((connection: Connection) => void) | undefined
  /** Connections that nobody was there to be handed to. */
  readonly #waiting = new Set<Socket>()

  constructor() {
    // Half open: whoever says that it will ask nothing more still waits for answers.
    this.#server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => this.#connected(socket))
  }

  /** False if the path is taken. */
  bind(path: string): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', (error: NodeJS.ErrnoException) => {
        if (error.code === 'EADDRINUSE') resolve(false)
        else reject(error)
      })
      // Exclusive: workers of node:cluster would otherwise share one handle through their primary.
      this.#server.listen({ path, exclusive: true }, () => {
        this.#server.unref()
        resolve(true)
      })
    })
  }

  listen(accept: (connection: Connection) => void): void {
    this.#accept = accept
    for (const socket of this.#waiting) this.#handOver(socket, accept)
    this.#waiting.clear()
  }

  /** Sockets that were handed over are for others to close. The server waits for them, but it listens no more at once. */
  async release(): Promise<void> {
    for (const socket of this.#waiting) socket.destroy()
    this.#waiting.clear()
    this.#server.close()
  }

  #connected(socket: Socket): void {
    socket.unref()
    socket.write(`${process.pid}\n`)
    if (this.#accept !== undefined) {
      this.#handOver(socket, this.#accept)
      return
    }
    socket.on('error', () => socket.destroy())
    socket.on('close', () => this.#waiting.delete(socket))
    if (this.#waiting.size >= MAX_WAITING) socket.destroy()
    else this.#waiting.add(socket)
  }

  #handOver(socket: Socket, accept: (connection: Connection) => void): void {
    accept(new NodeConnection(socket, false))
  }
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
      if (text.includes('\n')) answer({ held: false, pid: Number.parseInt(text, 10) || undefined })
    })
    socket.on('end', () => answer({ held: false, pid: undefined }))
    socket.on('error', (error: NodeJS.ErrnoException) => {
      const nobody = error.code === 'ECONNREFUSED' || error.code === 'ENOENT'
      answer(nobody ? undefined : { held: false, pid: undefined })
    })
  })
}
