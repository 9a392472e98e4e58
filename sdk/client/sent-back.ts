import type { Header } from '../record/header.ts'
import { byteTopic } from './byte-topics.ts'
import type { ClientContext } from './client-context.ts'
import { textOf } from './serde.ts'

/** Where a dead letter was sent back to. */
export interface SentBack {
  /** The topic that the record was from. */
  readonly topic: string
  /** The partition of it: the record's own. */
  readonly partition: number
  /** Its new number there. */
  readonly offset: number
  /** Milliseconds since 1970. */
  readonly atMs: number
}

/** The topic in which Tidemark notes which dead letters were sent back: compacted, one record each. */
const SENT_BACK_TOPIC = 'tidemark-sent-back'
/** The header of a record that was sent back: which letter it was. */
const SENT_BACK_HEADER = 'tidemark.sent-back'

const DECLARATION = { configs: { 'cleanup.policy': 'compact' } }

/** The record's own headers, and the one that says where it comes from. */
export function sentBackHeaders(own: readonly Header[], letterId: string): Header[] {
  const kept = own.filter(({ key }) => key !== SENT_BACK_HEADER)
  return [...kept, { key: SENT_BACK_HEADER, value: Buffer.from(letterId, 'utf8') }]
}

/** What was sent back of one topic of dead letters. */
export class SentBackNotes {
  readonly #context: ClientContext
  readonly #topicId: string
  readonly #notes: Map<string, SentBack>

  private constructor(context: ClientContext, topicId: string, notes: Map<string, SentBack>) {
    this.#context = context
    this.#topicId = topicId
    this.#notes = notes
  }

  /** As it is now; undefined where there is no such topic of dead letters. */
  static async read(context: ClientContext, deadLetters: string): Promise<SentBackNotes | undefined> {
    const { topics } = await context.openBroker.metadata({ topics: [deadLetters, SENT_BACK_TOPIC] })
    const topic = topics.find(({ name }) => name === deadLetters)
    if (topic === undefined) return undefined
    const notes = new Map<string, SentBack>()
    if (topics.some(({ name }) => name === SENT_BACK_TOPIC)) {
      const stored = byteTopic(context, SENT_BACK_TOPIC, DECLARATION).read({ follow: false, onDamage: 'skip' })
      for await (const { key, value, timestampMs } of stored) {
        const place = placeOf(value)
        if (key !== null && place !== undefined) notes.set(textOf(key), { ...place, atMs: timestampMs })
      }
    }
    return new SentBackNotes(context, topic.topicId, notes)
  }

  of(letterId: string): SentBack | null {
    return this.#notes.get(this.#keyOf(letterId)) ?? null
  }

  /** Survives a power loss when it resolves. */
  async add(sent: readonly (readonly [letterId: string, to: SentBack])[]): Promise<void> {
    const records = sent.map(([letterId, { atMs, ...place }]) => {
      const key = Buffer.from(this.#keyOf(letterId), 'utf8')
      return { key, value: Buffer.from(JSON.stringify(place), 'utf8'), timestampMs: atMs }
    })
    await byteTopic(this.#context, SENT_BACK_TOPIC, DECLARATION).sendBatch(records)
  }

  /** With the topic's id: in one that was made anew the same numbers are other letters. */
  #keyOf(letterId: string): string {
    return `${this.#topicId} ${letterId}`
  }
}

function placeOf(value: Uint8Array | null): Omit<SentBack, 'atMs'> | undefined {
  if (value === null) return undefined
  try {
    const { topic, partition, offset } = JSON.parse(textOf(value)) as { readonly [Key in keyof SentBack]?: unknown }
    if (typeof topic !== 'string' || typeof partition !== 'number' || typeof offset !== 'number') return undefined
    return { topic, partition, offset }
  } catch {
    return undefined
  }
}
