import { isUtf8 } from 'node:buffer'
import { type InspectOptions, inspect } from 'node:util'
import { bytesToJson } from './bytes-json.ts'
import { textOf } from './serde.ts'
import type { TopicRecord } from './topic-record.ts'

/** Enough to see what a value is, and no screenful. */
const MAX_STRING_LENGTH = 1_000

/** The name of the method by which `console.log` asks an object how to show it. */
export const SHOW: typeof inspect.custom = inspect.custom

/** What `console.log` shows of an object: a title and what matters of it, none of its inside. */
export function printed(title: string, fields: object, depth: number | null, options: InspectOptions): string {
  if (depth !== null && depth < 0) return `[${title}]`
  const maxStringLength = Math.min(options.maxStringLength ?? MAX_STRING_LENGTH, MAX_STRING_LENGTH)
  return `${title} ${inspect(fields, { ...options, depth, maxStringLength })}`
}

/** What `console.log` shows of a record: text where the bytes are text. */
export function recordFields(record: TopicRecord<string, unknown, unknown>): object {
  const { timestampMs, headers } = record
  const fields = {
    key: asText(decoded(record, 'key')),
    value: asText(decoded(record, 'value')),
    timestampMs,
  }
  if (headers.length === 0) return fields
  return { ...fields, headers: headers.map(({ key, value }) => ({ key, value: asText(value) })) }
}

/** A record in JSON: bytes as the command line prints and takes them, everything else as its serde made it. */
export function recordJson(record: TopicRecord<string, unknown, unknown>): object {
  const { topic, partition, offset, timestampMs, headers } = record
  const [key, value] = [decoded(record, 'key'), decoded(record, 'value')]
  return {
    topic,
    partition,
    offset,
    timestampMs,
    key: key instanceof Uint8Array ? bytesToJson(key) : key,
    value: value instanceof Uint8Array ? bytesToJson(value) : value,
    headers: headers.map((header) => ({ key: header.key, value: bytesToJson(header.value) })),
  }
}

/** Whoever prints a record wants to see it, all the more where it cannot be decoded. */
function decoded(record: TopicRecord<string, unknown, unknown>, what: 'key' | 'value'): unknown {
  try {
    return record[what]
  } catch {
    return record.bytes[what]
  }
}

function asText(value: unknown): unknown {
  if (!(value instanceof Uint8Array) || !isUtf8(value)) return value
  return textOf(value)
}
