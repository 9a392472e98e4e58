import type { Broker, TopicsChanged } from './broker.ts'
import type { AnswerOf, Api, RequestOf } from './port-shapes.ts'
import { Silence } from './silence.ts'
import { TopicWatchers } from './topic-watchers.ts'

/** A broker that hands every request on in the same way. */
export abstract class ForwardingBroker implements Broker {
  abstract readonly kind: Broker['kind']
  abstract readonly createsTopics: boolean
  abstract readonly servesOthers: boolean
  abstract close(): Promise<void>
  protected abstract request<A extends Api>(api: A, request: RequestOf<A>): Promise<AnswerOf<A>>
  protected readonly watchers = new TopicWatchers()
  protected readonly silence = new Silence()

  readonly describeCluster = this.#forward('describeCluster')
  readonly metadata = this.#forward('metadata')
  readonly createTopics = this.#forward('createTopics')
  readonly createPartitions = this.#forward('createPartitions')
  readonly deleteTopics = this.#forward('deleteTopics')
  readonly describeConfigs = this.#forward('describeConfigs')
  readonly incrementalAlterConfigs = this.#forward('incrementalAlterConfigs')
  readonly initProducerId = this.#forward('initProducerId')
  readonly produce = this.#forward('produce')
  readonly endTxn = this.#forward('endTxn')
  readonly fetch = this.#forward('fetch')
  readonly listOffsets = this.#forward('listOffsets')
  readonly offsetForLeaderEpoch = this.#forward('offsetForLeaderEpoch')
  readonly countRecords = this.#forward('countRecords')
  readonly consumerGroupHeartbeat = this.#forward('consumerGroupHeartbeat')
  readonly listGroups = this.#forward('listGroups')
  readonly consumerGroupDescribe = this.#forward('consumerGroupDescribe')
  readonly deleteGroups = this.#forward('deleteGroups')
  readonly offsetCommit = this.#forward('offsetCommit')
  readonly txnOffsetCommit = this.#forward('txnOffsetCommit')
  readonly offsetFetch = this.#forward('offsetFetch')
  readonly offsetDelete = this.#forward('offsetDelete')
  readonly alterConsumerGroupOffsets = this.#forward('alterConsumerGroupOffsets')

  onTopicsChanged(changed: TopicsChanged): () => void {
    return this.watchers.add(changed)
  }

  onSilence(begun: () => void): () => void {
    return this.silence.on(begun)
  }

  #forward<A extends Api>(api: A): (request: RequestOf<A>) => Promise<AnswerOf<A>> {
    return (request) => this.request(api, request)
  }
}

/** A request by its name. */
export function ask<A extends Api>(broker: Broker, api: A, request: RequestOf<A>): Promise<AnswerOf<A>> {
  return (broker[api] as (request: RequestOf<A>) => Promise<AnswerOf<A>>)(request)
}
