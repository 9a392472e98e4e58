import { encodeValue, valueReader } from './versioned-value.ts'

/** Type 16: the topics a regular expression matched. Tidemark's members name topics; brokers write these. */
export interface RegularExpressionRecord {
  readonly topics: readonly string[]
  /** The offset in the metadata log up to which topics were looked at; 0 makes a broker look again. */
  readonly version: number
  /** When the search began. */
  readonly timestampMs: number
}

export function encodeRegularExpression(record: RegularExpressionRecord): Buffer {
  return encodeValue((writer) =>
    writer
      .compactArray(record.topics, (topics, topic) => topics.compactString(topic))
      .i64(record.version)
      .i64(record.timestampMs),
  )
}

export function decodeRegularExpression(value: Buffer): RegularExpressionRecord {
  const reader = valueReader(value, 'A regular expression record')
  return {
    topics: reader.compactArray((topics) => topics.compactString()),
    version: reader.i64(),
    timestampMs: reader.i64(),
  }
}
