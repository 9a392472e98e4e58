import type { Survives, TopicMetadata } from '../broker/broker.ts'
import { fromPartitionError } from '../broker/partition-error.ts'
import { TidemarkError } from '../errors.ts'
import { randomUuid } from '../record/uuid.ts'
import { TOPIC_CONFIGS } from '../topic/topic-configs.ts'
import { checkTopicName, noSuchTopic } from '../topic/topic-name.ts'
import type { ClientContext } from './client-context.ts'

/** What a program says a topic is like. It holds when the topic is created; an existing one keeps what it has. */
export interface TopicDeclaration {
  /** Default: 1 for a new topic, and any number is fine for an existing one. */
  readonly partitions?: number | undefined
  /** 'never': a missing topic is UNKNOWN_TOPIC. Default 'ifMissing', which holds in a directory, never on a cluster. */
  readonly create?: 'ifMissing' | 'never' | undefined
  /** Kafka's topic configs of a new topic, such as `{ 'retention.ms': '86400000' }`. */
  readonly configs?: Readonly<Record<string, string>> | undefined
  /**
   * What records of a new topic survive when `send` resolves. Default: as the directory was opened, 'power-loss' unless
   * told otherwise. Kept as the config `flush.messages`.
   */
  readonly survives?: Survives | undefined
}

/** What a producer needs to know of a topic. */
export interface TopicShape {
  readonly partitionCount: number
  readonly maxMessageBytes: number
}

/** Flush after every message, and never because of a message: Kafka's config for what survives. */
const FLUSH_MESSAGES: Readonly<Record<Survives, string>> = {
  'power-loss': '1',
  'process-crash': '9223372036854775807',
}

/** A declared topic, and what is known of the real one. */
export class DeclaredTopic {
  readonly name: string
  readonly #context: ClientContext
  readonly #declaration: TopicDeclaration
  #shape: TopicShape | undefined
  /** It was there as declared; what becomes of it later is no contradiction. */
  #isEnsured = false
  /** What is being looked at may be outdated already. */
  #isForgotten = false
  #looking: Promise<TopicShape> | undefined

  /** @throws {TidemarkError} INVALID_TOPIC */
  constructor(context: ClientContext, name: string, declaration: TopicDeclaration) {
    checkTopicName(name)
    this.name = name
    this.#context = context
    this.#declaration = declaration
  }

  /**
   * Makes sure the topic is there as declared.
   * @throws {TidemarkError} UNKNOWN_TOPIC, TOPIC_DIFFERS, INVALID_TOPIC, INVALID_CONFIG, INVALID_PARTITIONS, READ_ONLY
   */
  async ensure(): Promise<{ created: boolean }> {
    this.#context.checkOpen()
    const found = await this.describe()
    if (found !== undefined) {
      this.#check(found)
      return { created: false }
    }
    if (this.#declaration.create === 'never' || !this.#context.broker.createsTopics) throw this.#missing()
    return { created: await this.#create() }
  }

  /** Ensures it once, and again when it is gone; answers what it is like. */
  async shape(): Promise<TopicShape> {
    if (this.#shape !== undefined) return this.#shape
    this.#looking ??= this.#look()
    return await this.#looking
  }

  /** Looks again at the next `shape()`. */
  forget(): void {
    this.#shape = undefined
    this.#isForgotten = true
  }

  async describe(): Promise<TopicMetadata | undefined> {
    const { topics } = await this.#context.broker.metadata({ topics: [this.name] })
    return topics.find(({ name }) => name === this.name)
  }

  async #look(): Promise<TopicShape> {
    try {
      for (;;) {
        this.#isForgotten = false
        let found = this.#isEnsured ? await this.describe() : undefined
        if (found === undefined) {
          await this.ensure()
          this.#isEnsured = true
          found = await this.describe()
        }
        if (found === undefined) throw this.#missing()
        const shape = { partitionCount: found.partitions.length, maxMessageBytes: await this.#maxMessageBytes() }
        if (this.#isForgotten) continue
        this.#shape = shape
        return shape
      }
    } finally {
      this.#looking = undefined
    }
  }

  async #create(): Promise<boolean> {
    const { partitions = 1, configs, survives } = this.#declaration
    const flush = survives === undefined ? {} : { 'flush.messages': FLUSH_MESSAGES[survives] }
    const topicId = randomUuid(this.#context.environment.random)
    const topic = { name: this.name, topicId, partitions, configs: { ...flush, ...configs } }
    const answer = (await this.#context.broker.createTopics({ topics: [topic] })).topics[0]
    if (answer?.error == null) return true
    // Somebody else was faster: then it is their topic that is to be as declared.
    const found = answer.error.code === 'TOPIC_EXISTS' ? await this.describe() : undefined
    if (found === undefined) throw fromPartitionError(answer.error, { topic: this.name })
    this.#check(found)
    return false
  }

  async #maxMessageBytes(): Promise<number> {
    const { topics } = await this.#context.broker.describeConfigs({ topics: [this.name] })
    const config = topics[0]?.configs.find(({ name }) => name === 'max.message.bytes')
    return Number(config?.value ?? TOPIC_CONFIGS['max.message.bytes'].defaultValue)
  }

  #check(found: TopicMetadata): void {
    const { partitions } = this.#declaration
    if (partitions === undefined || partitions === found.partitions.length) return
    const has = found.partitions.length === 1 ? '1 partition' : `${found.partitions.length} partitions`
    const message =
      `Topic "${this.name}" has ${has}, ${partitions} ${partitions === 1 ? 'is' : 'are'} declared. Declare what it has, ` +
      'leave the number out, or add partitions with topics.addPartitions (keys then go to other partitions).'
    throw new TidemarkError('TOPIC_DIFFERS', message, { topic: this.name })
  }

  #missing(): TidemarkError {
    const how = this.#context.broker.createsTopics
      ? "It is declared with create: 'never'; create it with topics.create."
      : 'It is not created from here; create it where it belongs.'
    return noSuchTopic(this.name, how)
  }
}
