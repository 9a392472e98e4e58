import type { FileSystem } from '../environment/environment.ts'
import { isSafeInt64, readInt64, writeInt64 } from '../record/int64.ts'
import { readWholeFile } from './whole-file.ts'

const VERSION = 0
const ENTRY_BYTES = 34

/** An aborted transaction: records of the producer from `firstOffset` to `lastOffset`, its marker, do not count. */
export interface AbortedTransaction {
  readonly producerId: number
  readonly firstOffset: number
  /** Of the marker. */
  readonly lastOffset: number
  /** The last stable offset when the marker was written: earlier transactions that end later begin there or above. */
  readonly lastStableOffset: number
}

/**
 * `.txnindex`, as a broker writes it: int16 version, int64 producer id, first offset, last offset, last stable offset. Missing
 * where no transaction of the segment was aborted. Reads up to the first entry that cannot be one.
 */
export function readTransactionIndex(files: FileSystem, path: string): AbortedTransaction[] {
  const bytes = readWholeFile(files, path) ?? Buffer.alloc(0)
  const aborted: AbortedTransaction[] = []
  for (let at = 0; at + ENTRY_BYTES <= bytes.length; at += ENTRY_BYTES) {
    const isEntry =
      bytes.readInt16BE(at) === VERSION && [2, 10, 18, 26].every((field) => isSafeInt64(bytes, at + field))
    if (!isEntry) break
    const [producerId, firstOffset, lastOffset, lastStableOffset] = [2, 10, 18, 26].map((field) =>
      readInt64(bytes, at + field),
    ) as [number, number, number, number]
    if (firstOffset > lastOffset || lastOffset <= (aborted.at(-1)?.lastOffset ?? -1)) break
    aborted.push({ producerId, firstOffset, lastOffset, lastStableOffset })
  }
  return aborted
}

/** Cuts entries of markers that are no longer in the log, and what is no entry. Does nothing where there is no index. */
export function trimTransactionIndex(files: FileSystem, path: string, logEndOffset: number): void {
  const sizeBytes = files.stat(path)?.sizeBytes
  if (sizeBytes === undefined) return
  const kept = readTransactionIndex(files, path).filter((aborted) => aborted.lastOffset < logEndOffset)
  if (kept.length * ENTRY_BYTES === sizeBytes) return
  const file = files.open(path, { write: true })
  try {
    file.truncate(kept.length * ENTRY_BYTES)
  } finally {
    file.close()
  }
}

/** Writes the index of a segment anew. Durable on return, but for its name. */
export function writeTransactionIndex(files: FileSystem, path: string, aborted: readonly AbortedTransaction[]): void {
  const bytes = encodeEntries(aborted)
  const file = files.open(path, { write: true, create: true })
  try {
    file.write([bytes], 0)
    file.truncate(bytes.length)
    file.syncNow()
  } finally {
    file.close()
  }
}

/**
 * Adds a transaction whose marker is about to be appended: were the marker there first, a reader would take aborted records
 * for committed ones. Durable on return, with its name.
 */
export function appendTransactionIndex(files: FileSystem, path: string, aborted: AbortedTransaction): void {
  const before = files.stat(path)?.sizeBytes
  const sizeBytes = before ?? 0
  const file = files.open(path, { write: true, create: true })
  try {
    file.write([encodeEntries([aborted])], sizeBytes)
    file.syncNow()
  } finally {
    file.close()
  }
  if (before === undefined) files.syncDirectory(files.join(path, '..'))
}

/** Takes back what was added. */
export function cutTransactionIndex(files: FileSystem, path: string, sizeBytes: number): void {
  if (files.stat(path) === undefined) return
  const file = files.open(path, { write: true })
  try {
    file.truncate(sizeBytes)
  } finally {
    file.close()
  }
}

function encodeEntries(aborted: readonly AbortedTransaction[]): Buffer {
  const bytes = Buffer.alloc(aborted.length * ENTRY_BYTES)
  for (const [entry, { producerId, firstOffset, lastOffset, lastStableOffset }] of aborted.entries()) {
    const at = entry * ENTRY_BYTES
    bytes.writeInt16BE(VERSION, at)
    for (const [field, value] of [producerId, firstOffset, lastOffset, lastStableOffset].entries()) {
      writeInt64(bytes, at + 2 + field * 8, value)
    }
  }
  return bytes
}
