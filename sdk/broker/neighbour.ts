import { endpointName, findDirectoryId } from '../directory/endpoint-name.ts'
import { partitionDirectoryName } from '../directory/partition-directory.ts'
import type { Connection, Environment } from '../environment/environment.ts'
import { TidemarkError } from '../errors.ts'
import type { StoredBatches } from '../log/log-view.ts'
import type { FetchedPartition, FetchRequest, FetchResponse, Survives, TopicPartition } from './broker.ts'
import { ConnectionLost } from './connection-lost.ts'
import {
  type Hello,
  hello,
  MAX_ATTACHED_BYTES,
  ownerMessage,
  PROTOCOL,
  sentError,
  versionsDiffer,
} from './door-message.ts'
import { ForwardingBroker } from './forwarding-broker.ts'
import { encodeFrame, type Frame, FrameError, FrameReader } from './frame.ts'
import {
  type AnswerOf,
  type Api,
  type RequestOf,
  type SentAnswer,
  type SentFetchResponse,
  type SentRequest,
  shapesOf,
} from './port-shapes.ts'
import { NO_ATTACHMENTS, ShapeError, unpack } from './shape.ts'
import { Silence } from './silence.ts'
import { SilenceWatch } from './silence-watch.ts'
import { readStored } from './stored-records.ts'

export interface NeighbourOptions {
  readonly clientId: string
  readonly survives: Survives
  /** How long the owner may take to say who it is; it does so once it has opened the directory. Default: for ever. */
  readonly helloMs?: number | undefined
  readonly signal?: AbortSignal | undefined
  /** Only looks: goes where the owner is silent, and makes no words. Default false. */
  readonly isVisitor?: boolean | undefined
  /** Told why the owner ended the connection, where it says so. */
  readonly refused?: ((why: string) => void) | undefined
  /** Told when the owner falls silent, also before it has said who it is, and when that is over. */
  readonly silence?: Silence | undefined
}

interface Pending {
  readonly api: Api
  readonly isHurried: boolean
  readonly resolve: (answer: never) => void
  readonly reject: (error: unknown) => void
  readonly stop: () => void
}

/** Larger than any answer of an owner that keeps its promises. */
const MAX_ANSWER_BYTES = 1024 * 1024 * 1024
const GOODBYE_MS = 1_000
/** How long an owner may be silent until that is told, or a visitor goes. */
const PATIENCE_MS = 5_000
const VISIT_PATIENCE_MS = 1_000
/** In a row: then the files cannot be read from here, or are elsewhere by now, and to try costs more than it saves. */
const MAX_MISSES = 3

/** The broker of a directory that another process, or another thread, owns: the same requests over its local socket. */
export class Neighbour extends ForwardingBroker {
  readonly kind = 'neighbour'
  readonly createsTopics = true
  readonly servesOthers = false
  /** Called when it can answer nothing more, before the requests under way are told. */
  onLost: () => void = () => {}
  readonly #path: string
  readonly #environment: Environment
  readonly #connection: Connection
  readonly #silenceWatch: SilenceWatch
  protected override readonly silence: Silence
  readonly #refused: ((why: string) => void) | undefined
  readonly #reader = new FrameReader(MAX_ANSWER_BYTES)
  readonly #pending = new Map<number, Pending>()
  readonly #greeted = Promise.withResolvers<Hello | undefined>()
  readonly #gone = Promise.withResolvers<void>()
  #owner: Hello | undefined
  #goodbye: string | undefined
  #nextId = 0
  #hurried = 0
  /** How often in a row records were not where they were said to be. */
  #misses = 0
  /** The owner is about to go, or gone: nothing more is asked. */
  #isLost = false
  /** By this process itself. */
  #isClosed = false
  #closing: Promise<void> | undefined

