import type { Broker, TxnOffsetCommitRequest } from '../broker/broker.ts'
import { fromPartitionError } from '../broker/partition-error.ts'
import { TidemarkError } from '../errors.ts'
import { randomUuid } from '../record/uuid.ts'
import { Breath } from './breath.ts'
import type { ClientContext } from './client-context.ts'
import { pause } from './pause.ts'
import type { Producer } from './producer.ts'
import { SendLane } from './send-lane.ts'
import type { LaneSource, ProducerIdentity } from './send-lanes.ts'
import type { AnyTopic } from './topic.ts'

/** What a transaction commits of a group. */
export type InputOffsets = Pick<TxnOffsetCommitRequest, 'group' | 'memberId' | 'memberEpoch' | 'offsets'>

const OFFSETS_RETRY_MS = 100
const OFFSETS_ATTEMPTS = 5
/** Handles made for one call each must not be kept for ever. */
const MAX_PRODUCERS = 64

/** Sends in transactions, one after the other, under a transactional id of its own. */
export class TransactionalProducer implements LaneSource {
  readonly timeoutMs: number
  readonly transactionalId: string
  readonly #context: ClientContext
  readonly #breath: Breath
  readonly #broker: Broker
  readonly #lanes = new Map<string, SendLane>()
  readonly #producers = new Map<AnyTopic, Producer<string, never, never>>()
  #identity: ProducerIdentity | undefined
  /** The first thing of this transaction that went wrong. */
  #failure: { readonly error: unknown } | undefined
  /** Whether the broker may know of the transaction. */
  #isBegun = false
  /** It is asked to be committed, and nobody has said whether it is. */
  isUndecided = false

  constructor(context: ClientContext, timeoutMs: number) {
    this.#context = context
    this.#breath = new Breath(context)
    this.#broker = context.broker
    this.timeoutMs = timeoutMs
    this.transactionalId = `${context.clientId}-${randomUuid(context.environment.random)}`
  }

  /** For the first transaction, and after one that failed. */
  async ready(): Promise<void> {
    this.isUndecided = false
    if (this.#identity !== undefined) return
    const { transactionalId, timeoutMs } = this
    this.#use(await this.#broker.initProducerId({ transactionalId, transactionTimeoutMs: timeoutMs }))
  }

  lane(topic: string, partition: number): SendLane {
    const name = `${topic}-${partition}`
    const known = this.#lanes.get(name)
    if (known !== undefined) return known
    const lane = new SendLane(this.#broker, { topic, partition }, this.#identity!, {
      transactionalId: this.transactionalId,
      sending: () => {
        this.#isBegun = true
      },
      failed: (error) => this.fail(error),
      breath: this.#breath,
    })
    this.#lanes.set(name, lane)
    return lane
  }

  /** Of a topic handle: what it sends is a part of the transaction. */
  producer(topic: AnyTopic): Producer<string, never, never> {
    const known = this.#producers.get(topic)
    if (known !== undefined) return known
    const producer = topic.producerIn(this)
    this.#producers.set(topic, producer)
    return producer
  }

  /** The transaction cannot be committed any more. */
  fail(error: unknown): void {
    this.#failure ??= { error }
  }

  /**
   * Everything sent, and the offsets, count from now on.
   * @throws {TidemarkError} the first failure of a send, or what kept it from being committed; `isUndecided` then says whether
   *   it may be committed all the same
   */
  async commit(input: (() => InputOffsets) | undefined): Promise<void> {
    await this.#sent()
    if (input !== undefined) await this.#commitOffsets(input)
    if (!this.#isBegun) return
    try {
      this.isUndecided = true
      await this.#end('commit')
      this.isUndecided = false
    } catch (error) {
      if (wasAborted(error)) this.isUndecided = false
      throw error
    }
  }

  /** Nothing counts. */
  async abort(): Promise<void> {
    await this.#sent().catch(() => {})
    if (this.#isBegun) await this.#end('abort').finally(() => this.#forgetIdentity())
    else this.#forgetIdentity()
  }

  /** What failed may still be on its way: the next transaction begins with an epoch that nothing of this one has. */
  #forgetIdentity(): void {
    if (this.#failure !== undefined) this.#identity = undefined
    this.#failure = undefined
  }

  /** Resolves when what was handed over is answered. */
  async #sent(): Promise<void> {
    for (const producer of this.#producers.values()) await producer.flush()
    if (this.#producers.size > MAX_PRODUCERS) {
      for (const producer of this.#producers.values()) await producer.close()
      this.#producers.clear()
    }
    if (this.#failure !== undefined) throw this.#failure.error
  }

  /** A member may be told of its next epoch while it asks: it asks again. */
  async #commitOffsets(input: () => InputOffsets): Promise<void> {
    this.#isBegun = true
    for (let attempt = 1; ; attempt++) {
      const offsets = input()
      try {
        return await this.#commitOffsetsOnce(offsets)
      } catch (error) {
        const isOutdated = error instanceof TidemarkError && error.code === 'STALE_MEMBER_EPOCH'
        if (!isOutdated || attempt === OFFSETS_ATTEMPTS) throw error
        await pause(this.#context.environment.timers, OFFSETS_RETRY_MS)
      }
    }
  }

  async #commitOffsetsOnce(input: InputOffsets): Promise<void> {
    const { transactionalId } = this
    const { partitions } = await this.#broker.txnOffsetCommit({ ...input, transactionalId, ...this.#identity! })
    for (const { topic, partition, error } of partitions) {
      if (error !== null) throw fromPartitionError(error, { topic, partition })
    }
  }

  async #end(result: 'commit' | 'abort'): Promise<void> {
    const identity = this.#identity!
    // Until it is answered, nobody knows.
    this.#identity = undefined
    this.#isBegun = false
    this.#use(await this.#broker.endTxn({ transactionalId: this.transactionalId, ...identity, result }))
  }

  #use(identity: ProducerIdentity): void {
    this.#identity = { producerId: identity.producerId, producerEpoch: identity.producerEpoch }
    for (const lane of this.#lanes.values()) lane.restart(this.#identity)
  }
}

/** Whether an answer says that the transaction was aborted; another error leaves open how it ended. */
function wasAborted(error: unknown): boolean {
  return error instanceof TidemarkError && (error.code === 'PRODUCER_FENCED' || error.code === 'INVALID_TXN_STATE')
}
