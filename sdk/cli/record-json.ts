import { isUtf8 } from 'node:buffer'

/** Bytes in JSON: their text, or base64 where they are not UTF-8. `null` is Kafka's null (a tombstone's value). */
export type BytesJson = string | null | { readonly base64: string }

/** A record's parts as bytes. */
export interface ReadRecord {
  readonly partition: number
  readonly offset: number
  readonly timestampMs: number
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: readonly { readonly key: string; readonly value: Uint8Array | null }[]
}

export interface RecordJson {
  readonly partition: number
  readonly offset: number
  readonly timestampMs: number
  readonly key: BytesJson
  readonly value: BytesJson
  /** In their order; a key may repeat. */
  readonly headers: readonly { readonly key: string; readonly value: BytesJson }[]
}

export function recordToJson(record: ReadRecord): RecordJson {
  const { partition, offset, timestampMs, key, value, headers } = record
  return {
    partition,
    offset,
    timestampMs,
    key: bytesToJson(key),
    value: bytesToJson(value),
    headers: headers.map((header) => ({ key: header.key, value: bytesToJson(header.value) })),
  }
}

export function bytesToJson(bytes: Uint8Array | null): BytesJson {
  if (bytes === null) return null
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return isUtf8(buffer) ? buffer.toString('utf8') : { base64: buffer.toString('base64') }
}
