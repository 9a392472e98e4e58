import type { Randomness } from '../environment/environment.ts'
import { UUID_BYTES, uuidToText } from '../record/uuid.ts'

/**
 * A random id (UUID version 4) as Kafka makes them for clusters, directories and topics: no leading "-", which tools
 * would take for an option. Version and variant bits keep it apart from Kafka's reserved ids.
 */
export function randomId(random: Pick<Randomness, 'bytes'>): string {
  for (;;) {
    const bytes = Buffer.from(random.bytes(UUID_BYTES))
    bytes[6] = (bytes[6]! & 0x0f) | 0x40
    bytes[8] = (bytes[8]! & 0x3f) | 0x80
    const text = uuidToText(bytes)
    if (!text.startsWith('-')) return text
  }
}
