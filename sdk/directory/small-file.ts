import type { FileSystem } from '../environment/environment.ts'
import { readWholeFile, replaceWholeFile } from '../log/whole-file.ts'

/** The whole text of a file; undefined where there is none. */
export function readText(files: FileSystem, path: string): string | undefined {
  return readWholeFile(files, path)?.toString('utf8')
}

/** Replaces a file at once and for good: a crash leaves the old text or the new one. Durable on return. */
export function replaceText(files: FileSystem, directory: string, name: string, text: string): void {
  replaceWholeFile(files, directory, name, Buffer.from(text))
}

/** Creates or overwrites a file in place and flushes it; its name in the directory is not flushed yet. */
export function writeText(files: FileSystem, path: string, text: string): void {
  const file = files.open(path, { write: true, create: true })
  try {
    file.truncate(0)
    file.write([Buffer.from(text)], 0)
    file.syncNow()
  } finally {
    file.close()
  }
}

/** Removes a file if it is there; durable on return. Returns whether it was. */
export function removeIfThere(files: FileSystem, directory: string, name: string): boolean {
  const path = files.join(directory, name)
  if (files.stat(path) === undefined) return false
  files.remove(path)
  files.syncDirectory(directory)
  return true
}
