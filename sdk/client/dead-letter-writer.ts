import { TOPIC_CONFIGS } from '../topic/topic-configs.ts'
import { type ByteTopic, byteTopic } from './byte-topics.ts'
import type { ClientContext } from './client-context.ts'
import type { Consumption } from './consumption.ts'
import { buriedRecord, type DeadLetterFacts, deadLetterHeaders, errorWords, parseDeadLetter } from './dead-letter.ts'
import type { FetchedRecord } from './fetched-record.ts'
import type { ProcessedPrefix } from './processed.ts'

/** What the headers of a dead letter may add to a record. */
const HEADERS_RESERVE_BYTES = 64 * 1024

/** What is in the topic already of one partition, as it was when the partition came or was sent elsewhere. */
interface Known {
  readonly restarts: number
  readonly letters: Promise<ReadonlySet<string>>
}

/**
 * Sends what a group gave up on to a topic of dead letters, each record once. A process may have ended between the letter
 * and the commit behind it: so before it writes the first of a partition, it looks what is there.
 */
export class DeadLetterWriter {
  readonly #context: ClientContext
  readonly #topic: string
  readonly #consumption: Consumption
  readonly #known = new WeakMap<ProcessedPrefix, Known>()
  /** A look that has not begun yet: whoever asks now may share it. */
  #nextLook: Promise<ReadonlySet<string>> | undefined
  #lastLook: Promise<unknown> = Promise.resolve()

  constructor(context: ClientContext, topic: string, consumption: Consumption) {
    this.#context = context
    this.#topic = topic
    this.#consumption = consumption
  }

  /** Resolves when the letter survives what its topic promises. @throws {TidemarkError} as `send` */
  async write(record: FetchedRecord, attempts: number, error: unknown): Promise<void> {
    const { topic, partition, offset, timestampMs, bytes } = record
    const facts: DeadLetterFacts = {
      origin: { topic, topicId: this.#consumption.subscription.topicIdOf(topic), partition, offset, timestampMs },
      group: this.#consumption.group,
      attempts,
      error: errorWords(error),
      failedAtMs: this.#context.environment.clock.nowMs(),
    }
    if ((await this.#lettersOf(record.prefix)).has(buriedRecord(facts))) return
    const letters = await this.#open(topic)
    // Whoever has the partition now will give up on it himself.
    if (!record.prefix.isOpen) return
    const headers = deadLetterHeaders(record.headers, facts)
    await letters.send({ key: bytes.key, value: bytes.value, headers, timestampMs: facts.failedAtMs })
  }

  #lettersOf(prefix: ProcessedPrefix): Promise<ReadonlySet<string>> {
    const known = this.#known.get(prefix)
    if (known?.restarts === prefix.restarts) return known.letters
    const letters = this.#look()
    this.#known.set(prefix, { restarts: prefix.restarts, letters })
    return letters
  }

  #look(): Promise<ReadonlySet<string>> {
    this.#nextLook ??= this.#lastLook.then(() => {
      this.#lastLook = this.#nextLook!.catch(() => {})
      this.#nextLook = undefined
      return this.#lookNow()
    })
    return this.#nextLook
  }

  /** Letters of what may come again: behind the processed records of the partitions there are. */
  async #lookNow(): Promise<ReadonlySet<string>> {
    const found = new Set<string>()
    const { topics } = await this.#context.broker.metadata({ topics: [this.#topic] })
    if (!topics.some(({ name }) => name === this.#topic)) return found
    const places = new Map(this.#consumption.prefixes.map((prefix) => [`${prefix.topic}-${prefix.partition}`, prefix]))
    for await (const record of byteTopic(this.#context, this.#topic, {}).read({ follow: false, onDamage: 'skip' })) {
      const letter = parseDeadLetter(record)
      if (letter === undefined || letter.group !== this.#consumption.group) continue
      const prefix = places.get(`${letter.origin.topic}-${letter.origin.partition}`)
      if (prefix !== undefined && letter.origin.offset >= prefix.offset) found.add(buriedRecord(letter))
    }
    return found
  }

  /** Created so that whatever fits into the topic of the record fits there, with its headers. */
  async #open(origin: string): Promise<ByteTopic> {
    const { topics } = await this.#context.broker.describeConfigs({ topics: [origin] })
    const config = topics[0]?.configs.find(({ name }) => name === 'max.message.bytes')
    const maxBytes = Number(config?.value ?? TOPIC_CONFIGS['max.message.bytes'].defaultValue) + HEADERS_RESERVE_BYTES
    const letters = byteTopic(this.#context, this.#topic, { configs: { 'max.message.bytes': String(maxBytes) } })
    await letters.ensure()
    return letters
  }
}
