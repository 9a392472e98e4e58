import type { Randomness } from '../environment/environment.ts'
import { TidemarkError } from '../errors.ts'

export const UUID_BYTES = 16
/** "No id": sixteen zero bytes. */
export const ZERO_UUID = 'AAAAAAAAAAAAAAAAAAAAAA'

/** Kafka's text of an id: base64url of its 16 bytes, without padding, 22 characters. */
export function uuidToText(bytes: Uint8Array): string {
  if (bytes.length !== UUID_BYTES) {
    throw new TidemarkError('INVALID_ARGUMENT', `An id has ${UUID_BYTES} bytes, not ${bytes.length}.`)
  }
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64url')
}

/** The 16 bytes of an id. Throws INVALID_ARGUMENT unless `text` is exactly what `uuidToText` writes. */
export function uuidFromText(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64url')
  if (bytes.length !== UUID_BYTES || bytes.toString('base64url') !== text) {
    throw new TidemarkError('INVALID_ARGUMENT', `${JSON.stringify(text)} is not an id: 22 characters of base64url.`)
  }
  return bytes
}

/**
 * A new id as Kafka makes them for clusters, directories, topics and members (UUID version 4): no leading "-", which
 * tools would take for an option. Version and variant bits keep it apart from Kafka's reserved ids.
 */
export function randomUuid(random: Pick<Randomness, 'bytes'>): string {
  for (;;) {
    const text = uuidToText(asVersion4(random.bytes(UUID_BYTES)))
    if (!text.startsWith('-')) return text
  }
}

/** Whether it could be one of those. */
export function isRandomUuid(text: string): boolean {
  const bytes = Buffer.from(text, 'base64url')
  return bytes.length === UUID_BYTES && uuidToText(asVersion4(bytes)) === text && !text.startsWith('-')
}

function asVersion4(from: Uint8Array): Buffer {
  const bytes = Buffer.from(from)
  bytes[6] = (bytes[6]! & 0x0f) | 0x40
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  return bytes
}
