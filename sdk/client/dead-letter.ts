import type { Header } from '../record/header.ts'
import type { RecordHeader } from '../record/record-cursor.ts'
import type { TopicRecord } from './topic-record.ts'

/**
 * What the headers that Tidemark adds to a dead letter begin with, behind all that the record had itself: `topic`,
 * `topic-id`, `partition`, `offset` and `timestamp` of the record, the `group` that gave up on it, the `attempts`, the
 * `error` (its name) with its `message`, and `failed-at`. All are text; times are milliseconds since 1970.
 */
const DEAD_LETTER_HEADER = 'tidemark.dead-letter.'

/** Errors may hold whole documents. */
const MAX_MESSAGE_LENGTH = 2_000

/** Why a record became a dead letter. */
export interface DeadLetterFacts {
  /** Where the record is, and when it was sent. */
  readonly origin: {
    readonly topic: string
    /** Which topic of that name; '' where nobody tells. */
    readonly topicId: string
    readonly partition: number
    readonly offset: number
    /** Milliseconds since 1970. */
    readonly timestampMs: number
  }
  /** The group that gave up on it. */
  readonly group: string
  /** How often its handler was called for it. */
  readonly attempts: number
  /** What the last attempt threw. */
  readonly error: { readonly name: string; readonly message: string }
  /** Milliseconds since 1970. */
  readonly failedAtMs: number
}

/** A record that a group gave up on. */
export interface DeadLetter extends DeadLetterFacts {
  /** The topic it lies in. */
  readonly topic: string
  /** The partition of it. */
  readonly partition: number
  /** Its number in the partition. */
  readonly offset: number
  /** `payments-dead-0@17` */
  readonly id: string
  /** The record's own, as it was. */
  readonly bytes: { readonly key: Uint8Array | null; readonly value: Uint8Array | null }
  /** The record's own, without those that Tidemark added. */
  readonly headers: readonly Header[]
}

/** Tells letters apart: which record it was. The timestamp too, where a topic without an id begins anew. */
export function buriedRecord({ origin: { topic, topicId, partition, offset, timestampMs } }: DeadLetterFacts): string {
  return `${topicId} ${topic}-${partition}@${offset} ${timestampMs}`
}

/** The headers of a dead letter. */
export function deadLetterHeaders(own: readonly Header[], facts: DeadLetterFacts): Header[] {
  const { origin, error } = facts
  const added = {
    topic: origin.topic,
    'topic-id': origin.topicId,
    partition: origin.partition,
    offset: origin.offset,
    timestamp: origin.timestampMs,
    group: facts.group,
    attempts: facts.attempts,
    error: error.name,
    message: error.message,
    'failed-at': facts.failedAtMs,
  }
  const headers = Object.entries(added).map(([name, value]) => {
    return { key: DEAD_LETTER_HEADER + name, value: Buffer.from(String(value), 'utf8') }
  })
  return [...own, ...headers]
}

/** The dead letter that a record is, by its headers; undefined where it is none. For loops over a topic of dead letters. */
export function parseDeadLetter(record: TopicRecord<string, unknown, unknown>): DeadLetter | undefined {
  // A dead letter may have been one before: the last ones are about this time.
  const start = record.headers.findLastIndex(({ key }) => key === `${DEAD_LETTER_HEADER}topic`)
  if (start < 0) return undefined
  const facts = factsOf(record.headers.slice(start))
  if (facts === undefined) return undefined
  const { topic, partition, offset, id, bytes } = record
  return { topic, partition, offset, id, bytes, headers: record.headers.slice(0, start), ...facts }
}

/** The name and the message of whatever was thrown. */
export function errorWords(error: unknown): DeadLetterFacts['error'] {
  const { name, message, code } = Object(error) as { readonly [Key in 'name' | 'message' | 'code']?: unknown }
  const words = error instanceof Error || typeof message === 'string' ? String(message) : String(error)
  const title = typeof name === 'string' && name !== '' ? name : typeof error
  return {
    name: typeof code === 'string' ? `${title} [${code}]` : title,
    message: words.length > MAX_MESSAGE_LENGTH ? `${words.slice(0, MAX_MESSAGE_LENGTH)}…` : words,
  }
}

function factsOf(headers: readonly RecordHeader[]): DeadLetterFacts | undefined {
  const text = (name: string) => headers.find(({ key }) => key === DEAD_LETTER_HEADER + name)?.value?.toString('utf8')
  const number = (name: string) => {
    const value = text(name)
    return value !== undefined && /^-?\d{1,16}$/.test(value) ? Number(value) : Number.NaN
  }
  const topic = text('topic')
  const group = text('group')
  const [partition, offset, timestampMs] = [number('partition'), number('offset'), number('timestamp')]
  const [attempts, failedAtMs] = [number('attempts'), number('failed-at')]
  const numbers = [partition, offset, timestampMs, attempts, failedAtMs]
  if (topic === undefined || group === undefined || !numbers.every(Number.isSafeInteger)) return undefined
  return {
    origin: { topic, topicId: text('topic-id') ?? '', partition, offset, timestampMs },
    group,
    attempts,
    error: { name: text('error') ?? '', message: text('message') ?? '' },
    failedAtMs,
  }
}
