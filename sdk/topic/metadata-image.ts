import { TidemarkError } from '../errors.ts'
import type { RecordBatch } from '../record/record-batch.ts'
import type { ControlRecord, Voter, VoterId } from './control-record.ts'
import { decodeControlBatch, decodeMetadataBatch } from './metadata-batch.ts'
import type { MetadataRecord } from './metadata-record.ts'
import type { MetadataSnapshot } from './metadata-snapshot.ts'
import { changedPartition, type PartitionImage, partitionImage, type TopicImage } from './topic-image.ts'
import { topicNameProblem } from './topic-name.ts'

/** Kafka's numbers of what a config belongs to. */
export const TOPIC_RESOURCE = 2
export const BROKER_RESOURCE = 4

const NO_CONFIGS: ReadonlyMap<string, string> = new Map()

interface Topic extends TopicImage {
  readonly partitions: Map<number, PartitionImage>
}

/**
 * What the metadata log says: topics, their partitions and configs, features. State comes only from replaying a snapshot
 * and then the log, at start and live alike. Records of a transaction count from its end record on.
 */
export class MetadataImage {
  readonly #byId = new Map<string, Topic>()
  readonly #byName = new Map<string, Topic>()
  readonly #configs = new Map<string, Map<string, string>>()
  readonly #features = new Map<string, number>()
  readonly #unknown = new Map<number, number>()
  #transaction: MetadataRecord[] | null = null
  #replayedOffset = -1
  #appliedOffset = -1
  #raftEpoch = 0
  #nextProducerId = 0
  #voters: readonly Voter[] = []
  #kraftVersion = 0
  #leaderVoters: readonly VoterId[] = []

  /** The image a snapshot describes; the log goes on at its end offset. */
  static of(snapshot: MetadataSnapshot): MetadataImage {
    const image = new MetadataImage()
    for (const record of snapshot.controlRecords) image.#applyControl(record)
    for (const record of snapshot.records) image.#take(record)
    image.#raftEpoch = snapshot.epoch
    image.#replayedOffset = snapshot.endOffset - 1
    image.#appliedOffset = snapshot.endOffset - 1
    return image
  }

  /** The last offset replayed, −1 before the first. The log goes on behind it. */
  get replayedOffset(): number {
    return this.#replayedOffset
  }

  /** The last offset whose effect is visible: behind `replayedOffset` while a transaction is open. */
  get appliedOffset(): number {
    return this.#appliedOffset
  }

  /** A transaction was begun and not yet ended or aborted: nothing but its end may follow. */
  get isInTransaction(): boolean {
    return this.#transaction !== null
  }

  /** The Raft epoch of the last batch: what is appended carries it on. */
  get raftEpoch(): number {
    return this.#raftEpoch
  }

  /** The first producer id that was never handed out in a block. */
  get nextProducerId(): number {
    return this.#nextProducerId
  }

  /** Levels by feature, such as `metadata.version`. */
  get features(): ReadonlyMap<string, number> {
    return this.#features
  }

  get voters(): readonly Voter[] {
    return this.#voters
  }

  /** Who voted on the last leader: all that is known of the voters while `kraftVersion` is 0. */
  get leaderVoters(): readonly VoterId[] {
    return this.#leaderVoters
  }

  get kraftVersion(): number {
    return this.#kraftVersion
  }

  /** How many records of each api key were passed over. */
  get unknownRecords(): ReadonlyMap<number, number> {
    return this.#unknown
  }

