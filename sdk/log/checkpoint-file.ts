import type { FileSystem } from '../environment/environment.ts'
import { TidemarkError } from '../errors.ts'
import { readWholeFile } from './whole-file.ts'

const VERSION = '0'

/**
 * Kafka's text checkpoints: a line with the version, one with the number of entries, then an entry per line.
 * Returns each entry's fields; undefined where there is no file; none for an empty file.
 * Throws STORAGE_ERROR when the file is not what it declares.
 */
export function readCheckpointFile(files: FileSystem, path: string): string[][] | undefined {
  const bytes = readWholeFile(files, path)
  if (bytes === undefined) return undefined
  if (bytes.length === 0) return []
  const lines = bytes.toString('utf8').split('\n')
  if (lines.at(-1) === '') lines.pop()
  const [version, count, ...entries] = lines
  if (version !== VERSION) throw malformed(path, `its version is ${JSON.stringify(version)}, not ${VERSION}`)
  if (count === undefined || !/^\d+$/.test(count) || Number(count) !== entries.length) {
    throw malformed(path, `it declares ${JSON.stringify(count)} entries and has ${entries.length}`)
  }
  return entries.map((line) => line.trim().split(/\s+/))
}

/** The same entries as a file has them. */
export function encodeCheckpoint(entries: readonly string[]): Buffer {
  return Buffer.from([VERSION, String(entries.length), ...entries].map((line) => `${line}\n`).join(''))
}

/** A whole number as a checkpoint has it; throws STORAGE_ERROR for anything else. */
export function parseCheckpointNumber(path: string, field: string | undefined): number {
  const value = Number(field)
  if (field === undefined || !/^-?\d+$/.test(field) || !Number.isSafeInteger(value)) {
    throw malformed(path, `${JSON.stringify(field)} is not a number`)
  }
  return value
}

function malformed(path: string, reason: string): TidemarkError {
  return new TidemarkError('STORAGE_ERROR', `The checkpoint ${path} is damaged: ${reason}. Restore it or remove it.`)
}
