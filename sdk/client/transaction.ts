import { TidemarkError } from '../errors.ts'
import type { ClientContext } from './client-context.ts'
import { checkArgument, listOf, object } from './option-check.ts'
import type { RecordToSend, SentBatch, SentRecord } from './producer.ts'
import type { AnyTopic, Topic } from './topic.ts'
import type { TransactionalProducer } from './transactional-producer.ts'

/** How a transaction is run. */
export interface TransactionOptions {
  /**
   * How long it may be open, in milliseconds: then it is aborted, since readers of committed records wait for it. Default
   * 60,000, as Kafka's.
   */
  readonly timeoutMs?: number | undefined
}

/** What is sent through it becomes visible as a whole, to readers of committed records, or not at all. */
export class Transaction {
  readonly #context: ClientContext
  readonly #producer: TransactionalProducer
  #isOver = false

  /** @internal Made by `transaction`. */
  constructor(context: ClientContext, producer: TransactionalProducer) {
    this.#context = context
    this.#producer = producer
  }

  /**
   * Sends a record as a part of the transaction, to any topic of the same Tidemark object. It need not be awaited: the end of
   * the transaction waits for it, and fails where it failed. What it answers is where the record will be; it survives
   * nothing before the transaction is committed.
   * @throws {TidemarkError} as `topic.send`, PRODUCER_FENCED where the transaction took too long
   */
  send<N extends string, KO, VO, KI, VI>(
    topic: Topic<N, KO, VO, KI, VI>,
    record: RecordToSend<KI, VI>,
  ): Promise<SentRecord<N>> {
    return this.#noted(async () => {
      this.#check(topic, 'send(topic, { value: … })')
      return (await this.#producer.producer(topic).send(record as RecordToSend<never, never>)) as SentRecord<N>
    })
  }

  /**
   * Sends many records at once, cheaper than one by one. All of them are encoded before any is sent.
   * @throws {TidemarkError} as `send`
   */
  sendBatch<N extends string, KO, VO, KI, VI>(
    topic: Topic<N, KO, VO, KI, VI>,
    records: readonly RecordToSend<KI, VI>[],
  ): Promise<SentBatch<N>> {
    return this.#noted(async () => {
      const example = 'sendBatch(topic, [{ value: … }, { value: … }])'
      this.#check(topic, example)
      checkArgument('sendBatch', 'records', records, listOf('records', object('')), example)
      const sent = await this.#producer.producer(topic).sendBatch(records as readonly RecordToSend<never, never>[])
      return sent as SentBatch<N>
    })
  }

  /** @internal Nothing more can be sent through it. */
  end(): void {
    this.#isOver = true
  }

  #check(topic: AnyTopic, example: string): void {
    if (this.#isOver) {
      const message = 'The transaction is over: what its body sends has to be sent before the body ends.'
      throw new TidemarkError('CLOSED', message)
    }
    checkArgument('transaction', 'a topic', topic, object('a topic'), example)
    if ((topic as Partial<AnyTopic>).belongsTo?.(this.#context) === true) return
    throw new TidemarkError('INVALID_ARGUMENT', `A transaction sends to topics of its own Tidemark object: ${example}.`)
  }

  /** A send that fails fails the transaction, whether somebody awaits it or not. */
  #noted<T>(send: () => Promise<T>): Promise<T> {
    const sent = send()
    sent.catch((error: unknown) => this.#producer.fail(error))
    return sent
  }
}
