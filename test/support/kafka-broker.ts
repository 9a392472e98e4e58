/** A real single-node broker (KRaft) on a directory, in a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SHORT_LIVED } from './java.ts'
import { type BrokerVersion, brokerClassPath, javaProgram } from './kafka-installation.ts'
import { runChecked } from './run-process.ts'

export interface BrokerOptions {
  /** Added to server.properties; the settings a README asks for, for example. */
  readonly properties?: Readonly<Record<string, string>>
  /** How long it may take until it serves. Default 120,000: a broker that gives up is noticed at once. */
  readonly timeoutMs?: number
  /** For `formatDirectory`. Default 1. */
  readonly nodeId?: number
  /** Another version than that of the tools. */
  readonly version?: BrokerVersion | undefined
  /** Those of a broker before, so that its clients find this one. Default: free ones. */
  readonly ports?: Ports
}

export interface KafkaBroker extends AsyncDisposable {
  /** `127.0.0.1:port` */
  readonly bootstrap: string
  readonly ports: Ports
  readonly pid: number
  /** Everything it has logged so far. */
  output(): string
  /** An orderly stop. */
  stop(): Promise<void>
  /** SIGKILL. */
  kill(): Promise<void>
}

/** The broker ended, or did not get ready, instead of serving. `output` is its whole log. */
export class BrokerFailed extends Error {
  readonly output: string
  constructor(message: string, output: string) {
    const lines = output.split('\n').filter((line) => /ERROR|FATAL|Exception|WARN/.test(line))
    super(`${message}\n${lines.slice(-20).join('\n')}\n…\n${output.slice(-2_000)}`)
    this.name = 'BrokerFailed'
    this.output = output
  }
}

/**
 * What a broker logs when it cannot make sense of a directory, each with the exception behind it. Not among it is what it
 * logs of its own start-up: "Failed to load metadata … no longer the leader" (a partition it becomes the leader of while it
 * starts may be loaded twice, the first time in vain; whether the groups were loaded is seen by asking for every one of
 * them), and a request that came to the controller before it was the active one, which is asked again.
 */
export function complaints(output: string): string[] {
  const lines = output.split('\n')
  return lines.flatMap((line, at) => {
    const exception = lines[at + 1] ?? ''
    if (line.includes('Unexpected error handling request') && exception.includes('NotControllerException')) return []
    return /FATAL|Unexpected error|IllegalStateException|CorruptRecordException/.test(line)
      ? [`${line}\n${exception}`]
      : []
  })
}

const STOP_TIMEOUT_MS = 60_000

/** Makes `directory` a fresh Kafka log directory, as `kafka-storage format` does. */
export async function formatDirectory(directory: string, options: BrokerOptions = {}): Promise<void> {
  const ports = await freePorts()
  const classPath = await brokerClassPath(options.version)
  const format = ['kafka.tools.StorageTool', 'format', '--standalone', '-t', 'AAAAAAAAAAAAAAAAAAAAAQ', '-c']
  await withProperties(serverProperties(directory, options.nodeId ?? 1, ports, options), (file) =>
    runChecked(javaProgram('java'), [...SHORT_LIVED, '-cp', classPath, ...format, file]),
  )
}

/**
 * Starts a broker on an existing directory, ours or a formatted one, and resolves when it serves.
 * `await using` stops it. Throws `BrokerFailed` as soon as it gives up.
 */
export async function startBroker(directory: string, options: BrokerOptions = {}): Promise<KafkaBroker> {
  const ports = options.ports ?? (await freePorts())
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-kafka-'))
  const file = join(folder, 'server.properties')
  writeFileSync(file, serverProperties(directory, nodeIdOf(directory), ports, options))
  // biome-ignore format: one flag beside the other
  const child = spawn(javaProgram('java'), ['-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-cp', await brokerClassPath(options.version), 'kafka.Kafka', file], {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: folder,
  })
  const broker = new RunningBroker(child, ports, folder)
  await broker.ready(options.timeoutMs ?? 120_000)
  return broker
}

