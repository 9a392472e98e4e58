import type { LogRecord } from '../record/record-batch.ts'
import { BROKER_RESOURCE, TOPIC_RESOURCE } from '../topic/metadata-image.ts'
import type { MetadataRecord } from '../topic/metadata-record.ts'
import { decodeMetadataRecord } from '../topic/metadata-record-codec.ts'
import type { RecordMeaning } from './file-row.ts'

/** Kafka's names of the records that are not decoded here. */
const OTHERS: ReadonlyMap<number, string> = new Map([
  [0, 'RegisterBroker'],
  [1, 'UnregisterBroker'],
  [7, 'FenceBroker'],
  [8, 'UnfenceBroker'],
  [10, 'DelegationToken'],
  [11, 'UserScramCredential'],
  [14, 'ClientQuota'],
  [17, 'BrokerRegistrationChange'],
  [18, 'AccessControlEntry'],
  [19, 'RemoveAccessControlEntry'],
  [21, 'ZkMigrationState'],
  [22, 'RemoveUserScramCredential'],
  [26, 'RemoveDelegationToken'],
  [27, 'RegisterController'],
])

/** What the records of the metadata log say. Remembers names of topics, which only their first record has. */
export class MetadataMeaning {
  readonly #names: Map<string, string>

  constructor(names: ReadonlyMap<string, string>) {
    this.#names = new Map(names)
  }

  of({ value }: LogRecord): RecordMeaning {
    const record = decodeMetadataRecord(value)
    if (record.type === 'Topic') this.#names.set(record.topicId, record.name)
    const { type, ...fields } = record
    const name = record.type === 'Unknown' ? (OTHERS.get(record.apiKey) ?? type) : type
    return { type: name, words: this.#words(record), key: null, value: JSON.parse(JSON.stringify(fields)) }
  }

  #words(record: MetadataRecord): string {
    switch (record.type) {
      case 'Topic':
        return `topic ${record.name} is created, with id ${record.topicId}`
      case 'RemoveTopic':
        return `topic ${this.#topic(record.topicId)} is deleted`
      case 'Partition': {
        const { leader, leaderEpoch, replicas } = record
        return `${this.#partition(record)}: led by ${leader} in epoch ${leaderEpoch}, on ${replicas.join(', ')}`
      }
      case 'PartitionChange': {
        const { type: _, partition: __, topicId: ___, ...changes } = record
        const parts = Object.entries(changes).flatMap(([name, value]) =>
          value === undefined ? [] : [`${name} ${JSON.stringify(value)}`],
        )
        return `${this.#partition(record)} changes: ${parts.join(', ')}`
      }
      case 'Config': {
        const { resourceType, resourceName, name, value } = record
        const kind =
          { [TOPIC_RESOURCE]: 'topic', [BROKER_RESOURCE]: 'broker' }[resourceType] ?? `resource ${resourceType}`
        const whose = `${kind} ${resourceName === '' ? '(all)' : resourceName}`
        return value === null ? `${whose}: ${name} is no longer set` : `${whose}: ${name} = ${value}`
      }
      case 'FeatureLevel':
        return `${record.name} is at level ${record.level}`
      case 'ProducerIds':
        return `producer ids below ${record.nextProducerId} are handed out, by broker ${record.brokerId}`
      case 'NoOp':
        return 'nothing'
      case 'BeginTransaction':
        return `a transaction begins${record.name === null ? '' : `: ${record.name}`}`
      case 'EndTransaction':
        return 'the transaction ends, and counts'
      case 'AbortTransaction':
        return `the transaction is given up${record.reason === null ? '' : `: ${record.reason}`}`
      case 'ClearElr':
        return `eligible leaders of ${record.topic === '' ? 'all topics' : record.topic} are forgotten`
      case 'Unknown':
        return `${OTHERS.get(record.apiKey) ?? `a record with api key ${record.apiKey}`}, which is not decoded`
    }
  }

  #topic(topicId: string): string {
    return this.#names.get(topicId) ?? topicId
  }

  #partition({ topicId, partition }: { readonly topicId: string; readonly partition: number }): string {
    return `${this.#topic(topicId)}-${partition}`
  }
}