  private constructor(environment: Environment, path: string, connection: Connection, options: NeighbourOptions) {
    super()
    this.#environment = environment
    this.#path = path
    this.#connection = connection
    const { clientId, survives, isVisitor = false, refused, silence = new Silence() } = options
    this.#refused = refused
    this.silence = silence
    this.#silenceWatch = new SilenceWatch(environment, {
      patienceMs: isVisitor ? VISIT_PATIENCE_MS : PATIENCE_MS,
      isWaiting: () => this.#owner === undefined || this.#pending.size > 0,
      silent: () => (isVisitor ? connection.destroy() : this.#fellSilent()),
      over: () => this.silence.ends(),
    })
    connection.receive({
      data: (bytes) => this.#arrived(bytes),
      drained: () => {},
      ended: () => this.#connection.destroy(),
      closed: () => this.#closed(),
    })
    const who: Hello = { protocol: PROTOCOL, pid: environment.process.pid, clientId, survives, isVisitor }
    connection.write(encodeFrame({ hello: hello.pack(who, []) }))
  }

  /**
   * Connects to the owner of the directory. Undefined where no owner can be reached in this way: there is none, it is a
   * real broker, it does not say who it is in time, or it goes at that moment.
   *
   * @throws {TidemarkError} DIRECTORY_IN_USE where the owner is of another version; ABORTED. What the operating system
   *   says where it refuses the connection.
   */
  static async connect(
    environment: Environment,
    path: string,
    options: NeighbourOptions,
  ): Promise<Neighbour | undefined> {
    const directoryId = findDirectoryId(environment, path)
    if (directoryId === undefined) return undefined
    const connection = await environment.connect(path, endpointName(environment, path, directoryId))
    if (connection === undefined) return undefined
    const neighbour = new Neighbour(environment, path, connection, options)
    connection.keepAlive(true)
    const owner = await neighbour.#hello(options)
    const isAborted = options.signal?.aborted === true
    if (isAborted || owner?.protocol !== PROTOCOL) connection.destroy()
    connection.keepAlive(false)
    if (isAborted) throw new TidemarkError('ABORTED', `Opening ${path} was aborted.`)
    if (owner === undefined) return undefined
    if (owner.protocol !== PROTOCOL) throw versionsDiffer(path, owner, environment.process.pid)
    neighbour.#checkSurvives(owner, options.survives)
    return neighbour
  }

  /**
   * Comes to the owner as a guest who only looks: is nobody's neighbour, holds up nobody, and goes where no answer comes
   * within a second. Undefined where it is not let in, for whatever reason.
   */
  static async visit(environment: Environment, path: string, signal?: AbortSignal): Promise<Neighbour | undefined> {
    const who = { clientId: 'visitor', survives: 'process-crash', isVisitor: true, helloMs: VISIT_PATIENCE_MS } as const
    try {
      return await Neighbour.connect(environment, path, { ...who, signal })
    } catch {
      return undefined
    }
  }

  get ownerPid(): number | undefined {
    return this.#owner?.pid
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  protected request<A extends Api>(api: A, request: RequestOf<A>): Promise<AnswerOf<A>> {
    if (api === 'fetch') return this.#fetch(request as FetchRequest) as Promise<AnswerOf<A>>
    return this.#ask(api, request as SentRequest<A>) as Promise<AnswerOf<A>>
  }

  /** Where records are not where they are said to be, the same is asked again, and they are sent. */
  async #fetch(request: FetchRequest): Promise<FetchResponse> {
    if (this.#misses < MAX_MISSES) {
      const read = this.#read(await this.#ask('fetch', { ...request, fromFiles: true }))
      if (read !== undefined) return read
      this.#misses++
    }
    return this.#read(await this.#ask('fetch', request)) ?? { partitions: [] }
  }

  #read(answer: SentFetchResponse): FetchResponse | undefined {
    const partitions: FetchedPartition[] = []
    for (const { records, ...rest } of answer.partitions) {
      const bytes = records instanceof Uint8Array ? records : this.#readStored(rest, records)
      if (bytes === undefined) return undefined
      partitions.push({ ...rest, records: bytes })
    }
    return { partitions }
  }

  #readStored({ topic, partition }: TopicPartition, batches: StoredBatches): Uint8Array | undefined {
    const { files } = this.#environment
    const bytes = readStored(files, files.join(this.#path, partitionDirectoryName(topic, partition)), batches)
    if (bytes !== undefined) this.#misses = 0
    return bytes
  }

  #ask<A extends Api>(api: A, request: SentRequest<A>): Promise<SentAnswer<A>> {
    if (this.#isClosed) return Promise.reject(this.#closedError())
    if (this.#isLost) return Promise.reject(new ConnectionLost(api, false))
    const { maxWaitMs = 0, signal } = request as Partial<FetchRequest>
    const id = this.#nextId++
    const cancel = () => this.#cancel(id)
    return new Promise((resolve, reject) => {
      const chunks = encodeRequest(id, api, request)
      signal?.addEventListener('abort', cancel)
      const stop = () => signal?.removeEventListener('abort', cancel)
      const isHurried = api !== 'consumerGroupHeartbeat' && maxWaitMs <= 0
      this.#silenceWatch.asks(maxWaitMs)
      this.#pending.set(id, { api, isHurried, resolve, reject, stop })
      if (isHurried) this.#count(1)
      this.#connection.write(chunks)
      if (signal?.aborted === true) cancel()
    })
  }

  async #close(): Promise<void> {
    // Where the owner went first, it still answers what it was asked.
    if (!this.#isLost) this.#giveUp()
    this.#connection.end()
    // An owner that does not run cannot say goodbye.
    const late = this.#environment.timers.after(GOODBYE_MS, () => this.#connection.destroy(), { keepAlive: true })
    await this.#gone.promise
    late.cancel()
  }

  /** What waits for records waits no longer. */
  #giveUp(): void {
    this.#isClosed = true
    for (const [id, pending] of this.#pending) {
      if (pending.api !== 'fetch') continue
      this.#cancel(id)
      this.#forget(id, pending)
      pending.reject(this.#closedError())
    }
  }

  async #hello({ helloMs, signal }: NeighbourOptions): Promise<Hello | undefined> {
    const giveUp = () => this.#greeted.resolve(undefined)
    const late = helloMs === undefined ? undefined : this.#environment.timers.after(helloMs, giveUp)
    if (signal?.aborted === true) giveUp()
    signal?.addEventListener('abort', giveUp)
    this.#silenceWatch.asks()
    const owner = await this.#greeted.promise
    signal?.removeEventListener('abort', giveUp)
    late?.cancel()
    return owner
  }

  #cancel(id: number): void {
    this.#connection.write(encodeFrame({ cancel: id }))
  }

  #arrived(bytes: Uint8Array): void {
    this.#silenceWatch.heard()
    try {
      for (const frame of this.#reader.read(bytes)) this.#take(frame)
    } catch (error) {
      if (!(error instanceof FrameError || error instanceof ShapeError)) throw error
      this.#goodbye = `What it sent is no message: ${error.message}.`
      this.#connection.destroy()
    }
  }

  #take({ json, attachments }: Frame): void {
    const message = ownerMessage.unpack(json, NO_ATTACHMENTS, '')
    if (message.id !== undefined) this.#answered(message.id, message, attachments)
    else if (message.topicsChanged !== undefined) this.watchers.tell(message.topicsChanged)
    else if (message.closing === true) this.#ownerCloses()
    else if (message.goodbye !== undefined) this.#goodbye = message.goodbye
    else {
      this.#owner = hello.unpack(message.hello, NO_ATTACHMENTS, 'hello')
      this.#greeted.resolve(this.#owner)
    }
  }

  #answered(id: number, message: { readonly answer?: unknown; readonly error?: unknown }, attachments: Uint8Array) {
    const pending = this.#pending.get(id)
    if (pending === undefined) return
    this.#forget(id, pending)
    const { api, resolve, reject } = pending
    if (message.error !== undefined) reject(sentError.unpack(message.error, NO_ATTACHMENTS, 'error'))
    else resolve(unpack(shapesOf(api).answer, message.answer, attachments) as never)
  }

  /** It answers what it was asked, and then goes. */
  #ownerCloses(): void {
    this.#lose()
    this.#connection.end()
  }

  #lose(): void {
    if (this.#isLost) return
    this.#isLost = true
    if (!this.#isClosed) this.onLost()
  }

  #closed(): void {
    this.#silenceWatch.stop()
    this.#greeted.resolve(undefined)
    this.#lose()
    for (const [id, pending] of this.#pending) {
      this.#forget(id, pending)
      pending.reject(this.#isClosed ? this.#unanswered(pending.api) : new ConnectionLost(pending.api, true))
    }
    if (this.#goodbye !== undefined && !this.#isClosed) {
      const who = this.ownerPid === undefined ? '' : `, process ${this.ownerPid},`
      this.#refused?.(`The owner of ${this.#path}${who} ended the connection: ${this.#goodbye}`)
    }
    this.#gone.resolve()
  }

  #forget(id: number, { isHurried, stop }: Pending): void {
    this.#pending.delete(id)
    stop()
    if (isHurried) this.#count(-1)
  }

  /**
   * While somebody waits for an answer the process has something to do. Heartbeats, and fetches that wait for records, come
   * again and again: who waits for what they bring keeps the process itself.
   */
  #count(by: 1 | -1): void {
    this.#hurried += by
    if (by > 0 ? this.#hurried === 1 : this.#hurried === 0) this.#connection.keepAlive(by > 0)
  }

  #closedError(): TidemarkError {
    return new TidemarkError('CLOSED', `${this.#path} has been closed.`)
  }

  #unanswered(api: Api): TidemarkError {
    const message = `${this.#path} was closed before process ${this.ownerPid}, which owns it, answered ${api}. Whether it was done is not known: look before you repeat it.`
    return new TidemarkError('CLOSED', message)
  }

  #checkSurvives(owner: Hello, wanted: Survives): void {
    if (wanted !== 'power-loss' || owner.survives === 'power-loss') return
    this.#environment.process.emitWarning(
      `${this.#path} is owned by process ${owner.pid}, which opened it with survives: 'process-crash': that holds for what is sent from here too, unless a topic says otherwise.`,
      'TIDEMARK_SURVIVES_DIFFERS',
    )
  }

  #fellSilent(): void {
    this.silence.begins()
    const who = this.ownerPid === undefined ? 'a process' : `process ${this.ownerPid}`
    this.#environment.process.emitWarning(
      `${this.#path} is owned by ${who}, which does not answer: it is stopped, or busy without a pause. What was asked waits for it; nothing is lost.`,
      'TIDEMARK_OWNER_SILENT',
    )
  }
}

/** @throws {TidemarkError} MESSAGE_TOO_LARGE */
function encodeRequest(id: number, api: Api, request: unknown): Uint8Array[] {
  const attachments: Uint8Array[] = []
  const packed = shapesOf(api).request.pack(request, attachments)
  const sizeBytes = attachments.reduce((sum, { length }) => sum + length, 0)
  if (sizeBytes <= MAX_ATTACHED_BYTES) return encodeFrame({ id, api, request: packed }, attachments)
  const message = `A send of ${sizeBytes} bytes is too much for the way to the process that owns the directory (${MAX_ATTACHED_BYTES} at most): send fewer at once.`
  throw new TidemarkError('MESSAGE_TOO_LARGE', message)
}
