import { isUtf8 } from 'node:buffer'

/** Bytes in JSON: their text, or base64 where they are not UTF-8. `null` is Kafka's null (a tombstone's value). */
export type BytesJson = string | null | { readonly base64: string }

export function bytesToJson(bytes: Uint8Array | null): BytesJson {
  if (bytes === null) return null
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return isUtf8(buffer) ? buffer.toString('utf8') : { base64: buffer.toString('base64') }
}
