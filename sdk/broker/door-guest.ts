import type { Connection, Environment, Timer } from '../environment/environment.ts'
import { TidemarkError } from '../errors.ts'
import { asDiskFailure } from '../log/storage-error.ts'
import { BATCH_HEADER_BYTES, RecordBatch } from '../record/record-batch.ts'
import type { Broker, ConnectedProcess, ProduceRequest, ProduceResponse, TopicPartition } from './broker.ts'
import type { DoorOptions } from './door.ts'
import { type Hello, hello, MAX_ATTACHED_BYTES, neighbourMessage, PROTOCOL, sentError } from './door-message.ts'
import { encodeFrame, type Frame, FrameError, FrameReader } from './frame.ts'
import { MemberList } from './member-list.ts'
import { isOwnershipLoss, tellsOwnershipLoss } from './ownership-loss.ts'
import { notAppended } from './partition-error.ts'
import {
  type Api,
  PORT_SHAPES,
  type RequestOf,
  type SentAnswer,
  type SentFetchResponse,
  type SentRequest,
  shapesOf,
} from './port-shapes.ts'
import { NO_ATTACHMENTS, ShapeError, unpack } from './shape.ts'
import { MIN_STORED_BYTES } from './stored-records.ts'

/** With the JSON before the records. */
const MAX_REQUEST_BYTES = MAX_ATTACHED_BYTES + 16 * 1024 * 1024
/** More is not read ahead for one that is elsewhere: it asks again. */
const MAX_FETCH_BYTES = 8 * 1024 * 1024
/** While more than this waits to be read by the neighbour, its next request waits too, and so do records for it. */
const MAX_UNREAD_BYTES = 4 * 1024 * 1024
/** Answers without records, to what was asked before, may still come to more: beyond this it is cut off. */
const MAX_HELD_BYTES = 64 * 1024 * 1024
/** Requests under way, most of which wait for records. */
const MAX_PENDING = 1_000
/** How long somebody may be connected without saying who it is, and a farewell may take to be read. */
const PATIENCE_MS = 10_000
const FAREWELL_MS = 1_000

export interface GuestHost extends DoorOptions {
  readonly environment: Environment
  readonly broker: Broker
  /** It is gone; nothing of it is left. */
  left(guest: DoorGuest): void
}

/** One neighbour, as its owner sees it: reads its requests, has the broker answer them, writes the answers. */
export class DoorGuest {
  readonly #host: GuestHost
  readonly #connection: Connection
  readonly #reader = new FrameReader(MAX_REQUEST_BYTES)
  /** Arrived, but the neighbour does not read what it asked for before. */
  readonly #backlog: Frame[] = []
  /** Ends the wait of a request. */
  readonly #pending = new Map<number, AbortController>()
  /** Fetches that have found something, for which there is no room yet; the first one's turn is next. */
  readonly #waitingForRoom: (() => void)[] = []
  /** Of answers without records, since the neighbour last had read everything. */
  #heldBytes = 0
  readonly #members = new MemberList()
  readonly #sinceMs: number
  #who: Hello | undefined
  /** Runs until it has said who it is. */
  readonly #unknownFor: Timer
  #isWorking = false
  #hasEnded = false
  #isDismissed = false
  #isClosed = false

  constructor(host: GuestHost, connection: Connection) {
    const { clock, timers } = host.environment
    this.#host = host
    this.#connection = connection
    this.#sinceMs = clock.nowMs()
    this.#unknownFor = timers.after(PATIENCE_MS, () => this.dismiss('You did not say who you are.'))
    connection.receive({
      data: (bytes) => this.#arrived(bytes),
      drained: () => {
        this.#nextFetch()
        void this.#work()
      },
      ended: () => this.#ended(),
      closed: () => this.#closed(),
    })
  }

  /** It has said who it is, and does not only look. */
  get isNeighbour(): boolean {
    return this.#who?.isVisitor === false
  }

