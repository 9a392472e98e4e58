import { TidemarkError } from '../errors.ts'
import type { ClientContext, Finishable } from './client-context.ts'
import { aFunction, checkArgument, checkOptions, type OptionKinds, wholeNumber } from './option-check.ts'
import { Transaction, type TransactionOptions } from './transaction.ts'
import { type InputOffsets, TransactionalProducer } from './transactional-producer.ts'

/** What a transaction is made of. */
export type TransactionBody<T> = (tx: Transaction) => T | PromiseLike<T>

/** Kafka's `transaction.timeout.ms`. */
const DEFAULT_TIMEOUT_MS = 60_000
const OPTION_KINDS: OptionKinds<TransactionOptions> = { timeoutMs: wholeNumber(1) }

/** How a transaction failed: the consumer must know whether it may still count. */
export interface TransactionFailure {
  readonly error: unknown
  readonly isUndecided: boolean
}

/** @throws {TidemarkError} INVALID_ARGUMENT */
export function checkTransaction(body: unknown, options: TransactionOptions): void {
  checkArgument(
    'transaction',
    'a body',
    body,
    aFunction,
    'transaction(async (tx) => { await tx.send(topic, { value }) })',
  )
  checkOptions('transaction', options, OPTION_KINDS)
}

/** Runs the transactions of one client, several at a time: each has a producer of its own, which are used again. */
export class Transactions implements Finishable {
  readonly #context: ClientContext
  readonly #idle: TransactionalProducer[] = []
  readonly #running = new Map<Transaction, TransactionalProducer>()
  #isClosed = false

  constructor(context: ClientContext) {
    this.#context = context
  }

  /**
   * @param input what it commits of a group; asked when everything is sent, and again where that is refused for now
   * @param failed told before it throws
   */
  async run<T>(
    body: TransactionBody<T>,
    options: TransactionOptions,
    input?: () => InputOffsets,
    failed: (failure: TransactionFailure) => void = () => {},
  ): Promise<T> {
    const producer = this.#take(options.timeoutMs ?? DEFAULT_TIMEOUT_MS)
    const tx = new Transaction(this.#context, producer)
    this.#running.set(tx, producer)
    try {
      await producer.ready()
      const result = await body(tx)
      tx.end()
      this.#checkOpen()
      await producer.commit(input)
      return result
    } catch (error) {
      tx.end()
      const { isUndecided } = producer
      // It may have been aborted already; if not, its timeout does.
      if (!isUndecided) await producer.abort().catch(() => {})
      failed({ error, isUndecided })
      throw error
    } finally {
      this.#running.delete(tx)
      this.#idle.push(producer)
    }
  }

  /** Aborts what is open: its body has not come to its end. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const [tx, producer] of this.#running) {
      tx.end()
      await producer.abort().catch(() => {})
    }
  }

  #checkOpen(): void {
    if (this.#isClosed)
      throw new TidemarkError('CLOSED', 'The directory was closed before the transaction was through.')
  }

  #take(timeoutMs: number): TransactionalProducer {
    const at = this.#idle.findIndex((producer) => producer.timeoutMs === timeoutMs)
    if (at >= 0) return this.#idle.splice(at, 1)[0]!
    return new TransactionalProducer(this.#context, timeoutMs)
  }
}
