import type { File, FileSystem } from '../environment/environment.ts'
import { errnoOf } from './storage-error.ts'

/** Everything in a file; undefined where there is none. */
export function readWholeFile(files: FileSystem, path: string): Buffer | undefined {
  let file: File
  try {
    file = files.open(path, { write: false })
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw error
  }
  try {
    const bytes = Buffer.alloc(file.sizeBytes())
    return bytes.subarray(0, file.read(bytes, 0))
  } finally {
    file.close()
  }
}

/**
 * Puts `bytes` in the place of a file so that a crash leaves the old one or the new one: `<name>.tmp`, flushed, renamed,
 * directory flushed. Durable on return.
 */
export function replaceWholeFile(files: FileSystem, directory: string, name: string, bytes: Uint8Array): void {
  const path = files.join(directory, name)
  const temporary = `${path}.tmp`
  const file = files.open(temporary, { write: true, create: true })
  try {
    file.truncate(0)
    file.write([bytes], 0)
    file.syncNow()
  } finally {
    file.close()
  }
  files.rename(temporary, path)
  files.syncDirectory(directory)
}
