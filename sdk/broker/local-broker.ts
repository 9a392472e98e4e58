import { findDirectoryId } from '../directory/endpoint-name.ts'
import type { Environment } from '../environment/environment.ts'
import { pause } from '../environment/pause.ts'
import { TidemarkError } from '../errors.ts'
import { BATCH_HEADER_BYTES, RecordBatch } from '../record/record-batch.ts'
import type {
  Broker,
  CreatePartitionsRequest,
  CreateTopicsRequest,
  DeleteTopicsRequest,
  FetchRequest,
  FetchResponse,
  ProduceRequest,
  Survives,
} from './broker.ts'
import { ConnectionLost } from './connection-lost.ts'
import { ask, ForwardingBroker } from './forwarding-broker.ts'
import { Neighbour } from './neighbour.ts'
import { Owner } from './owner.ts'
import { isOwnershipLoss, tellsOwnershipLoss } from './ownership-loss.ts'
import { type AnswerOf, type Api, PORT_SHAPES, type RequestOf } from './port-shapes.ts'
import { RareWarning } from './rare-warning.ts'
import type { RecoveryNote } from './recovery-note.ts'

export interface LocalBrokerOptions {
  /** How long to wait for an owner that takes no neighbours, such as a real broker, to go, milliseconds. */
  readonly waitMs: number
  readonly signal?: AbortSignal | undefined
  readonly survives: Survives
  readonly clientId: string
  /** Told of every part that this process comes to play. */
  readonly onRole?: ((role: Role) => void) | undefined
}

/** What this process is to a directory. */
export interface Role {
  readonly kind: 'owner' | 'neighbour'
  readonly ownerPid: number | undefined
}

/** One call of a client, until it is answered: perhaps by several brokers, one after the other. */
interface Call {
  /** Calls are repeated in the order in which they were made. */
  readonly turn: number
  readonly signal: AbortSignal | undefined
  go(broker: Owner | Neighbour): void
  fail(error: unknown): void
  /** It does not want to wait any longer. */
  giveUp(): void
}

const FIRST_PAUSE_MS = 10
const LAST_PAUSE_MS = 250
/** Somebody listens: it is worth to wait for its first word. */
const LEAST_HELLO_MS = 1_000
/** So long calls wait for a new owner where somebody has the directory who takes no neighbours. */
const PATIENCE_MS = 10_000

/**
 * The broker of a directory on this machine, whoever owns it: this process, or another one whose neighbour it is then.
 * When the owner goes, the neighbours look for the directory at once: one of them takes it, the others connect to that
 * one, and what was asked meanwhile is asked again.
 */
export class LocalBroker extends ForwardingBroker {
  readonly createsTopics = true
  readonly #environment: Environment
  readonly #path: string
  readonly #options: LocalBrokerOptions
  #current: Owner | Neighbour | undefined
  #directoryId: string | undefined
  #turns = 0
  /** Calls that wait for a broker, in order. */
  #waiting: Call[] = []
  #seeking: Promise<void> | undefined
  readonly #interrupt = new AbortController()
  readonly #refusals: RareWarning
  #closing: Promise<void> | undefined

  private constructor(environment: Environment, path: string, options: LocalBrokerOptions) {
    super()
    this.#environment = environment
    this.#path = path
    this.#options = options
    this.#refusals = new RareWarning(environment, 'TIDEMARK_CONNECTION_REFUSED')
  }

  /**
   * Takes the directory, creating it where there is none, or becomes the neighbour of whoever has it.
   *
   * @throws {TidemarkError} DIRECTORY_IN_USE, NOT_A_DATA_DIRECTORY, STORAGE_ERROR, CORRUPT_BATCH, UNSUPPORTED, ABORTED.
   */
  static async open(environment: Environment, path: string, options: LocalBrokerOptions): Promise<LocalBroker> {
    const broker = new LocalBroker(environment, path, options)
    const deadlineMs = environment.clock.monotonicMs() + options.waitMs
    const aborted = () => broker.#interrupt.abort()
    if (options.signal?.aborted === true) aborted()
    options.signal?.addEventListener('abort', aborted)
    try {
      broker.#become(await broker.#find(deadlineMs))
      return broker
    } finally {
      options.signal?.removeEventListener('abort', aborted)
    }
  }

  /** 'neighbour' also while the next owner is looked for. */
  get kind(): 'owner' | 'neighbour' {
    return this.#current?.kind ?? 'neighbour'
  }

  get servesOthers(): boolean {
    return this.#current?.servesOthers ?? false
  }

