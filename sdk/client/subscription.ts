import { TidemarkError } from '../errors.ts'
import type { ClientContext } from './client-context.ts'
import type { Serdes } from './fetched-batch.ts'

/** A topic as a consumer needs it. */
export interface ConsumedTopic {
  readonly name: string
  readonly serdes: Serdes
  /** Creates it where it is missing and may be created. */
  ensure(): Promise<unknown>
}

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
  readonly #topics: ReadonlyMap<string, ConsumedTopic>
  readonly #events: SubscriptionEvents
  readonly #ids = new Map<string, string>()
  #looking: Promise<void> | undefined
  #looksAgain = false
  #stopWatching: (() => void) | undefined
  #isStopped = false

  constructor(context: ClientContext, group: string, topics: readonly ConsumedTopic[], events: SubscriptionEvents) {
    this.#context = context
    this.#group = group
    this.#topics = new Map(topics.map((topic) => [topic.name, topic]))
    this.#events = events
  }

  get names(): readonly string[] {
    return [...this.#topics.keys()]
  }

  serdesOf(topic: string): Serdes {
    return this.#topics.get(topic)!.serdes
  }

  /** Makes sure the topics are there; `changed` is called after every change of topics, when its effects are known. */
  async start(changed: () => void): Promise<void> {
    for (const topic of this.#topics.values()) await topic.ensure()
    if (this.#isStopped) return
    this.#stopWatching = this.#context.broker.onTopicsChanged(() => {
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

  async #look(): Promise<void> {
    do {
      this.#looksAgain = false
      const { topics } = await this.#context.broker.metadata({ topics: this.names })
      const found = new Map(topics.map(({ name, topicId }) => [name, topicId]))
      const before = new Map(this.#ids)
      for (const [name, topicId] of found) this.#ids.set(name, topicId)
      for (const [name, topicId] of before) if (found.get(name) !== topicId) this.#gone(name, found.has(name))
    } while (this.#looksAgain)
  }

  #gone(topic: string, isAnother: boolean): void {
    if (!isAnother) this.#ids.delete(topic)
    this.#events.onGone(topic)
    const what = `Topic "${topic}" was deleted while group "${this.#group}" consumed it`
    if (this.#ids.size === 0) {
      this.#events.onFailure(new TidemarkError('UNKNOWN_TOPIC', `${what}. Nothing is left to consume.`, { topic }))
      return
    }
    const then = isAnother
      ? ' and created anew: the group begins there as in any new topic.'
      : '; the group goes on with its other topics.'
    this.#context.environment.process.emitWarning(what + then, 'TIDEMARK_TOPIC_DELETED')
  }
}
