import type { Broker } from '../broker/broker.ts'
import type { Environment } from '../environment/environment.ts'
import { TidemarkError } from '../errors.ts'
import type { Logger } from './logger.ts'
import { SendLanes } from './send-lanes.ts'
import { Transactions } from './transactions.ts'

export interface ClientOptions {
  readonly broker: Broker
  readonly environment: Environment
  /** Who this is, for whoever describes the group. Default 'tidemark'. */
  readonly clientId?: string
  /** Where this runs, as Kafka prints it. Default '/127.0.0.1'. */
  readonly clientHost?: string
  /** Told of partitions that come and go. */
  readonly logger?: Logger | undefined
}

/** What has to be finished before a broker goes. */
export interface Finishable {
  /** Resolves when nothing of it is left to do. Safe to call twice. */
  close(): Promise<void>
}

const UNANSWERED_SENDS = 'What was sent and not acknowledged may be stored or not: look before you send it again.'

/** What every public object of one opened directory or cluster shares, and the list of those still at work. */
export class ClientContext {
  readonly broker: Broker
  readonly environment: Environment
  readonly clientId: string
  readonly clientHost: string
  readonly logger: Logger | undefined
  /** Shared by all handles of a topic: what they send to a partition is one sequence. */
  readonly lanes: SendLanes
  readonly transactions: Transactions
  readonly #producers = new Set<Finishable>()
  readonly #consumers = new Set<Finishable>()
  readonly #draining = new Map<Finishable, string>()
  readonly #leaving = new Map<string, Set<Promise<void>>>()
  #isClosed = false

  constructor(options: ClientOptions) {
    this.broker = options.broker
    this.environment = options.environment
    this.clientId = options.clientId ?? 'tidemark'
    this.clientHost = options.clientHost ?? '/127.0.0.1'
    this.logger = options.logger
    this.lanes = new SendLanes(options.broker, options.environment)
    this.transactions = new Transactions(this)
    this.#producers.add(this.transactions)
  }

  /** The broker, for a call that begins now. A directory may be open a second time, so the broker itself cannot tell. */
  get openBroker(): Broker {
    this.checkOpen()
    return this.broker
  }

  /** @throws {TidemarkError} CLOSED once `close` was called */
  checkOpen(): void {
    if (this.#isClosed) throw new TidemarkError('CLOSED', 'This Tidemark object was closed. Call open() again.')
  }

  addProducer(producer: Finishable): void {
    this.#producers.add(producer)
  }

  addConsumer(consumer: Finishable): void {
    this.#consumers.add(consumer)
  }

  removeConsumer(consumer: Finishable): void {
    this.#consumers.delete(consumer)
    this.#draining.delete(consumer)
  }

  /** The loop of a consumer has ended, and it keeps its partitions until the rest is done or committed. */
  drains(group: string, consumer: Finishable): void {
    this.#draining.set(consumer, group)
  }

  hasDraining(group: string): boolean {
    return [...this.#draining.values()].includes(group)
  }

  /** A consumer is about to leave its group, and its partitions to others. */
  leaves(group: string, left: Promise<void>): void {
    const leaving = this.#leaving.get(group) ?? new Set()
    this.#leaving.set(group, leaving.add(left))
    const forget = () => {
      leaving.delete(left)
      if (leaving.size === 0) this.#leaving.delete(group)
    }
    left.then(forget, forget)
  }

  /** Resolves when those have left; undefined where there are none. */
  whenLeft(group: string): Promise<unknown> | undefined {
    const leaving = this.#leaving.get(group)
    return leaving === undefined ? undefined : Promise.allSettled(leaving)
  }

  /**
   * For what is waited for at the end, when whoever is to answer may be stopped.
   * @param unanswered what follows from that
   * @throws {TidemarkError} REQUEST_TIMED_OUT; what was asked may still be done
   */
  async unlessSilent<T>(answered: Promise<T>, unanswered = ''): Promise<T> {
    const silent = Promise.withResolvers<never>()
    const stop = this.broker.onSilence(() => {
      const message = `The process that owns the directory does not answer: it is stopped, or busy without a pause. ${unanswered}`
      // What is answered already needs a moment to say so.
      void this.environment.timers.yield().then(() => silent.reject(new TidemarkError('REQUEST_TIMED_OUT', message)))
    })
    try {
      return await Promise.race([answered, silent.promise])
    } finally {
      stop()
    }
  }

  /**
   * Sends what was handed to `send`, then closes every consumer: what was processed is committed, the groups are left.
   * In this order, since what a loop sends belongs to what it commits. Rejects with the first failure, when all is done or,
   * where nobody answers for seconds, given up; the others are warned of.
   */
  async close(): Promise<void> {
    this.#isClosed = true
    const flushed = Promise.allSettled([...this.#producers].map((producer) => producer.close()))
    const sent = await this.unlessSilent(flushed, UNANSWERED_SENDS).catch((reason: unknown) => [
      { status: 'rejected' as const, reason },
    ])
    const left = await Promise.allSettled([...this.#consumers].map((consumer) => consumer.close()))
    const failures = [...sent, ...left].filter((result) => result.status === 'rejected')
    for (const { reason } of failures.slice(1)) {
      this.environment.process.emitWarning(`Closing failed in part: ${String(reason)}`, 'TIDEMARK_CLOSE_FAILED')
    }
    if (failures[0] !== undefined) throw failures[0].reason
  }
}