  /** undefined for one who is no neighbour. */
  get process(): ConnectedProcess | undefined {
    if (this.#who === undefined || !this.isNeighbour) return undefined
    return { pid: this.#who.pid, clientId: this.#who.clientId, sinceMs: this.#sinceMs }
  }

  topicsChanged(names: readonly string[] | null): void {
    if (this.#who !== undefined) this.#send({ topicsChanged: names })
  }

  /** Asks it to ask nothing more. What it asked before is answered; waits end at once. Nobody waits for who only looks. */
  sayClosing(): void {
    for (const wait of this.#pending.values()) wait.abort()
    if (this.isNeighbour) this.#send({ closing: true })
    else this.#connection.destroy()
    this.#endWhenDone()
  }

  /** Cuts it off, and says why. */
  dismiss(goodbye: string): void {
    if (this.#isDismissed || this.#isClosed) return
    this.#send({ goodbye })
    this.#isDismissed = true
    this.#connection.end()
    this.#host.environment.timers.after(FAREWELL_MS, () => this.#connection.destroy())
  }

  cut(): void {
    this.#connection.destroy()
  }

  #arrived(bytes: Uint8Array): void {
    if (this.#isDismissed) return
    try {
      for (const frame of this.#reader.read(bytes)) this.#backlog.push(frame)
    } catch (error) {
      this.#refuse(error)
    }
    void this.#work()
  }

  /**
   * As long as the neighbour reads its answers. After a fetch the event loop turns, so that its answer is written, and
   * counts, before the next one is looked for; and one neighbour with much to ask does not hold up the others.
   */
  async #work(): Promise<void> {
    if (this.#isWorking) return
    this.#isWorking = true
    while (this.#backlog.length > 0 && this.#hasRoom && !this.#isClosed && !this.#isDismissed) {
      const isHeavy = this.#take(this.#backlog.shift()!)
      if (isHeavy) await this.#host.environment.timers.yield()
    }
    this.#isWorking = false
    if (this.#backlog.length > 0 || !this.#hasRoom) this.#connection.pause()
    else this.#connection.resume()
    this.#endWhenDone()
  }

  get #hasRoom(): boolean {
    return this.#isReading && this.#pending.size < MAX_PENDING
  }

  get #isReading(): boolean {
    return this.#connection.unsentBytes <= MAX_UNREAD_BYTES
  }

  /** True where the answer may be large. */
  #take(frame: Frame): boolean {
    try {
      const message = neighbourMessage.unpack(frame.json, NO_ATTACHMENTS, '')
      if (this.#who === undefined) this.#greet(unpack(hello, message.hello, frame.attachments))
      else if (message.cancel !== undefined) this.#pending.get(message.cancel)?.abort()
      else if (message.id === undefined || message.api === undefined) throw new ShapeError('It must be a request')
      else void this.#answer(message.id, message.api, message.request, frame.attachments)
      return message.api === 'fetch'
    } catch (error) {
      this.#refuse(error)
      return false
    }
  }

  #greet(who: Hello): void {
    this.#unknownFor.cancel()
    this.#send({ hello: hello.pack(this.#host.hello, []) })
    if (who.protocol === PROTOCOL) this.#who = who
    // It compares the versions too, and says so where somebody reads it.
    else this.dismiss('We speak different versions.')
  }

  async #answer(id: number, api: string, json: unknown, attachments: Uint8Array): Promise<void> {
    if (this.#pending.has(id)) {
      this.dismiss(`You asked two questions under the number ${id}.`)
      return
    }
    const wait = new AbortController()
    this.#pending.set(id, wait)
    try {
      if (!isApi(api)) throw new TidemarkError('UNSUPPORTED', `The owner of the directory knows no request "${api}".`)
      const answered: Uint8Array[] = []
      const answer = await this.#perform(api, unpack(shapesOf(api).request, json, attachments) as never, wait.signal)
      if (tellsOwnershipLoss(answer)) this.#host.onOwnershipLost()
      this.#send({ id, answer: shapesOf(api).answer.pack(answer, answered) }, answered)
    } catch (error) {
      if (isOwnershipLoss(error)) this.#host.onOwnershipLost()
      this.#send({ id, error: sentError.pack(asAnswer(error), []) })
    }
    this.#pending.delete(id)
    this.#nextFetch()
    void this.#work()
  }

  async #perform<A extends Api>(api: A, request: RequestOf<A>, signal: AbortSignal): Promise<SentAnswer<A>> {
    const { broker } = this.#host
    const perform = broker[api] as (request: RequestOf<A>) => Promise<SentAnswer<A>>
    if (api === 'produce') return (await produce(broker, request as ProduceRequest)) as SentAnswer<A>
    if (api === 'fetch') return (await this.#fetch(request as SentRequest<'fetch'>, signal)) as SentAnswer<A>
    const answer = await perform.call(broker, request)
    if (api === 'consumerGroupHeartbeat') {
      this.#members.beaten(request as RequestOf<'consumerGroupHeartbeat'>)
      // It went while it was let in.
      if (this.#isClosed) this.#leaveGroups()
    }
    return answer
  }

  /**
   * One append may end the wait of many fetches. What was found for one that has no room is let go, and read again when it
   * has: so no more is in memory than the neighbour is about to read, and one batch.
   */
  async #fetch(request: SentRequest<'fetch'>, signal: AbortSignal): Promise<SentFetchResponse> {
    const asked = { ...request, maxBytes: Math.min(request.maxBytes, MAX_FETCH_BYTES), signal }
    let answer = await this.#look(asked)
    while (!this.#isReading && !this.#isClosed && !this.#isDismissed) {
      await new Promise<void>((resolve) => this.#waitingForRoom.push(resolve))
      answer = await this.#look({ ...asked, maxWaitMs: 0, minBytes: 0 })
    }
    return answer
  }

  /** Reads what has to be sent, and leaves the rest to the neighbour. */
  async #look({ fromFiles, ...request }: SentRequest<'fetch'>): Promise<SentFetchResponse> {
    const { broker, locate } = this.#host
    const located = fromFiles === true ? locate(request, MIN_STORED_BYTES) : []
    const sizeBytes = located.reduce((sum, each) => sum + (each?.records.sizeBytes ?? 0), 0)
    if (sizeBytes === 0 || sizeBytes < request.minBytes) return await broker.fetch(request)
    const partitions = request.partitions.filter((_, index) => located[index] === undefined)
    const rest = { ...request, partitions, maxWaitMs: 0, maxBytes: request.maxBytes - sizeBytes }
    const read = [...(await broker.fetch(rest)).partitions]
    return { partitions: located.map((each) => each ?? read.shift()!) }
  }

  #nextFetch(): void {
    if (this.#isReading || this.#isClosed) this.#waitingForRoom.shift()?.()
  }

  #send(json: unknown, attachments: readonly Uint8Array[] = []): void {
    if (this.#isClosed || this.#isDismissed) return
    const connection = this.#connection
    if (connection.unsentBytes === 0) this.#heldBytes = 0
    const chunks = encodeFrame(json, attachments)
    if (attachments.length === 0) this.#heldBytes += chunks.reduce((sum, { length }) => sum + length, 0)
    connection.write(chunks)
    if (this.#heldBytes > MAX_HELD_BYTES) {
      this.#host.environment.process.emitWarning(
        `Process ${this.#who?.pid} does not read what it asked for (${connection.unsentBytes} bytes): it was cut off, and comes back when it runs again.`,
        'TIDEMARK_NEIGHBOUR_CUT_OFF',
      )
      connection.destroy()
    } else if (!this.#hasRoom) connection.pause()
  }

  #refuse(error: unknown): void {
    if (!(error instanceof FrameError || error instanceof ShapeError)) throw error
    this.dismiss(`What came is no message: ${error.message}.`)
  }

  #ended(): void {
    this.#hasEnded = true
    this.#endWhenDone()
  }

  /** It asks nothing more, and everything is answered. */
  #endWhenDone(): void {
    if (this.#hasEnded && this.#pending.size === 0 && this.#backlog.length === 0) this.#connection.end()
  }

  #closed(): void {
    this.#isClosed = true
    this.#unknownFor.cancel()
    this.#backlog.length = 0
    for (const wait of this.#pending.values()) wait.abort()
    for (const goOn of this.#waitingForRoom.splice(0)) goOn()
    this.#leaveGroups()
    this.#host.left(this)
  }

  /** As Kafka does for whoever says that it leaves: nobody waits for the end of a session of one who is dead. */
  #leaveGroups(): void {
    for (const farewell of this.#members.farewells()) {
      // Thrown out already, or the owner is closing.
      this.#host.broker.consumerGroupHeartbeat(farewell).catch(() => {})
    }
  }
}

function isApi(name: string): name is Api {
  return Object.hasOwn(PORT_SHAPES, name)
}

/** A broker believes the checksums of its own process. Those of others are looked at; all else it judges itself. */
async function produce(broker: Broker, { partitions, ...rest }: ProduceRequest): Promise<ProduceResponse> {
  const refused = new Map(partitions.filter(isCorrupt).map((each) => [each, notAppended(each, corruptBatch(each))]))
  const sound = partitions.filter((each) => !refused.has(each))
  const answers = [...(await broker.produce({ ...rest, partitions: sound })).partitions]
  return { partitions: partitions.map((each) => refused.get(each) ?? answers.shift()!) }
}

function isCorrupt({ records }: ProduceRequest['partitions'][number]): boolean {
  if (records.length < BATCH_HEADER_BYTES) return false
  const batch = new RecordBatch(Buffer.from(records.buffer, records.byteOffset, records.byteLength))
  return batch.findProblem('header') === null && batch.sizeBytes === records.length && !batch.isValid()
}

function corruptBatch({ topic, partition }: TopicPartition): TidemarkError {
  const message = `The checksum of the batch that was sent to ${topic}-${partition} is wrong: it was damaged on its way.`
  return new TidemarkError('CORRUPT_BATCH', message)
}

function asAnswer(error: unknown): TidemarkError {
  if (error instanceof ShapeError)
    return new TidemarkError('INVALID_ARGUMENT', `The request is not valid: ${error.message}.`)
  if (error instanceof FrameError) return new TidemarkError('MESSAGE_TOO_LARGE', `The answer is ${error.message}.`)
  const known = asDiskFailure(error, 'read or write')
  if (known instanceof TidemarkError) return known
  return new TidemarkError('STORAGE_ERROR', `The owner of the directory failed: ${String(error)}`)
}
