import type { FileSystem } from '../environment/environment.ts'
import { crc32c } from '../record/crc32c.ts'
import { isSafeInt64, readInt64, writeInt64 } from '../record/int64.ts'
import type { ProducerEntry } from './producer-state.ts'
import { segmentFileName } from './segment-name.ts'
import { readWholeFile } from './whole-file.ts'

const VERSION = 1
const CRC_AT = 2
const COUNT_AT = 6
const HEADER_BYTES = 10
const ENTRY_BYTES = 46
/** Kafka forgets a producer without an open transaction after a day (`producer.id.expiration.ms`). */
const PRODUCER_EXPIRATION_MS = 86_400_000

/**
 * A `.snapshot` file, version 1: int16 version, uint32 CRC-32C of everything behind it, int32 count, entries of 46 bytes.
 * Its name is the offset up to which, exclusively, it is complete.
 */
export function encodeProducerSnapshot(entries: Iterable<ProducerEntry>): Buffer {
  const all = [...entries]
  const bytes = Buffer.alloc(HEADER_BYTES + all.length * ENTRY_BYTES)
  bytes.writeInt16BE(VERSION, 0)
  bytes.writeInt32BE(all.length, COUNT_AT)
  let at = HEADER_BYTES
  for (const entry of all) {
    writeInt64(bytes, at, entry.producerId)
    bytes.writeInt16BE(entry.producerEpoch, at + 8)
    bytes.writeInt32BE(entry.lastSequence, at + 10)
    writeInt64(bytes, at + 14, entry.lastOffset)
    bytes.writeInt32BE(entry.offsetDelta, at + 22)
    writeInt64(bytes, at + 26, entry.timestampMs)
    bytes.writeInt32BE(entry.coordinatorEpoch, at + 34)
    writeInt64(bytes, at + 38, entry.currentTxnFirstOffset)
    at += ENTRY_BYTES
  }
  bytes.writeUInt32BE(crc32c(bytes.subarray(COUNT_AT)), CRC_AT)
  return bytes
}

/** undefined when the snapshot is damaged or of a version that is not known. */
export function decodeProducerSnapshot(bytes: Buffer): ProducerEntry[] | undefined {
  if (bytes.length < HEADER_BYTES || bytes.readInt16BE(0) !== VERSION) return undefined
  if (crc32c(bytes.subarray(COUNT_AT)) !== bytes.readUInt32BE(CRC_AT)) return undefined
  const count = bytes.readInt32BE(COUNT_AT)
  if (count < 0 || bytes.length < HEADER_BYTES + count * ENTRY_BYTES) return undefined
  const entries: ProducerEntry[] = []
  for (let at = HEADER_BYTES; entries.length < count; at += ENTRY_BYTES) {
    if (![at, at + 14, at + 26, at + 38].every((field) => isSafeInt64(bytes, field))) return undefined
    entries.push({
      producerId: readInt64(bytes, at),
      producerEpoch: bytes.readInt16BE(at + 8),
      lastSequence: bytes.readInt32BE(at + 10),
      lastOffset: readInt64(bytes, at + 14),
      offsetDelta: bytes.readInt32BE(at + 22),
      timestampMs: readInt64(bytes, at + 26),
      coordinatorEpoch: bytes.readInt32BE(at + 34),
      currentTxnFirstOffset: readInt64(bytes, at + 38),
    })
  }
  return entries
}

/** Reads the snapshot at `offset`; undefined when it is of no use. */
export function loadProducerSnapshot(
  files: FileSystem,
  directory: string,
  offset: number,
): ProducerEntry[] | undefined {
  const bytes = readWholeFile(files, files.join(directory, segmentFileName(offset, '.snapshot')))
  return bytes && decodeProducerSnapshot(bytes)
}

/** Whether a broker would still know the producer. */
export function isRemembered(entry: ProducerEntry, nowMs: number): boolean {
  return entry.currentTxnFirstOffset >= 0 || nowMs - entry.timestampMs < PRODUCER_EXPIRATION_MS
}

/** Not flushed: a torn snapshot shows by its CRC, and an older one does as well. */
export function storeProducerSnapshot(
  files: FileSystem,
  directory: string,
  snapshot: { offset: number; entries: Iterable<ProducerEntry> },
): void {
  const path = files.join(directory, segmentFileName(snapshot.offset, '.snapshot'))
  const file = files.open(path, { write: true, create: true })
  try {
    const bytes = encodeProducerSnapshot(snapshot.entries)
    file.write([bytes], 0)
    file.truncate(bytes.length)
  } finally {
    file.close()
  }
}