class RunningBroker implements KafkaBroker {
  readonly bootstrap: string
  readonly ports: Ports
  readonly #child: ChildProcess
  readonly #exited: Promise<void>
  readonly #output: string[] = []
  readonly #killWithUs = () => this.#child.kill('SIGKILL')
  #started = () => {}

  constructor(child: ChildProcess, ports: Ports, folder: string) {
    this.ports = ports
    this.bootstrap = `127.0.0.1:${ports.broker}`
    this.#child = child
    // A JVM must not outlive the test process that owns it.
    process.once('exit', this.#killWithUs)
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output.push(text)
        if (text.includes('Kafka Server started')) this.#started()
      })
    }
    this.#exited = new Promise<void>((resolve) => {
      child.once('error', () => resolve())
      child.once('close', () => resolve())
    }).then(() => {
      process.off('exit', this.#killWithUs)
      rmSync(folder, { recursive: true, force: true })
    })
  }

  get pid(): number {
    return this.#child.pid ?? -1
  }

  output(): string {
    return this.#output.join('')
  }

  async ready(timeoutMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const outcome = await Promise.race([
      new Promise<string>((resolve) => {
        this.#started = () => resolve('started')
        if (this.output().includes('Kafka Server started')) resolve('started')
      }),
      this.#exited.then(() => `The broker gave up (exit code ${this.#child.exitCode}).`),
      new Promise<string>((resolve) => {
        timer = setTimeout(resolve, timeoutMs, `The broker did not serve within ${timeoutMs} ms.`)
      }),
    ])
    clearTimeout(timer)
    if (outcome === 'started') return
    await this.kill()
    throw new BrokerFailed(outcome, this.output())
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGTERM')
    const timer = setTimeout(this.#killWithUs, STOP_TIMEOUT_MS)
    await this.#exited
    clearTimeout(timer)
    if (this.#child.signalCode === 'SIGKILL') throw new BrokerFailed('The broker had to be killed.', this.output())
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#exited
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) await this.stop()
  }
}

function nodeIdOf(directory: string): number {
  const file = join(directory, 'meta.properties')
  if (!existsSync(file)) throw new Error(`${file} is missing: this is no Kafka log directory.`)
  return Number(/^node\.id=(\d+)$/m.exec(readFileSync(file, 'utf8'))?.[1] ?? 1)
}

function serverProperties(directory: string, nodeId: number, ports: Ports, options: BrokerOptions): string {
  const properties: Record<string, string | number> = {
    'process.roles': 'broker,controller',
    'node.id': nodeId,
    'controller.quorum.bootstrap.servers': `127.0.0.1:${ports.controller}`,
    listeners: `PLAINTEXT://127.0.0.1:${ports.broker},CONTROLLER://127.0.0.1:${ports.controller}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${ports.broker}`,
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'log.dirs': directory,
    'offsets.topic.replication.factor': 1,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    'group.initial.rebalance.delay.ms': 0,
    'auto.create.topics.enable': 'false',
    ...options.properties,
  }
  // A properties file takes a backslash for an escape.
  const line = ([name, value]: [string, string | number]) => `${name}=${String(value).replaceAll('\\', '\\\\')}\n`
  return Object.entries(properties).map(line).join('')
}

async function withProperties<T>(properties: string, use: (file: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-kafka-'))
  try {
    writeFileSync(join(folder, 'server.properties'), properties)
    return await use(join(folder, 'server.properties'))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

export interface Ports {
  readonly broker: number
  readonly controller: number
}

/** Two ports that were free a moment ago. */
async function freePorts(): Promise<Ports> {
  const servers = [createServer(), createServer()]
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve, reject) => {
          server.once('error', reject).listen(0, '127.0.0.1', () => {
            const address = server.address()
            resolve(typeof address === 'object' && address ? address.port : 0)
          })
        }),
    ),
  )
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return { broker: ports[0] ?? 0, controller: ports[1] ?? 0 }
}
