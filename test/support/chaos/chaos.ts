import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { findOwner } from '../../../sdk/directory/directory-owner.ts'
import { randomFrom, type SeededRandom } from '../../../sdk/environment/seeded-random.ts'
import { open } from '../../../sdk/index.ts'
import { nodeEnvironment } from '../../../sdk/testing.ts'
import { GROUPS, type Life, nowMs, PARTITIONS, readLife, TOPIC } from './evidence.ts'
import type { Blow } from './take-over.ts'
import type { Remains } from './verdict.ts'

const SERVICE = fileURLToPath(new URL('service.ts', import.meta.url))
const PROCESSES = 4
/** Long after the last kill everything that was sent is processed. */
const SETTLE_MS = 60_000
const CALM_MS = 4_000
/** So long may a process take that is asked to end. */
const END_MS = 15_000

interface Service {
  readonly name: string
  readonly file: string
  readonly pid: number
  readonly errors: string[]
  /** Set when it has gone. */
  end: string | undefined
  readonly ended: Promise<unknown>
  say(line: string): void
  signal(signal: NodeJS.Signals): void
}

/** Four processes with one directory, and somebody who kills, stops and restarts them by a seed. */
export class Chaos {
  readonly blows: Blow[] = []
  /** Processes that ended by themselves. */
  readonly deaths: string[] = []
  readonly #folder: string
  readonly #directory: string
  readonly #random: SeededRandom
  readonly #services: (Service | undefined)[] = Array.from({ length: PROCESSES }, () => undefined)
  readonly #files: { readonly name: string; readonly file: string }[] = []
  readonly #lives: number[] = Array.from({ length: PROCESSES }, () => 0)

  constructor(folder: string, seed: number) {
    this.#folder = folder
    this.#directory = join(folder, 'data')
    this.#random = randomFrom(seed)
  }

  /** Runs for so long, then lets everything come to rest and ends it in order. */
  async run(durationMs: number): Promise<void> {
    const untilMs = nowMs() + durationMs
    for (let index = 0; index < PROCESSES; index++) this.#start(index)
    await sleep(1_500)
    while (nowMs() < untilMs) {
      await sleep(500 + this.#random.below(2_000))
      await this.#strike()
    }
    // The last blow is to be seen to its end.
    await sleep(CALM_MS)
    for (const service of this.#services) service?.say('stop sending')
    await this.#settle()
    for (const service of this.#services) {
      service?.signal('SIGTERM')
      if (service !== undefined) await this.#gone(service)
    }
  }

  /** Whatever happens, nobody stays behind. */
  end(): void {
    for (const service of this.#services) service?.signal('SIGKILL')
  }

  lives(): Life[] {
    // Whoever was killed before it began has no file.
    return this.#files.filter(({ file }) => existsSync(file)).map(({ name, file }) => readLife(name, file))
  }

  /** What a reader finds who took no part. */
  async remains(): Promise<Remains> {
    await using tide = await open(this.#directory, { readOnly: true })
    const log: string[][] = Array.from({ length: PARTITIONS }, () => [])
    for await (const { partition, offset, bytes } of tide.topic(TOPIC).read({ from: 'earliest', follow: false })) {
      log[partition]![offset] = Buffer.from(bytes.value ?? []).toString()
    }
    const commits: Remains['commits'][number][] = []
    for (const group of GROUPS) {
      for (const { partition, entries } of await tide.groups.history(group)) {
        commits.push({ group, partition, offsets: entries.map(({ offset }) => offset ?? -1) })
      }
    }
    return { log, commits }
  }

  async #strike(): Promise<void> {
    const ownerPid = findOwner(nodeEnvironment(), this.#directory)?.pid
    const ownerIndex = this.#services.findIndex((service) => service?.pid === ownerPid)
    // The owner is the one whose death is interesting.
    const index = ownerIndex >= 0 && this.#random.below(2) === 0 ? ownerIndex : this.#random.below(PROCESSES)
    const service = this.#services[index]
    if (service === undefined) return
    const kind = (['kill', 'kill', 'pause', 'restart'] as const)[this.#random.below(4)]!
    this.blows.push({ kind, atMs: nowMs(), process: service.name, wasOwner: index === ownerIndex })
    if (kind === 'pause') {
      service.signal('SIGSTOP')
      await sleep(100 + this.#random.below(2_500))
      service.signal('SIGCONT')
      return
    }
    this.#services[index] = undefined
    service.signal(kind === 'kill' ? 'SIGKILL' : 'SIGTERM')
    await this.#gone(service)
    // A process that is asked to end before it listens for that is killed by it.
    const isOrderly = service.end === 'code 0' || service.end === 'signal SIGTERM'
    if (kind === 'restart' && !isOrderly)
      this.deaths.push(`${service.name}: ${service.end} ${service.errors.join(' ')}`)
    await sleep(this.#random.below(700))
    this.#start(index)
  }

  async #gone(service: Service): Promise<void> {
    const late = sleep(END_MS, 'late', { ref: false })
    if ((await Promise.race([service.ended, late])) !== 'late') return
    this.deaths.push(`${service.name} did not end within ${END_MS} ms`)
    service.signal('SIGKILL')
    await service.ended
  }

  #start(index: number): void {
    const life = this.#lives[index] ?? 0
    this.#lives[index] = life + 1
    const name = `${'abcd'[index]}${life}`
    const file = join(this.#folder, `${name}.evidence`)
    const child = spawn(process.execPath, [SERVICE, this.#directory, file, name], { stdio: ['pipe', 'ignore', 'pipe'] })
    const errors: string[] = []
    child.stdin.on('error', () => {})
    child.stderr.on('data', (text: Buffer) => errors.push(text.toString()))
    const service: Service = {
      name,
      file,
      pid: child.pid ?? -1,
      errors,
      end: undefined,
      ended: once(child, 'exit').then(([code, signal]) => {
        service.end = signal === null ? `code ${code}` : `signal ${signal}`
        // Nobody has struck it.
        if (this.#services[index] === service && service.end !== 'code 0') {
          this.deaths.push(`${name}: ${service.end} ${errors.join(' ')}`)
        }
      }),
      say: (line) => void child.stdin.write(`${line}\n`),
      signal: (signal) => void child.kill(signal),
    }
    this.#files.push({ name, file })
    this.#services[index] = service
  }

  /** Until every group has committed all that there is. */
  async #settle(): Promise<void> {
    await sleep(1_000)
    await using tide = await open(this.#directory, { readOnly: true })
    const signal = AbortSignal.timeout(SETTLE_MS)
    for (const group of GROUPS) await tide.groups.caughtUp(group, { signal }).catch(() => {})
  }
}
