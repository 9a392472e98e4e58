import type { DataDirectory } from '../directory/data-directory.ts'
import { randomId } from '../directory/random-id.ts'
import type { Environment } from '../environment/environment.ts'
import { TidemarkError } from '../errors.ts'
import { checkTopicConfigs, configsOfNewTopic, describeTopicConfigs } from '../topic/topic-configs.ts'
import type { TopicImage } from '../topic/topic-image.ts'
import { checkNewTopicName, isInternalTopic } from '../topic/topic-name.ts'
import {
  addPartitionsRecords,
  checkPartitionCount,
  configRecords,
  createTopicRecords,
  removeTopicRecords,
} from '../topic/topic-records.ts'
import type {
  CreatePartitionsRequest,
  CreateTopicsRequest,
  CreateTopicsResponse,
  IncrementalAlterConfigsRequest,
} from './broker.ts'
import type { LedPartitions } from './led-partitions.ts'
import type { MetadataLog } from './metadata-log.ts'
import { toPartitionError } from './partition-error.ts'

/** Creates, grows, configures and deletes topics: records in the metadata log, and what follows from them. */
export class OwnerTopics {
  readonly #environment: Environment
  readonly #directory: DataDirectory
  readonly #metadata: MetadataLog
  readonly #partitions: LedPartitions
  /** Strikes out what groups committed for a topic that is gone. */
  readonly #forgetCommits: (topic: TopicImage) => Promise<void>

  constructor(
    environment: Environment,
    directory: DataDirectory,
    metadata: MetadataLog,
    partitions: LedPartitions,
    forgetCommits: (topic: TopicImage) => Promise<void>,
  ) {
    this.#environment = environment
    this.#directory = directory
    this.#metadata = metadata
    this.#partitions = partitions
    this.#forgetCommits = forgetCommits
  }

  async create(request: CreateTopicsRequest): Promise<CreateTopicsResponse> {
    const topics = []
    for (const topic of request.topics) {
      try {
        const topicId = await this.#createOne(topic, request.validateOnly === true)
        topics.push({ name: topic.name, topicId, error: null })
      } catch (error) {
        topics.push({ name: topic.name, topicId: null, error: toPartitionError(error) })
      }
    }
    return { topics }
  }

  async #createOne(topic: CreateTopicsRequest['topics'][number], validateOnly: boolean): Promise<string | null> {
    const { name, partitions } = topic
    const topicId = randomId(this.#environment.random)
    let created: string | null = null
    await this.#metadata.change(() => {
      const names = this.#metadata.image.topics().map((existing) => existing.name)
      if (names.includes(name)) {
        throw new TidemarkError('TOPIC_EXISTS', `The topic "${name}" exists already.`, { topic: name })
      }
      checkNewTopicName(name, names, { foldsCase: this.#directory.foldsCase })
      checkPartitionCount(partitions, name)
      const configs = isInternalTopic(name) ? topic.configs : configsOfNewTopic(topic.configs)
      checkWritable(configs)
      if (validateOnly) return []
      created = topicId
      return createTopicRecords({ name, topicId, partitions, configs }, this.#metadata.home)
    })
    return created
  }

  async grow({ topic, totalCount }: CreatePartitionsRequest): Promise<void> {
    await this.#metadata.change(() => {
      const { topicId, partitions } = this.#metadata.topic(topic)
      checkPartitionCount(totalCount, topic)
      if (totalCount <= partitions.size) {
        const message = `The topic "${topic}" has ${partitions.size} partitions; it can only grow, not to ${totalCount}.`
        throw new TidemarkError('INVALID_PARTITIONS', message, { topic })
      }
      return addPartitionsRecords(topicId, { from: partitions.size, to: totalCount }, this.#metadata.home)
    })
  }

  async configure({ topic, configs }: IncrementalAlterConfigsRequest): Promise<void> {
    await this.#metadata.change(() => {
      checkTopicConfigs(configs, this.#metadata.topic(topic).configs)
      checkWritable(configs)
      return configRecords(topic, configs)
    })
    this.#partitions.reconfigure(topic)
  }

  configs(topic: string) {
    return describeTopicConfigs(this.#metadata.topic(topic).configs)
  }

  /**
   * The metadata first: from then on the topic does not exist, and a crash leaves commits and directories that carry an
   * id nobody has. `finishDeletions` clears both away at the next opening.
   */
  async delete(topic: string): Promise<void> {
    const image = this.#metadata.topic(topic)
    if (isInternalTopic(topic)) {
      throw new TidemarkError('INVALID_TOPIC', `"${topic}" belongs to Kafka itself and cannot be deleted.`, { topic })
    }
    await this.#metadata.change(() => removeTopicRecords(this.#metadata.topic(topic).topicId))
    this.#partitions.forget(topic)
    await this.#forgetCommits(image)
    await this.#directory.removePartitions([...image.partitions.keys()].map((partition) => ({ topic, partition })))
  }
}

/** Codecs that Tidemark reads but does not write cannot be asked of it. */
function checkWritable(configs: Readonly<Record<string, string | null>>): void {
  const codec = configs['compression.type']
  if (codec !== 'snappy' && codec !== 'lz4') return
  const message = `compression.type=${codec}: Tidemark reads ${codec} but does not write it. Use zstd, gzip, uncompressed or producer.`
  throw new TidemarkError('INVALID_CONFIG', message)
}
