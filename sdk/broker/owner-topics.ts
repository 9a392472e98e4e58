import type { DataDirectory } from '../directory/data-directory.ts'
import { CLUSTER_METADATA_TOPIC } from '../directory/partition-directory.ts'
import type { Environment } from '../environment/environment.ts'
import { TidemarkError } from '../errors.ts'
import { isRandomUuid, randomUuid } from '../record/uuid.ts'
import {
  OFFSETS_TOPIC_CONFIGS,
  OFFSETS_TOPIC_PARTITIONS,
  TRANSACTION_STATE_CONFIGS,
  TRANSACTION_STATE_PARTITIONS,
} from '../topic/internal-topics.ts'
import { checkTopicConfigs, configsOfNewTopic, describeTopicConfigs } from '../topic/topic-configs.ts'
import type { TopicImage } from '../topic/topic-image.ts'
import {
  CONSUMER_OFFSETS_TOPIC,
  checkNewTopicName,
  isInternalTopic,
  TRANSACTION_STATE_TOPIC,
} from '../topic/topic-name.ts'
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
  DeleteTopicsRequest,
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
  #turn: Promise<unknown> = Promise.resolve()

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
        checkNotInternal(topic.name, 'Kafka creates it when it is first needed')
        const topicId = await this.#createOne(topic, request.validateOnly === true)
        topics.push({ name: topic.name, topicId, error: null })
      } catch (error) {
        topics.push({ name: topic.name, topicId: null, error: toPartitionError(error) })
      }
    }
    return { topics }
  }

  /** At a group's first commit or member. */
  async createOffsetsTopic(): Promise<void> {
    const [partitions, configs] = [OFFSETS_TOPIC_PARTITIONS, OFFSETS_TOPIC_CONFIGS]
    await this.#createInternal({ name: CONSUMER_OFFSETS_TOPIC, partitions, configs })
  }

  /** At the first transaction. */
  async createTransactionTopic(): Promise<void> {
    const [partitions, configs] = [TRANSACTION_STATE_PARTITIONS, TRANSACTION_STATE_CONFIGS]
    await this.#createInternal({ name: TRANSACTION_STATE_TOPIC, partitions, configs })
  }

  /** Whoever comes second finds it created. */
  async #createInternal(topic: CreateTopicsRequest['topics'][number]): Promise<void> {
    try {
      await this.#createOne(topic, false)
    } catch (error) {
      if (!(error instanceof TidemarkError) || error.code !== 'TOPIC_EXISTS') throw error
    }
  }

  async #createOne(topic: CreateTopicsRequest['topics'][number], validateOnly: boolean): Promise<string | null> {
    const { name, partitions, topicId = randomUuid(this.#environment.random) } = topic
    let created: string | null = null
    const create = () => {
      if (this.#wasCreated(name, topicId)) {
        created = topicId
        return []
      }
      const names = this.#metadata.image.topics().map((existing) => existing.name)
      if (names.includes(name)) {
        throw new TidemarkError('TOPIC_EXISTS', `The topic "${name}" exists already.`, { topic: name })
      }
      checkNewTopicName(name, names, { foldsCase: this.#directory.foldsCase })
      checkPartitionCount(partitions, name)
      const configs = isInternalTopic(name) ? topic.configs : configsOfNewTopic(topic.configs)
      if (validateOnly) return []
      created = topicId
      return createTopicRecords({ name, topicId, partitions, configs }, this.#metadata.home)
    }
    await this.#inTurn(async () => {
      // A deletion that could not be finished left directories, and a name is one topic's only.
      await this.finishDeletions()
      await this.#metadata.change(create)
    })
    return created
  }

  /** @throws {TidemarkError} INVALID_ARGUMENT where it is no id for a new topic */
  #wasCreated(name: string, topicId: string): boolean {
    const known = this.#metadata.image.topicById(topicId)
    // Created, and deleted since.
    if (known?.name === name || this.#metadata.wasRemoved(topicId)) return true
    if (known === undefined && isRandomUuid(topicId)) return false
    throw new TidemarkError('INVALID_ARGUMENT', `${JSON.stringify(topicId)} is no id for a new topic.`, { topic: name })
  }

  async grow({ topic, totalCount }: CreatePartitionsRequest): Promise<void> {
    checkNotInternal(
      topic,
      'it cannot grow, since groups would look for their commits in other partitions than they wrote to',
    )
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
    checkNotInternal(topic, 'its configs keep what groups committed from expiring')
    await this.#metadata.change(() => {
      checkTopicConfigs(configs, this.#metadata.topic(topic).configs)
      return configRecords(topic, configs)
    })
    this.#partitions.reconfigure(topic)
  }

  configs(topic: string) {
    return describeTopicConfigs(this.#metadata.topic(topic).configs)
  }

  /** One after the other. Where one of them cannot be deleted, none is. */
  async delete({ topics, topicIds = [] }: DeleteTopicsRequest): Promise<void> {
    for (const topic of topics) checkNotInternal(topic, 'all groups would forget how far they got')
    await this.#inTurn(async () => {
      const { image } = this.#metadata
      const isGone = (topicId: string | null = null) => topicId !== null && image.topicById(topicId) === undefined
      const left = topics.filter((_, index) => !isGone(topicIds[index]))
      const images = [...new Set(left)].map((topic) => this.#metadata.topic(topic))
      for (const image of images) await this.#deleteOne(image)
    })
  }

  /**
   * The metadata first: from then on the topic does not exist, and what a crash leaves carries an id that the log says was
   * removed. The next opening clears it away.
   */
  async #deleteOne(image: TopicImage): Promise<void> {
    await this.#metadata.change(() => removeTopicRecords(image.topicId))
    this.#partitions.forget(image.name)
    await this.#forgetCommits(image)
    await this.finishDeletions()
  }

  /** Removes the directories of topics that the metadata log says were deleted. */
  async finishDeletions(): Promise<void> {
    await this.#directory.removePartitions(({ topicId }) => {
      return topicId !== undefined && this.#metadata.wasRemoved(topicId)
    })
  }

  /** Creations and deletions wait for each other: a new topic must not move into the directories of one that is going. */
  async #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#turn.catch(() => {}).then(work)
    this.#turn = turn
    await turn
  }
}

/**
 * Kafka lets an administrator do most of this to `__consumer_offsets`, and a broker then serves groups from what is left;
 * a `__transaction_state` of another shape than its own stops it. Here nobody needs to.
 */
function checkNotInternal(topic: string, why: string): void {
  if (!isInternalTopic(topic) && topic !== CLUSTER_METADATA_TOPIC) return
  throw new TidemarkError('INVALID_TOPIC', `"${topic}" belongs to Kafka itself: ${why}.`, { topic })
}
