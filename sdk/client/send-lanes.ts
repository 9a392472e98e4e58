import type { Broker } from '../broker/broker.ts'
import type { Environment } from '../environment/environment.ts'
import { Breath } from './breath.ts'
import { SendLane } from './send-lane.ts'

/** Who sends: batches with the same id and epoch are told apart by their sequences. */
export interface ProducerIdentity {
  readonly producerId: number
  readonly producerEpoch: number
}

/** The lanes of one client to every partition it sends to. They share one producer id, got when the first is needed. */
export class SendLanes {
  readonly #broker: Broker
  readonly #breath: Breath
  readonly #lanes = new Map<string, SendLane[]>()
  #identity: ProducerIdentity | undefined
  #asking: Promise<ProducerIdentity> | undefined

  constructor(broker: Broker, environment: Environment) {
    this.#broker = broker
    this.#breath = new Breath(environment)
  }

  /** Resolves when lanes can be used. @throws {TidemarkError} what the broker says, such as READ_ONLY */
  async ready(): Promise<void> {
    if (this.#identity !== undefined) return
    this.#asking ??= this.#ask()
    try {
      this.#identity = await this.#asking
    } finally {
      this.#asking = undefined
    }
  }

  /** Once `ready`. */
  lane(topic: string, partition: number): SendLane {
    const lanes = this.#lanes.get(topic) ?? []
    this.#lanes.set(topic, lanes)
    lanes[partition] ??= new SendLane(this.#broker, { topic, partition }, this.#identity!, {
      askIdentity: () => this.#ask(),
      breath: this.#breath,
    })
    return lanes[partition]
  }

  #ask(): Promise<ProducerIdentity> {
    return this.#broker.initProducerId({ transactionalId: null })
  }
}
