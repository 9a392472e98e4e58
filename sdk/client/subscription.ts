import type { TopicMetadata } from '../broker/broker.ts'
import { TidemarkError } from '../errors.ts'
import type { ClientContext } from './client-context.ts'
import type { Serdes } from './fetched-batch.ts'
import { TopicPattern } from './topic-pattern.ts'

/** A topic as a consumer needs it. */
export interface ConsumedTopic {
  readonly name: string
  readonly serdes: Serdes
  /** Creates it where it is missing and may be created. */
  ensure(): Promise<unknown>
}

/** What is consumed: topics by name, or all that match. */
export type ConsumedTopics = readonly ConsumedTopic[] | TopicPattern

export interface SubscriptionEvents {
  /** What was assigned of the topic is gone with it, even if another topic has its name now. */
  readonly onGone: (topic: string) => void
  /** Nothing is left to consume. */
  readonly onFailure: (error: unknown) => void
}

/** The topics of one consumer, told apart by id: a topic that is deleted and created anew is another one. */
export class Subscription {
  readonly #context: ClientContext
  readonly #group: string
  readonly #wanted: ConsumedTopics
  readonly #events: SubscriptionEvents
  #ids: ReadonlyMap<string, string> = new Map()
  #names: readonly string[]
  #looking: Promise<void> | undefined
  #looksAgain = false
  #stopWatching: (() => void) | undefined
  #isStopped = false

  constructor(context: ClientContext, group: string, wanted: ConsumedTopics, events: SubscriptionEvents) {
    this.#context = context
    this.#group = group
    this.#wanted = wanted
    this.#events = events
    this.#names = wanted instanceof TopicPattern ? [] : [...new Set(wanted.map(({ name }) => name))]
  }

  /** The topics to tell the group: those that were asked for by name, or those that match now. The same list until it changes. */
  get names(): readonly string[] {
    return this.#names
  }

  /** Why there is no topic to consume; undefined where there is one. */
  get whyNone(): string | undefined {
    if (this.#names.length > 0 || !(this.#wanted instanceof TopicPattern)) return undefined
    return `No topic matches ${this.#wanted}.`
  }

  /** Whether records of a topic of this name are consumed, or would be if it were there. */
  wants(name: string): boolean {
    if (this.#wanted instanceof TopicPattern) return this.#wanted.matches({ name, internal: false })
    return this.#names.includes(name)
  }

  /** Which topic of that name it is; '' where it is not known. */
  topicIdOf(name: string): string {
    return this.#ids.get(name) ?? ''
  }

  serdesOf(topic: string): Serdes {
    if (this.#wanted instanceof TopicPattern) return this.#wanted.serdes
    return this.#wanted.find(({ name }) => name === topic)!.serdes
  }

  /** Makes sure the topics are there; `changed` is called after every change of topics, when its effects are known. */
  async start(changed: () => void): Promise<void> {
    if (!(this.#wanted instanceof TopicPattern)) for (const topic of this.#wanted) await topic.ensure()
    if (this.#isStopped) return
    this.#stopWatching = this.#context.broker.onTopicsChanged((names) => {
      if (!this.#concerns(names)) return
      this.refresh().then(changed, this.#events.onFailure)
    })
    await this.refresh()
  }

  stop(): void {
    this.#isStopped = true
    this.#stopWatching?.()
  }

  /** Resolves when what has happened to the topics up to now is known and told. */
  async refresh(): Promise<void> {
    if (this.#looking !== undefined) {
      this.#looksAgain = true
      return await this.#looking
    }
    this.#looking = this.#look().finally(() => {
      this.#looking = undefined
    })
    await this.#looking
  }

  #concerns(names: readonly string[] | null): boolean {
    return names === null || this.#wanted instanceof TopicPattern || names.some((name) => this.#names.includes(name))
  }

  async #look(): Promise<void> {
    do {
      this.#looksAgain = false
      const found = await this.#find()
      const before = this.#ids
      this.#ids = new Map(found.map(({ name, topicId }) => [name, topicId]))
      if (this.#wanted instanceof TopicPattern) this.#match([...this.#ids.keys()])
      for (const [name, topicId] of before) if (this.#ids.get(name) !== topicId) this.#gone(name)
    } while (this.#looksAgain)
  }

  async #find(): Promise<readonly TopicMetadata[]> {
    const { broker } = this.#context
    const wanted = this.#wanted
    if (!(wanted instanceof TopicPattern)) return (await broker.metadata({ topics: this.#names })).topics
    return (await broker.metadata({ topics: null })).topics.filter((topic) => wanted.matches(topic))
  }

  #match(names: readonly string[]): void {
    const sorted = names.toSorted()
    if (sorted.join() !== this.#names.join()) this.#names = sorted
  }

  #gone(topic: string): void {
    this.#events.onGone(topic)
    const what = `Topic "${topic}" was deleted while group "${this.#group}" consumed it`
    if (this.#ids.size === 0 && !(this.#wanted instanceof TopicPattern)) {
      this.#events.onFailure(new TidemarkError('UNKNOWN_TOPIC', `${what}. Nothing is left to consume.`, { topic }))
      return
    }
    const then = this.#ids.has(topic)
      ? ' and created anew: the group begins there as in any new topic.'
      : '; the group goes on with its other topics.'
    this.#context.environment.process.emitWarning(what + then, 'TIDEMARK_TOPIC_DELETED')
  }
}
