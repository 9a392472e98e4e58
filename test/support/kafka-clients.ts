/** Kafka's own Java clients, through test/kafka/java/Clients.java. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { javaArguments, runJava } from './java.ts'
import { callJava } from './java-server.ts'
import { javaProgram } from './kafka-installation.ts'

/** UTF-8 text, or base64 where the bytes are no text. */
export type JavaBytes = string | { readonly base64: string } | null

export interface JavaPlace {
  readonly topic: string
  readonly partition: number
}
export interface JavaRecord extends JavaPlace {
  readonly offset: number
  readonly timestampMs: number
  readonly key: JavaBytes
  readonly value: JavaBytes
  readonly headers: readonly { readonly key: string; readonly value: JavaBytes }[]
  /** −1 where the client does not know it. */
  readonly leaderEpoch: number
}
export interface JavaStored extends JavaPlace {
  readonly offset: number
  readonly timestampMs: number
}
export interface JavaConsumed {
  readonly records: JavaRecord[]
  readonly end: 'max' | 'caught-up' | 'timeout' | 'input-ended'
  readonly assigned: readonly JavaPlace[]
  readonly committed: readonly (JavaPlace & { readonly committedOffset: number })[]
}
export interface JavaTopic {
  readonly topic: string
  readonly topicId: string
  readonly internal: boolean
  readonly partitions: readonly { readonly partition: number; readonly leader: number | null; readonly isr: number }[]
  /** Those set on the topic itself. */
  readonly configs: Readonly<Record<string, string>>
}
export interface JavaEnds extends JavaPlace {
  readonly logStartOffset: number
  readonly logEndOffset: number
  readonly leaderEpoch: number
  readonly maxTimestampOffset: number
  readonly maxTimestampMs: number
}
export interface JavaCommitted extends JavaPlace {
  readonly group: string
  readonly committedOffset: number
  readonly leaderEpoch: number
  readonly metadata: string
}
export interface JavaGroup {
  readonly group: string
  readonly type: string | null
  readonly protocol: string
  readonly state: string | null
}

export interface ProduceOptions {
  readonly topic: string
  /** Records `value-0`, `value-1`, … Default 1. */
  readonly count?: number
  readonly codec?: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
  /** Keys `key-0` … `key-(keys − 1)` in turn; 0 (the default): null keys. */
  readonly keys?: number
  readonly partition?: number
  /** Values are padded to this length. */
  readonly valueBytes?: number
  readonly valuePrefix?: string
  /** So many headers on every record. */
  readonly headers?: number
  /** Every n-th value is null. */
  readonly nullEvery?: number
  /** The n-th record gets this + n. */
  readonly firstTimestampMs?: number
  /** `hang` leaves the transaction open, as a crash would. */
  readonly transaction?: 'commit' | 'abort' | 'hang'
  readonly transactionalId?: string
  readonly properties?: Readonly<Record<string, string>>
}

export interface ConsumeOptions {
  readonly topics: readonly string[]
  /** Without one: every partition from its beginning. */
  readonly group?: string
  /** Default classic. */
  readonly protocol?: 'classic' | 'consumer'
  /** Stop after so many records; otherwise when everything has been read. */
  readonly max?: number
  /** Commit, at the end, what was printed. */
  readonly commit?: boolean
  /** What a partition without a commit does. Default none: fail. */
  readonly reset?: 'none' | 'earliest' | 'latest'
  readonly isolation?: 'read_uncommitted' | 'read_committed'
  readonly instanceId?: string
  readonly timeoutMs?: number
  readonly properties?: Readonly<Record<string, string>>
}

/** A member that stays in its group, in the JVM that all of them share. */
export interface JoinOptions {
  /** To call it by. */
  readonly name: string
  readonly group: string
  readonly topics?: readonly string[]
  /** Instead of topics, with the consumer protocol. */
  readonly pattern?: string
  readonly protocol?: 'classic' | 'consumer' | 'share' | 'streams'
  readonly instanceId?: string
  /** Joining resolves when so many records were read. Default 0. */
  readonly max?: number
  /** Commit those. */
  readonly commit?: boolean
  /** It may well get no partition. */
  readonly idle?: boolean
  /** For a streams application. */
  readonly stateFolder?: string
  readonly properties?: Readonly<Record<string, string>>
}

export interface CommitOptions {
  readonly group: string
  readonly topic: string
  readonly partition?: number
  readonly offset: number
  readonly leaderEpoch?: number
  readonly metadata?: string
}

type Options = Readonly<Record<string, unknown>>

/** `{valueBytes: 3, topics: ['a'], configs: {x: 'y'}}` → `--value-bytes 3 --topics a --configs x=y` */
function argumentsOf(command: string, bootstrap: string, options: Options): string[] {
  const args = [command, '--bootstrap', bootstrap]
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue
    const text = Array.isArray(value)
      ? value.join(',')
      : typeof value === 'object' && value !== null
        ? Object.entries(value)
            .map(([key, setting]) => `${key}=${setting}`)
            .join(';')
        : String(value)
    args.push(`--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`, text)
  }
  return args
}

async function client<Line>(command: string, bootstrap: string, options: Options): Promise<Line[]> {
  return (await callJava(argumentsOf(command, bootstrap, options))) as Line[]
}

