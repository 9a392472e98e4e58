import { type BytesJson, bytesToJson } from '../client/bytes-json.ts'

/** What a record holds, as bytes. */
interface Content {
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: readonly { readonly key: string; readonly value: Uint8Array | null }[]
}

export interface ReadRecord extends Content {
  readonly partition: number
  readonly offset: number
  readonly timestampMs: number
}

interface ContentJson {
  readonly key: BytesJson
  readonly value: BytesJson
  /** In their order; a key may repeat. */
  readonly headers: readonly { readonly key: string; readonly value: BytesJson }[]
}

export interface RecordJson extends ContentJson {
  readonly partition: number
  readonly offset: number
  readonly timestampMs: number
}

export function recordToJson({ partition, offset, timestampMs, ...content }: ReadRecord): RecordJson {
  return { partition, offset, timestampMs, ...contentToJson(content) }
}

export function contentToJson({ key, value, headers }: Content): ContentJson {
  return {
    key: bytesToJson(key),
    value: bytesToJson(value),
    headers: headers.map((header) => ({ key: header.key, value: bytesToJson(header.value) })),
  }
}
