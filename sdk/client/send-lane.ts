import type { Broker, ProduceRequest, TopicPartition } from '../broker/broker.ts'
import { fromPartitionError } from '../broker/partition-error.ts'
import { TidemarkError } from '../errors.ts'
import { stampProducer } from '../record/batch-stamp.ts'
import { sequenceAfter } from '../record/sequence.ts'
import type { Breath } from './breath.ts'
import type { BatchReceipt, PendingBatch } from './pending-batch.ts'
import type { ProducerIdentity } from './send-lanes.ts'

/** Kafka's `max.in.flight.requests.per.connection`: of its last five batches a broker knows when it gets one again. */
const MAX_IN_FLIGHT = 5
const LAST_EPOCH = 0x7fff

/** Of a lane's client: gets a new identity where epochs have run out. */
interface Idempotent {
  readonly renew: () => Promise<ProducerIdentity>
}

/** Of a lane of transactions, which fail as a whole and are then begun anew. */
interface Transactional {
  readonly transactionalId: string
  readonly sending: () => void
  readonly failed: (error: unknown) => void
}

interface Failure {
  readonly batch: PendingBatch
  /** Its place in the order of sending. */
  readonly number: number
  /** Whether it began an epoch of this lane's own, so that nothing before it can be missing. */
  readonly beganEpoch: boolean
  readonly error: unknown
}

/**
 * The way of one client's batches to one partition. They are numbered in the order in which they go, at most five are under
 * way, and none overtakes another: where one fails, the broker refuses those behind it, and they go again.
 */
export class SendLane {
  readonly #broker: Broker
  readonly #place: TopicPartition
  readonly #kind: Idempotent | Transactional
  readonly #breath: Breath
  #identity: ProducerIdentity
  #nextSequence = 0
  #isFirstEpoch = true
  /** A broker takes any sequence from who has nothing in the partition yet: what goes first has to arrive first. */
  #isKnown = false
  #sent = 0
  /** Numbers of batches without an answer, in order. */
  readonly #inFlight = new Set<number>()
  /** To be sent again. */
  readonly #again: PendingBatch[] = []
  #failures: Failure[] = []
  readonly #waiting = new Set<() => void>()

  constructor(
    broker: Broker,
    place: TopicPartition,
    identity: ProducerIdentity,
    { breath, ...kind }: (Idempotent | Transactional) & { readonly breath: Breath },
  ) {
    this.#broker = broker
    this.#place = place
    this.#identity = identity
    this.#kind = kind
    this.#breath = breath
  }

  /** A new transaction, when nothing of the one before is under way. An epoch of its own begins with sequence 0. */
  restart(identity: ProducerIdentity): void {
    const { producerId, producerEpoch } = this.#identity
    if (producerId === identity.producerId && producerEpoch === identity.producerEpoch) return
    if (producerId !== identity.producerId) this.#isKnown = false
    this.#identity = identity
    this.#nextSequence = 0
  }

  /** Whether a batch may be sent now. */
  get isFree(): boolean {
    return this.#again.length === 0 && this.#mayGo
  }

  /** However few are under way: the broker must still know the oldest of them, should it come again. */
  get #mayGo(): boolean {
    const [oldest = this.#sent] = this.#inFlight
    return this.#sent - oldest < (this.#isKnown ? MAX_IN_FLIGHT : 1) && this.#failures.length === 0
  }

  /** Calls back once when a batch may be sent; it is not free now. */
  whenFree(callback: () => void): void {
    this.#waiting.add(callback)
  }

  /** Sends a batch now and tells it the answer. */
  send(batch: PendingBatch): void {
    void this.#produce(batch)
  }

  async #produce(batch: PendingBatch): Promise<void> {
    const number = this.#sent++
    const beganEpoch = this.#nextSequence === 0 && !this.#isFirstEpoch
    this.#inFlight.add(number)
    try {
      const records = this.#number(batch)
      const request = { partitions: [{ ...this.#place, records }] }
      const receipt = this.#receipt(await this.#broker.produce(this.#inTransaction(request)))
      this.#isKnown = true
      // Who sends one after the other, not waiting for the disk, would keep timers and other processes waiting.
      const breath = this.#breath.take()
      if (breath !== undefined) await breath
      batch.resolve(receipt)
    } catch (error) {
      this.#failures.push({ batch, number, beganEpoch, error })
    }
    this.#inFlight.delete(number)
    if (this.#failures.length > 0 && this.#inFlight.size === 0) await this.#settle()
    this.#goOn()
  }

  #inTransaction(request: ProduceRequest): ProduceRequest {
    if ('renew' in this.#kind) return request
    this.#kind.sending()
    return { ...request, transactionalId: this.#kind.transactionalId }
  }

  #number(batch: PendingBatch): Buffer {
    const records = batch.bytes!
    stampProducer(records, { ...this.#identity, baseSequence: this.#nextSequence })
    this.#nextSequence = sequenceAfter(this.#nextSequence, batch.recordCount)
    return records
  }

  #receipt({ partitions: [answer] }: Awaited<ReturnType<Broker['produce']>>): BatchReceipt {
    if (answer?.error === null) return answer
    if (answer !== undefined) throw fromPartitionError(answer.error!, this.#place)
    throw new TidemarkError('STORAGE_ERROR', 'The broker did not answer for the batch.', this.#place)
  }

  /**
   * Everything is answered, and something failed. Whether that is in the log may be unknown, so the rest goes on in a new
   * epoch: should it still be on its way, it comes too late. What was refused for want of a batch before it goes again.
   */
  async #settle(): Promise<void> {
    if (!('renew' in this.#kind)) {
      for (const { error } of this.#failures) this.#kind.failed(error)
      for (const { batch, error } of this.#failures.splice(0)) batch.reject(error)
      return
    }
    const failures = this.#failures.sort((one, other) => one.number - other.number)
    const isMissed = ({ error, beganEpoch }: Failure) =>
      error instanceof TidemarkError && error.code === 'OUT_OF_ORDER_SEQUENCE' && !beganEpoch
    for (const failure of failures) if (!isMissed(failure)) failure.batch.reject(failure.error)
    const missed = failures.filter(isMissed).map(({ batch }) => batch)
    try {
      this.#identity = await this.#nextIdentity(this.#kind)
      this.#nextSequence = 0
      this.#isFirstEpoch = false
      this.#again.push(...missed)
    } catch (error) {
      for (const batch of missed) batch.reject(error)
    }
    this.#failures = []
  }

  async #nextIdentity({ renew }: Idempotent): Promise<ProducerIdentity> {
    const { producerId, producerEpoch } = this.#identity
    if (producerEpoch < LAST_EPOCH) return { producerId, producerEpoch: producerEpoch + 1 }
    this.#isKnown = false
    return await renew()
  }

  #goOn(): void {
    while (this.#again.length > 0 && this.#mayGo) this.send(this.#again.shift()!)
    if (!this.isFree) return
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const callback of waiting) callback()
  }
}