  /** What this process mended as the owner. */
  get recovery(): readonly RecoveryNote[] {
    return this.#current instanceof Owner ? this.#current.recovery : []
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  protected request<A extends Api>(api: A, request: RequestOf<A>): Promise<AnswerOf<A>> {
    return new Promise((resolve, reject) => {
      /** What was asked may have been done. */
      let isRepeat = false
      const again = (wasSent: boolean) => {
        isRepeat ||= wasSent
        this.#dispatch(call)
      }
      const call: Call = {
        turn: this.#turns++,
        signal: (request as Partial<FetchRequest>).signal,
        fail: reject,
        // A fetch that ends early is answered with what there is.
        giveUp: () => resolve(NOTHING_FETCHED as AnswerOf<A>),
        go: (broker) => {
          const asked = isRepeat ? askAgain(broker, api, request) : ask(broker, api, request)
          asked.then(
            (answer) => {
              const isAnswer = !tellsOwnershipLoss(answer) || this.#isOurs(broker)
              if (isAnswer || !mayRepeat(api, request)) resolve(answer)
              else again(true)
            },
            (error: unknown) => {
              const isGone = error instanceof ConnectionLost || isOwnershipLoss(error)
              const isAnswer = !isGone || this.#isOurs(broker)
              if (isAnswer || !(isUnsent(error) || mayRepeat(api, request))) reject(error)
              else again(!isUnsent(error))
            },
          )
        },
      }
      this.#dispatch(call)
    })
  }

  #dispatch(call: Call): void {
    if (this.#closing !== undefined) call.fail(this.#closedError())
    else if (this.#current !== undefined) call.go(this.#current)
    else if (call.signal?.aborted === true) call.giveUp()
    else {
      const at = this.#waiting.findLastIndex(({ turn }) => turn < call.turn) + 1
      this.#waiting.splice(at, 0, call)
      call.signal?.addEventListener('abort', () => {
        if (this.#stopWaiting(call)) call.giveUp()
      })
      this.#seek()
    }
  }

  #stopWaiting(call: Call): boolean {
    const before = this.#waiting.length
    this.#waiting = this.#waiting.filter((other) => other !== call)
    return this.#waiting.length < before
  }

  /** The broker is gone. True where it was this object itself that let it go; otherwise the next one is looked for. */
  #isOurs(broker: Owner | Neighbour): boolean {
    if (this.#closing !== undefined) return true
    this.#demote(broker)
    return false
  }

  /** This process owned the directory and does so no more, or its owner is going or gone. */
  #demote(broker: Owner | Neighbour): void {
    if (broker !== this.#current) return
    this.#current = undefined
    this.#seek(broker)
  }

  #seek(before?: Owner | Neighbour): void {
    if (this.#seeking !== undefined || this.#closing !== undefined) return
    this.#seeking = this.#seekNext(before).finally(() => {
      this.#seeking = undefined
      if (this.#current === undefined && this.#waiting.length > 0) this.#seek()
    })
  }

  async #seekNext(before: Owner | Neighbour | undefined): Promise<void> {
    await before?.close().catch(() => {})
    try {
      const broker = await this.#find(undefined)
      if (this.#closing === undefined) this.#become(broker)
      else await broker.close()
    } catch (error) {
      for (const call of this.#waiting.splice(0)) call.fail(error)
      // Whoever asks again at once waits for the next try.
      await this.#pause(LAST_PAUSE_MS)
    }
  }

  #become(broker: Owner | Neighbour): void {
    const isFirst = this.#directoryId === undefined
    this.#directoryId ??= findDirectoryId(this.#environment, this.#path)
    broker.onTopicsChanged((names) => this.watchers.tell(names))
    broker.onLost = () => this.#demote(broker)
    this.#current = broker
    const ownerPid = broker instanceof Neighbour ? broker.ownerPid : this.#environment.process.pid
    this.#options.onRole?.({ kind: broker.kind, ownerPid })
    // What changed while nobody told us.
    if (!isFirst) this.watchers.tell(null)
    for (const call of this.#waiting.splice(0)) call.go(broker)
  }

  /** Connects to the owner or takes the directory, whichever works first; tries until the deadline, if there is one. */
  async #find(deadlineMs: number | undefined): Promise<Owner | Neighbour> {
    const { clock, random } = this.#environment
    const beganMs = clock.monotonicMs()
    for (let tries = 1, pauseMs = FIRST_PAUSE_MS; ; tries++, pauseMs = Math.min(pauseMs * 1.5, LAST_PAUSE_MS)) {
      if (this.#interrupt.signal.aborted) throw this.#abortedError()
      const leftMs = (deadlineMs ?? beganMs + PATIENCE_MS) - clock.monotonicMs()
      const found = await this.#tryOnce(deadlineMs === undefined ? undefined : Math.max(leftMs, LEAST_HELLO_MS))
      if (!(found instanceof TidemarkError)) return found
      // Once is not enough: whoever looks who the owner is holds the lock for a moment.
      if (leftMs <= 0 && tries > 1) throw found
      const nextMs = pauseMs * (0.5 + random.number())
      await this.#pause(leftMs > 0 ? Math.min(nextMs, leftMs) : nextMs)
    }
  }

  async #tryOnce(helloMs: number | undefined): Promise<Owner | Neighbour | TidemarkError> {
    const environment = this.#environment
    const { clientId, survives, waitMs } = this.#options
    const { signal } = this.#interrupt
    const { silence } = this
    let unreachable = ''
    try {
      const neighbour = await Neighbour.connect(environment, this.#path, {
        clientId,
        survives,
        helloMs,
        signal,
        silence,
        refused: (why) => this.#refusals.emit(why),
      })
      if (neighbour !== undefined) return neighbour
    } catch (error) {
      if (error instanceof TidemarkError) return this.#refusal(error)
      unreachable = ` Its local socket cannot be used from here: ${(error as Error).message}.`
    }
    this.#checkSame()
    try {
      return await Owner.open(environment, this.#path, { waitMs, triesOnce: true, survives, clientId, signal })
    } catch (error) {
      return this.#refusal(error, unreachable)
    }
  }

  /** Only that somebody has the directory, or took it at that moment, may pass. */
  #refusal(error: unknown, more = ''): TidemarkError {
    if (!(error instanceof TidemarkError)) throw error
    if (error.code !== 'DIRECTORY_IN_USE' && error.code !== 'OWNERSHIP_LOST') throw error
    return more === '' ? error : new TidemarkError(error.code, error.message + more, { cause: error })
  }