/** Clients of the broker at `bootstrap`. */
export function javaClients(bootstrap: string) {
  return {
    produce: (options: ProduceOptions) => produce(bootstrap, options),
    consume: (options: ConsumeOptions) => consume(bootstrap, options),
    joinGroup: (options: ConsumeOptions & { group: string }) => joinGroup(bootstrap, options),
    topics: () => client<JavaTopic>('topics', bootstrap, {}),
    ends: (topics: readonly string[]) => client<JavaEnds>('ends', bootstrap, { topics }),
    createTopic: (topic: string, partitions = 1, configs: Readonly<Record<string, string>> = {}) =>
      client<{ topic: string; topicId: string }>('create-topic', bootstrap, { topic, partitions, configs }),
    deleteTopics: (topics: readonly string[]) => client('delete-topic', bootstrap, { topics }),
    growTopic: (topic: string, partitions: number) => client('grow-topic', bootstrap, { topic, partitions }),
    /** An empty value removes a config. */
    alterTopic: (topic: string, configs: Readonly<Record<string, string>>) =>
      client('alter-topic', bootstrap, { topic, configs }),
    deleteRecords: (topic: string, partition: number, before: number) =>
      client('delete-records', bootstrap, { topic, partition, before }),
    groups: () => client<JavaGroup>('groups', bootstrap, {}),
    /** Without a group: of all but share groups. */
    offsets: (group?: string) => client<JavaCommitted>('offsets', bootstrap, { group }),
    alterOffsets: (commit: CommitOptions) => client('alter-offsets', bootstrap, { ...commit }),
    /** `hang` leaves the commit pending. */
    commitInTransaction: (
      commit: CommitOptions & {
        readonly transaction: 'commit' | 'abort' | 'hang'
        readonly transactionalId: string
        readonly properties?: Readonly<Record<string, string>>
      },
    ) => client('commit-in-transaction', bootstrap, { ...commit }),
    join: (options: JoinOptions) => client('join', bootstrap, { ...options }),
    leave: (name: string) => client('leave', bootstrap, { name }),
  }
}

export type JavaClients = ReturnType<typeof javaClients>

function produce(bootstrap: string, options: ProduceOptions): Promise<JavaStored[]> {
  // A transaction can only be left hanging by a JVM that dies.
  if (options.transaction === 'hang') return runAlone(argumentsOf('produce', bootstrap, { ...options }))
  return client('produce', bootstrap, { ...options })
}

async function runAlone(args: readonly string[]): Promise<JavaStored[]> {
  const { stdout } = await runJava('Clients', args)
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
}

type ConsumeEnd = Omit<JavaConsumed, 'records'>

async function consume(bootstrap: string, options: ConsumeOptions): Promise<JavaConsumed> {
  const lines = await client<JavaRecord | ConsumeEnd>('consume', bootstrap, { ...options })
  const end = lines.pop() as ConsumeEnd
  return { ...end, records: lines as JavaRecord[] }
}

/** A consumer that stays in its group until it is told to leave. */
export interface JavaMember extends AsyncDisposable {
  readonly memberId: string
  readonly records: readonly JavaRecord[]
  /** Its partitions now. */
  assigned(): readonly JavaPlace[]
  /** Resolves when `holds` is true of what it has been assigned and read. */
  until(holds: (member: JavaMember) => boolean): Promise<void>
  /** Commits (with `commit`) and leaves. */
  leave(): Promise<void>
  /** SIGKILL: the group has to find out by itself. */
  kill(): Promise<void>
}

/** Joins as one more member and resolves at its first assignment. */
async function joinGroup(bootstrap: string, options: ConsumeOptions & { group: string }): Promise<JavaMember> {
  const args = await javaArguments('Clients', argumentsOf('consume', bootstrap, { ...options, hold: true }))
  const member = new HeldMember(spawn(javaProgram('java'), args, { stdio: ['pipe', 'pipe', 'pipe'] }))
  await member.until(() => member.memberId !== '')
  return member
}

class HeldMember implements JavaMember {
  memberId = ''
  readonly records: JavaRecord[] = []
  readonly #child: ChildProcess
  readonly #exited: Promise<unknown>
  readonly #killWithUs = () => this.#child.kill('SIGKILL')
  #assigned: readonly JavaPlace[] = []
  #stderr = ''
  #changed = Promise.withResolvers<void>()

  constructor(child: ChildProcess) {
    this.#child = child
    process.once('exit', this.#killWithUs)
    this.#exited = once(child, 'close').then(() => {
      process.off('exit', this.#killWithUs)
      this.#announce()
    })
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text
    })
    if (child.stdout) createInterface({ input: child.stdout }).on('line', (line) => this.#read(JSON.parse(line)))
  }

  assigned(): readonly JavaPlace[] {
    return this.#assigned
  }

  async until(holds: (member: JavaMember) => boolean): Promise<void> {
    while (!holds(this)) {
      if (this.#ended()) throw new Error(`The Java consumer ended:\n${this.#stderr.slice(-4_000)}`)
      await this.#changed.promise
    }
  }

  async leave(): Promise<void> {
    this.#child.stdin?.end('leave\n')
    await this.#exited
    if (this.#child.exitCode !== 0) throw new Error(`The Java consumer failed:\n${this.#stderr.slice(-4_000)}`)
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#exited
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#ended()) await this.kill()
  }

  #ended(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  #read(line: JavaRecord | { member: string; assigned: readonly JavaPlace[] } | ConsumeEnd): void {
    if ('offset' in line) this.records.push(line)
    else if ('member' in line) {
      this.memberId = line.member
      this.#assigned = line.assigned
    }
    this.#announce()
  }

  #announce(): void {
    this.#changed.resolve()
    this.#changed = Promise.withResolvers()
  }
}
