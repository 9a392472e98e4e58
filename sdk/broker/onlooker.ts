import { findOwner } from '../directory/directory-owner.ts'
import type { Environment } from '../environment/environment.ts'
import { TidemarkError } from '../errors.ts'
import { ConnectionLost } from './connection-lost.ts'
import { Follower } from './follower.ts'
import { ask, ForwardingBroker } from './forwarding-broker.ts'
import { Neighbour } from './neighbour.ts'
import type { AnswerOf, Api, RequestOf } from './port-shapes.ts'

/** What an owner is asked. All else goes to the follower, which refuses it. */
const LOOKS: ReadonlySet<Api> = new Set<Api>([
  'consumerGroupDescribe',
  'countRecords',
  'describeCluster',
  'describeConfigs',
  'fetch',
  'listGroups',
  'listOffsets',
  'metadata',
  'offsetFetch',
  'offsetForLeaderEpoch',
])
/** Who could not be asked is tried again after this, and after so many times of what it took to find out. */
const RETRY_MS = 500
const RETRY_PART = 5

/**
 * The broker of a directory that is only looked at: its owner answers, from memory, while there is one that answers, and
 * else its files do. A guest that holds up nobody: it never takes the directory, writes nothing, and is nobody's neighbour.
 */
export class Onlooker extends ForwardingBroker {
  readonly kind = 'follower'
  readonly createsTopics = false
  readonly servesOthers = false
  readonly #environment: Environment
  readonly #path: string
  /** Opened when it is first needed, which looks at every partition's directory. */
  #follower: Follower | undefined
  #owner: Neighbour | undefined
  #connecting: Promise<void> | undefined
  #tryAgainAtMs = Number.NEGATIVE_INFINITY
  readonly #interrupt = new AbortController()

  /** Whether the directory can be read is found out by the first request. */
  constructor(environment: Environment, path: string) {
    super()
    this.#environment = environment
    this.#path = path
  }

  /** Whether it is the owner that answers; else the files do. */
  get hasOwner(): boolean {
    return this.#owner !== undefined
  }

  /**
   * Process id of who has the directory open for writing; null: nobody has; undefined: it cannot be told.
   * @throws {TidemarkError} UNSUPPORTED, STORAGE_ERROR.
   */
  get ownerPid(): number | null | undefined {
    if (this.#owner !== undefined) return this.#owner.ownerPid
    const holder = findOwner(this.#environment, this.#path)
    return holder === undefined ? null : holder.pid
  }

  async close(): Promise<void> {
    this.#interrupt.abort()
    await this.#connecting
    await Promise.all([this.#owner?.close(), this.#follower?.close()])
  }

  protected async request<A extends Api>(api: A, request: RequestOf<A>): Promise<AnswerOf<A>> {
    if (LOOKS.has(api)) {
      await this.#connect()
      const owner = this.#owner
      const beganMs = this.#environment.clock.monotonicMs()
      try {
        if (owner !== undefined) return await ask(owner, api, request)
      } catch (error) {
        // What it says is wrong the files say too, or know better.
        if (error instanceof ConnectionLost) this.#lost(owner, beganMs)
      }
    }
    // The owner was asked just now, or before, and did not answer.
    if (api === 'describeCluster') return this.#files().describeUnasked() as AnswerOf<A>
    return await ask(this.#files(), api, request)
  }

  /** @throws {TidemarkError} NOT_A_DATA_DIRECTORY, STORAGE_ERROR, CLOSED. */
  #files(): Follower {
    if (this.#follower !== undefined) return this.#follower
    if (this.#interrupt.signal.aborted) throw new TidemarkError('CLOSED', `${this.#path} has been closed.`)
    this.#follower = Follower.open(this.#environment, this.#path)
    this.#follower.onTopicsChanged((names) => this.watchers.tell(names))
    return this.#follower
  }

  async #connect(): Promise<void> {
    const { clock } = this.#environment
    if (this.#owner !== undefined || this.#interrupt.signal.aborted) return
    if (this.#connecting === undefined && clock.monotonicMs() < this.#tryAgainAtMs) return
    this.#connecting ??= this.#tryOnce().finally(() => {
      this.#connecting = undefined
    })
    await this.#connecting
  }

  async #tryOnce(): Promise<void> {
    const { clock } = this.#environment
    const beganMs = clock.monotonicMs()
    this.#owner = await Neighbour.visit(this.#environment, this.#path, this.#interrupt.signal)
    this.#owner?.onTopicsChanged((names) => this.watchers.tell(names))
    if (this.#owner === undefined) this.#lost(undefined, beganMs)
  }

  /** Several requests may find out. */
  #lost(owner: Neighbour | undefined, sinceMs: number): void {
    if (owner !== this.#owner) return
    this.#owner = undefined
    const nowMs = this.#environment.clock.monotonicMs()
    this.#tryAgainAtMs = nowMs + Math.max(RETRY_MS, RETRY_PART * (nowMs - sinceMs))
  }
}