  /** Every topic, in the order of the records that created them. */
  topics(): readonly TopicImage[] {
    return [...this.#byId.values()]
  }

  topicById(topicId: string): TopicImage | undefined {
    return this.#byId.get(topicId)
  }

  topicByName(name: string): TopicImage | undefined {
    return this.#byName.get(name)
  }

  /** The configs set for a topic; empty for an unknown one. */
  configs(topic: string): ReadonlyMap<string, string> {
    return this.#configs.get(resourceKey(TOPIC_RESOURCE, topic)) ?? NO_CONFIGS
  }

  /** The dynamic configs of a broker, or ('') of all. */
  brokerConfigs(broker: string): ReadonlyMap<string, string> {
    return this.#configs.get(resourceKey(BROKER_RESOURCE, broker)) ?? NO_CONFIGS
  }

  /** Replays a batch of the log. What was replayed before is passed over. Throws CORRUPT_BATCH, UNSUPPORTED. */
  replayBatch(batch: RecordBatch): void {
    if (batch.lastOffset <= this.#replayedOffset) return
    if (batch.isControl) {
      for (const record of decodeControlBatch(batch)) this.#applyControl(record)
    } else {
      for (const { offset, record } of decodeMetadataBatch(batch)) this.replay(record, offset)
    }
    this.#raftEpoch = Math.max(this.#raftEpoch, batch.partitionLeaderEpoch)
    this.#advance(batch.lastOffset)
  }

  /** Replays one record. Offsets already replayed are passed over. Throws CORRUPT_BATCH where it contradicts the image. */
  replay(record: MetadataRecord, offset: number): void {
    if (offset <= this.#replayedOffset) return
    try {
      this.#take(record)
    } catch (error) {
      if (!(error instanceof TidemarkError)) throw error
      const message = `The metadata log is damaged at offset ${offset}: ${error.message}`
      throw new TidemarkError(error.code, message, { topic: error.topic, offset, cause: error })
    }
    this.#advance(offset)
  }

  #advance(offset: number): void {
    this.#replayedOffset = offset
    if (this.#transaction === null) this.#appliedOffset = offset
  }

  #take(record: MetadataRecord): void {
    switch (record.type) {
      case 'BeginTransaction':
        if (this.#transaction !== null) throw contradiction('A transaction begins inside another.')
        this.#transaction = []
        return
      case 'EndTransaction':
      case 'AbortTransaction': {
        if (this.#transaction === null) throw contradiction('A transaction ends that never began.')
        const records = this.#transaction
        this.#transaction = null
        if (record.type === 'EndTransaction') for (const each of records) this.#apply(each)
        return
      }
      default:
        if (this.#transaction === null) this.#apply(record)
        else this.#transaction.push(record)
    }
  }

  #apply(record: MetadataRecord): void {
    switch (record.type) {
      case 'Topic':
        this.#createTopic(record.name, record.topicId)
        return
      case 'Partition':
        this.#topic(record.topicId).partitions.set(record.partition, partitionImage(record))
        return
      case 'PartitionChange': {
        const topic = this.#topic(record.topicId)
        const partition = topic.partitions.get(record.partition)
        if (partition === undefined) {
          throw contradiction(`It changes partition ${record.partition} of ${topic.name}, which does not exist.`)
        }
        topic.partitions.set(record.partition, changedPartition(partition, record))
        return
      }
      case 'RemoveTopic':
        this.#removeTopic(this.#topic(record.topicId))
        return
      case 'Config':
        this.#setConfig(resourceKey(record.resourceType, record.resourceName), record.name, record.value)
        return
      case 'FeatureLevel':
        if (record.level === 0) this.#features.delete(record.name)
        else this.#features.set(record.name, record.level)
        return
      case 'ProducerIds':
        this.#nextProducerId = record.nextProducerId
        return
      case 'ClearElr':
        this.#clearElr(record.topic)
        return
      case 'Unknown':
        this.#unknown.set(record.apiKey, (this.#unknown.get(record.apiKey) ?? 0) + 1)
    }
  }

  #applyControl(record: ControlRecord): void {
    if (record.type === 'KRaftVoters') this.#voters = record.voters
    else if (record.type === 'KRaftVersion') this.#kraftVersion = record.level
    else if (record.type === 'LeaderChange') this.#leaderVoters = record.voters
  }

  #topic(topicId: string): Topic {
    const topic = this.#byId.get(topicId)
    if (topic === undefined) throw contradiction(`It speaks of the topic id ${topicId}, which does not exist.`)
    return topic
  }

  #createTopic(name: string, topicId: string): void {
    // A name becomes a directory, so a damaged or forged one must end here.
    const problem = topicNameProblem(name)
    if (problem !== null) throw contradiction(problem)
    if (this.#byName.has(name)) throw contradiction(`It creates the topic ${name}, which exists.`)
    if (this.#byId.has(topicId)) throw contradiction(`It creates the topic id ${topicId}, which exists.`)
    const topic = { name, topicId, partitions: new Map() }
    this.#byId.set(topicId, topic)
    this.#byName.set(name, topic)
  }

  #removeTopic(topic: Topic): void {
    this.#byId.delete(topic.topicId)
    this.#byName.delete(topic.name)
    this.#configs.delete(resourceKey(TOPIC_RESOURCE, topic.name))
  }

  #setConfig(resource: string, name: string, value: string | null): void {
    const configs = this.#configs.get(resource) ?? new Map<string, string>()
    if (value === null) configs.delete(name)
    else configs.set(name, value)
    if (configs.size > 0) this.#configs.set(resource, configs)
    else this.#configs.delete(resource)
  }

  #clearElr(name: string): void {
    for (const topic of name === '' ? this.#byId.values() : [this.#byName.get(name)]) {
      if (topic === undefined) throw contradiction(`It speaks of the topic ${name}, which does not exist.`)
      for (const [number, partition] of topic.partitions) {
        if (partition.eligibleLeaderReplicas.length + partition.lastKnownElr.length === 0) continue
        topic.partitions.set(number, {
          ...partition,
          partitionEpoch: partition.partitionEpoch + 1,
          eligibleLeaderReplicas: [],
          lastKnownElr: [],
        })
      }
    }
  }
}

function resourceKey(type: number, name: string): string {
  return `${type}:${name}`
}

function contradiction(message: string): TidemarkError {
  return new TidemarkError('CORRUPT_BATCH', message)
}
