import type { Broker, TopicMetadata } from '../broker/broker.ts'
import { fromPartitionError } from '../broker/partition-error.ts'
import { randomUuid } from '../record/uuid.ts'
import { checkTopicName, noSuchTopic } from '../topic/topic-name.ts'
import type { ClientContext } from './client-context.ts'
import { checkArgument, checkOptions, type OptionKinds, object, wholeNumber } from './option-check.ts'

/** One of a topic's configs as it counts now. */
export interface TopicConfigEntry {
  /** Kafka's name, such as `retention.ms`. */
  readonly name: string
  /** As text, as Kafka has it. */
  readonly value: string
  /** Whether nobody set it. */
  readonly isDefault: boolean
}

/** A topic: its id, its partitions with their leader epochs, its configs. */
export interface TopicDescription extends TopicMetadata {
  /** All that Kafka knows, by name: what was set, and the defaults of the rest. */
  readonly configs: readonly TopicConfigEntry[]
}

/** What a topic is created with. */
export interface NewTopic {
  /** Default 1. */
  readonly partitions?: number | undefined
  /** Kafka's topic configs; none by default. Nothing expires unless `retention.ms` or `retention.bytes` says so. */
  readonly configs?: Readonly<Record<string, string>> | undefined
}

const NEW_TOPIC_KINDS: OptionKinds<NewTopic> = {
  partitions: wholeNumber(1),
  configs: object("an object of texts, such as { 'retention.ms': '86400000' }"),
}

/** Makes, changes and deletes topics. Every change survives a power loss when its call resolves. */
export class Topics {
  readonly #context: ClientContext

  constructor(context: ClientContext) {
    this.#context = context
  }

  /** Every topic, Kafka's own included (`internal`), by name. */
  async list(): Promise<TopicMetadata[]> {
    const { topics } = await this.#broker.metadata({ topics: null })
    return topics.toSorted((a, b) => compare(a.name, b.name))
  }

  /** @throws {TidemarkError} UNKNOWN_TOPIC */
  async describe(name: string): Promise<TopicDescription> {
    checkTopicName(name)
    const topic = (await this.#broker.metadata({ topics: [name] })).topics.find((each) => each.name === name)
    if (topic === undefined) throw noSuchTopic(name, 'topics.list() says which there are.')
    const described = (await this.#broker.describeConfigs({ topics: [name] })).topics.find((each) => each.name === name)
    return { ...topic, configs: described?.configs ?? [] }
  }

  /** Creates a topic, whole or not at all. @throws {TidemarkError} TOPIC_EXISTS, INVALID_TOPIC, INVALID_PARTITIONS, INVALID_CONFIG, READ_ONLY */
  async create(name: string, options: NewTopic = {}): Promise<{ topicId: string }> {
    checkTopicName(name)
    checkOptions('topics.create', options, NEW_TOPIC_KINDS)
    const topicId = randomUuid(this.#context.environment.random)
    const topic = { name, topicId, partitions: options.partitions ?? 1, configs: options.configs ?? {} }
    const answer = (await this.#broker.createTopics({ topics: [topic] })).topics[0]
    if (answer?.error != null) throw fromPartitionError(answer.error, { topic: name })
    return { topicId: answer?.topicId ?? '' }
  }

  /**
   * Gives a topic more partitions, `total` in all. New records of a key may then go to another partition than its old
   * ones.
   * @throws {TidemarkError} UNKNOWN_TOPIC, INVALID_PARTITIONS, READ_ONLY
   */
  async addPartitions(name: string, total: number): Promise<void> {
    checkTopicName(name)
    checkArgument('topics.addPartitions', 'total', total, wholeNumber(1), "topics.addPartitions('payments', 6)")
    await this.#broker.createPartitions({ topic: name, totalCount: total })
  }

  /** Sets configs, or removes them (`null`). @throws {TidemarkError} UNKNOWN_TOPIC, INVALID_CONFIG, READ_ONLY */
  async alterConfigs(name: string, configs: Readonly<Record<string, string | null>>): Promise<void> {
    checkTopicName(name)
    const example = "topics.alterConfigs('payments', { 'retention.ms': '86400000' })"
    checkArgument('topics.alterConfigs', 'configs', configs, object('an object of texts, or null'), example)
    await this.#broker.incrementalAlterConfigs({ topic: name, configs })
  }

  /**
   * Deletes topics with their records and what groups committed for them. Where one of them cannot be deleted, none is.
   * @throws {TidemarkError} UNKNOWN_TOPIC, INVALID_TOPIC, READ_ONLY
   */
  async delete(...names: readonly string[]): Promise<void> {
    for (const name of names) checkTopicName(name)
    const { topics } = await this.#broker.metadata({ topics: names })
    const topicIds = names.map((name) => topics.find((topic) => topic.name === name)?.topicId ?? null)
    await this.#broker.deleteTopics({ topics: names, topicIds })
  }

  get #broker(): Broker {
    return this.#context.openBroker
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