  /** Somebody may have removed the directory, or put another in its place: that is not ours to go on with. */
  #checkSame(): void {
    if (this.#directoryId === undefined) return
    const found = findDirectoryId(this.#environment, this.#path)
    if (found === this.#directoryId) return
    const what = found === undefined ? 'was removed' : 'was replaced by another'
    throw new TidemarkError('OWNERSHIP_LOST', `${this.#path} ${what} while it was in use. Close it and open it again.`)
  }

  #pause(delayMs: number): Promise<void> {
    return pause(this.#environment.timers, delayMs, this.#interrupt.signal)
  }

  async #close(): Promise<void> {
    const current = this.#current
    for (const call of this.#waiting.splice(0)) call.fail(this.#closedError())
    this.#interrupt.abort()
    await this.#seeking
    await current?.close()
  }

  #closedError(): TidemarkError {
    return new TidemarkError('CLOSED', `${this.#path} has been closed.`)
  }

  #abortedError(): TidemarkError {
    return new TidemarkError('ABORTED', `Opening ${this.#path} was aborted.`)
  }
}

const NOTHING_FETCHED: FetchResponse = { partitions: [] }

/** Who grew a topic, and asks again since the answer was lost, finds it grown. All else is answered as the first time. */
async function askAgain<A extends Api>(broker: Broker, api: A, request: RequestOf<A>): Promise<AnswerOf<A>> {
  try {
    return await ask(broker, api, request)
  } catch (error) {
    const isGrown = api === 'createPartitions' && error instanceof TidemarkError && error.code === 'INVALID_PARTITIONS'
    if (!isGrown) throw error
    const { topic, totalCount } = request as CreatePartitionsRequest
    const { topics } = await broker.metadata({ topics: [topic] })
    if (topics[0]?.partitions.length !== totalCount) throw error
    return undefined as AnswerOf<A>
  }
}

function isUnsent(error: unknown): boolean {
  return error instanceof ConnectionLost && !error.wasSent
}

function mayRepeat(api: Api, request: unknown): boolean {
  const { repeats } = PORT_SHAPES[api]
  if (repeats === 'identified') return isIdentified(api, request)
  if (repeats !== 'numbered') return repeats
  return (request as ProduceRequest).partitions.every(({ records }) => {
    if (records.length < BATCH_HEADER_BYTES) return false
    return new RecordBatch(Buffer.from(records.buffer, records.byteOffset, records.byteLength)).producerId >= 0
  })
}

function isIdentified(api: Api, request: unknown): boolean {
  if (api === 'deleteTopics') return (request as DeleteTopicsRequest).topicIds !== undefined
  return (request as CreateTopicsRequest).topics.every(({ topicId }) => topicId !== undefined)
}
