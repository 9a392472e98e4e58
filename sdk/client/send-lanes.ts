import type { Broker } from '../broker/broker.ts'
import type { Environment } from '../environment/environment.ts'
import { Breath } from './breath.ts'
import { SendLane } from './send-lane.ts'

/** Who sends: batches with the same id and epoch are told apart by their sequences. */
export interface ProducerIdentity {
  readonly producerId: number
  readonly producerEpoch: number
}

/** For whoever has no transactions. */
const NO_TIMEOUT_MS = -1

/** Where a queue gets the lanes that its batches take. */
export interface LaneSource {
  /** Set where batches are parts of transactions. */
  readonly transactionalId?: string
  /** Resolves when `lane` can be used. @throws {TidemarkError} what the broker says, such as READ_ONLY */
  ready(): Promise<void>
  lane(topic: string, partition: number): SendLane
}

/** The lanes of one client to every partition it sends to. They share one producer id, got when the first is needed. */
export class SendLanes implements LaneSource {
  readonly #broker: Broker
  readonly #breath: Breath
  readonly #lanes = new Map<string, SendLane[]>()
  #identity: ProducerIdentity | undefined
  #asking: Promise<ProducerIdentity> | undefined

  constructor(broker: Broker, environment: Environment) {
    this.#broker = broker
    this.#breath = new Breath({ broker, environment })
  }

  async ready(): Promise<void> {
    if (this.#identity !== undefined) return
    this.#asking ??= this.#ask()
    try {
      this.#identity = await this.#asking
    } finally {
      this.#asking = undefined
    }
  }

  lane(topic: string, partition: number): SendLane {
    const lanes = this.#lanes.get(topic) ?? []
    this.#lanes.set(topic, lanes)
    lanes[partition] ??= new SendLane(this.#broker, { topic, partition }, this.#identity!, {
      renew: () => this.#ask(),
      breath: this.#breath,
    })
    return lanes[partition]
  }

  #ask(): Promise<ProducerIdentity> {
    return this.#broker.initProducerId({ transactionalId: null, transactionTimeoutMs: NO_TIMEOUT_MS })
  }
}
