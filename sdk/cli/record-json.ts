import { type BytesJson, bytesToJson } from '../client/bytes-json.ts'

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
