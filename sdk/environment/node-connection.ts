import { connect as connectSocket, type Socket } from 'node:net'
import type { Connection, ConnectionEvents } from './environment.ts'
import { checkPrivateSocket, socketPath } from './node-socket-path.ts'

/** Whoever listens says first who it is, in a line. */
const LINE_END = 0x0a

/** Connects to the fence of that name, if a process of this user has bound it. */
export function connect(_directory: string, name: string): Promise<Connection | undefined> {
  const path = socketPath(name)
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(undefined)
      else reject(error)
    }
    try {
      checkPrivateSocket(path)
    } catch (error) {
      failed(error as NodeJS.ErrnoException)
      return
    }
    const socket = connectSocket({ path, allowHalfOpen: true })
    socket.once('error', failed)
    socket.once('connect', () => {
      socket.off('error', failed)
      resolve(new NodeConnection(socket, true))
    })
  })
}

/** A socket that was opened with `allowHalfOpen`. */
export class NodeConnection implements Connection {
  readonly #socket: Socket
  /** The line with the listener's pid has not passed. */
  #isGreeting: boolean

  constructor(socket: Socket, isGreeted: boolean) {
    this.#socket = socket
    this.#isGreeting = isGreeted
    socket.pause()
    socket.unref()
    // A connection that breaks is one that is closed.
    socket.on('error', () => socket.destroy())
  }

  get unsentBytes(): number {
    return this.#socket.writableLength
  }

  receive(events: ConnectionEvents): void {
    const socket = this.#socket
    socket.on('data', (bytes) => {
      const rest = this.#isGreeting ? this.#withoutGreeting(bytes) : bytes
      if (rest.length > 0) events.data(rest)
    })
    socket.on('drain', () => events.drained())
    socket.on('end', () => events.ended())
    socket.on('close', () => events.closed())
    if (socket.closed) queueMicrotask(() => events.closed())
    else socket.resume()
  }

  write(chunks: readonly Uint8Array[]): void {
    const socket = this.#socket
    if (!socket.writable) return
    socket.cork()
    for (const chunk of chunks) socket.write(chunk)
    socket.uncork()
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  end(): void {
    this.#socket.end()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  keepAlive(on: boolean): void {
    if (on) this.#socket.ref()
    else this.#socket.unref()
  }

  #withoutGreeting(bytes: Buffer): Buffer {
    const end = bytes.indexOf(LINE_END)
    if (end < 0) return bytes.subarray(bytes.length)
    this.#isGreeting = false
    return bytes.subarray(end + 1)
  }
}
