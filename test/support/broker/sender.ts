import type { Broker, InitProducerIdResponse } from '../../../sdk/broker/broker.ts'
import { fromPartitionError } from '../../../sdk/broker/partition-error.ts'
import { AbortedTransactions } from '../../../sdk/client/aborted-transactions.ts'
import { batch, batchesOf, fetch } from './requests.ts'

const MINUTE_MS = 60_000

/** One producer's transactions, as a client sends them. */
export class Sender {
  readonly broker: Broker
  readonly id: string
  producer: InitProducerIdResponse
  #sequences = new Map<string, number>()

  private constructor(broker: Broker, id: string, producer: InitProducerIdResponse) {
    this.broker = broker
    this.id = id
    this.producer = producer
  }

  static async begin(broker: Broker, id = 'tx', transactionTimeoutMs = MINUTE_MS): Promise<Sender> {
    return new Sender(broker, id, await broker.initProducerId({ transactionalId: id, transactionTimeoutMs }))
  }

  async send(value: string, topic = 't', partition = 0): Promise<number> {
    const place = `${topic}-${partition}`
    const baseSequence = this.#sequences.get(place) ?? 0
    const { producerId, producerEpoch } = this.producer
    const records = batch([value], { producerId, producerEpoch, baseSequence, isTransactional: true })
    const request = { transactionalId: this.id, partitions: [{ topic, partition, records }] }
    const { error, baseOffset } = (await this.broker.produce(request)).partitions[0]!
    if (error !== null) throw fromPartitionError(error)
    this.#sequences.set(place, baseSequence + 1)
    return baseOffset
  }

  async commitOffset(group: string, offset: number, memberId = '', memberEpoch = -1): Promise<void> {
    const offsets = [{ topic: 't', partition: 0, offset, leaderEpoch: -1, metadata: '' }]
    const request = { transactionalId: this.id, ...this.producer, group, memberId, memberEpoch, offsets }
    for (const { error } of (await this.broker.txnOffsetCommit(request)).partitions) {
      if (error !== null) throw fromPartitionError(error)
    }
  }

  async end(result: 'commit' | 'abort', broker = this.broker): Promise<void> {
    this.producer = await broker.endTxn({ transactionalId: this.id, ...this.producer, result })
    this.#sequences.clear()
  }
}

/** What a reader of committed records gets. */
export async function visible(broker: Broker, topic = 't', partition = 0): Promise<string[]> {
  const values: string[] = []
  for (let offset = 0; ; ) {
    const answer = await fetch(broker, topic, { isolation: 'read_committed', offset, partition })
    if (answer.error !== null) throw fromPartitionError(answer.error)
    const aborted = new AbortedTransactions(answer.abortedTransactions)
    const batches = batchesOf(answer)
    for (const each of batches) {
      if (!aborted.covers(each) && !each.isControl) values.push(...each.records().map(({ value }) => String(value)))
    }
    if (batches.length === 0) return values
    offset = batches.at(-1)!.nextOffset
  }
}
