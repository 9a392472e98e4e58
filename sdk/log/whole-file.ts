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

/** One to be replaced in the background. */
export interface Replacement {
  readonly name: string
  readonly bytes: Uint8Array
  /** No longer, where `replaceWholeFile` came between: the temporary file is gone then. */
  readonly isCurrent: () => boolean
}

/**
 * Like `replaceWholeFile`, but the flush does not hold up the event loop and the new name is flushed by nobody: after a power
 * loss the file is the old one or the new one, either of them whole. One call per file at a time.
 */
export async function replaceWholeFileInBackground(
  files: FileSystem,
  directory: string,
  { name, bytes, isCurrent }: Replacement,
): Promise<void> {
  const path = files.join(directory, name)
  const file = files.open(`${path}.tmp`, { write: true, create: true })
  try {
    file.truncate(0)
    file.write([bytes], 0)
    await file.sync()
  } finally {
    file.close()
  }
  if (isCurrent()) files.rename(`${path}.tmp`, path)
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
