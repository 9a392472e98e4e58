/** A vitest pool whose only worker is the extension host of a real VS Code. */
import { EventEmitter, once } from 'node:events'
import { createWriteStream, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { deserialize, serialize } from 'node:v8'
import { runTests } from '@vscode/test-electron'
import type { PoolOptions, PoolRunnerInitializer, PoolWorker, WorkerRequest } from 'vitest/node'

export interface VscodePoolOptions {
  /** Which `code` to run; undefined: the desktop VS Code that @vscode/test-electron downloads. */
  readonly vscodeExecutablePath: string | undefined
  readonly extensionDevelopmentPath: string
  /** The folder that is opened. */
  readonly workspace: string
  /** Where VS Code's own output goes. */
  readonly log: string
}

export function vscodePool(options: VscodePoolOptions): PoolRunnerInitializer {
  return { name: 'vscode', createPoolWorker: (pool) => new ExtensionHost(options, pool) }
}

class ExtensionHost extends EventEmitter implements PoolWorker {
  readonly name = 'vscode'
  readonly #options: VscodePoolOptions
  readonly #pool: PoolOptions
  #server: Server | undefined
  #socket: Socket | undefined
  #run: Promise<number> | undefined
  #folder: string | undefined
  #stopping = false

  constructor(options: VscodePoolOptions, pool: PoolOptions) {
    super()
    this.#options = options
    this.#pool = pool
  }

  /** One VS Code for every test file. */
  canReuse(): boolean {
    return true
  }

  deserialize(data: unknown): unknown {
    return data
  }

  send(message: WorkerRequest): void {
    const body = serialize(message)
    const size = Buffer.alloc(4)
    size.writeUInt32LE(body.length)
    this.#socket?.write(Buffer.concat([size, body]))
  }

  async start(): Promise<void> {
    this.#folder = mkdtempSync(join(tmpdir(), 'tidemark-pool-'))
    const address =
      process.platform === 'win32' ? `\\\\.\\pipe\\tidemark-pool-${process.pid}` : join(this.#folder, 'socket')
    this.#server = createServer()
    await once(this.#server.listen(address), 'listening')
    const connected = once(this.#server, 'connection')
    this.#run = this.#runVscode(address)
    const ended = this.#run.then(
      (code) =>
        Promise.reject(new Error(`VS Code ended (exit code ${code}) before the tests began: ${this.#options.log}`)),
      (error: unknown) => Promise.reject(new Error(`VS Code did not start: ${this.#options.log}`, { cause: error })),
    )
    const [socket] = (await Promise.race([connected, ended])) as [Socket]
    ended.catch(() => {})
    this.#listen(socket)
  }

  async stop(): Promise<void> {
    this.#stopping = true
    this.#socket?.end()
    await this.#run?.catch(() => {})
    this.#server?.close()
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true })
  }

  #runVscode(address: string): Promise<number> {
    const { vscodeExecutablePath, extensionDevelopmentPath, workspace, log } = this.#options
    mkdirSync(dirname(log), { recursive: true })
    const output = createWriteStream(log)
    return runTests({
      ...(vscodeExecutablePath === undefined ? {} : { vscodeExecutablePath }),
      extensionDevelopmentPath,
      extensionTestsPath: join(import.meta.dirname, 'host.cjs'),
      launchArgs: [workspace],
      extensionTestsEnv: {
        TIDEMARK_POOL_SOCKET: address,
        TIDEMARK_POOL_WORKER: pathToFileURL(join(this.#pool.distPath, 'worker.js')).href,
      },
      stdout: output,
      stderr: output,
    })
  }

  #listen(socket: Socket): void {
    this.#socket = socket
    let received = Buffer.alloc(0)
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk])
      while (received.length >= 4 && received.length >= 4 + received.readUInt32LE(0)) {
        const size = received.readUInt32LE(0)
        const message: unknown = deserialize(received.subarray(4, 4 + size))
        received = received.subarray(4 + size)
        this.emit('message', message)
      }
    })
    socket.on('error', (error) => this.emit('error', error))
    socket.on('close', () => {
      if (!this.#stopping) this.emit('exit', 1)
    })
  }
}
