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

/**
 * Like `replaceText`, but the flush does not hold up the event loop and the new name is flushed by nobody: after a power
 * loss the file is the old one or the new one, either of them whole. One call per file at a time; where `replaceText`
 * comes between, `isCurrent` has to say no, since the temporary file is gone then.
 */
export async function replaceTextInBackground(
  files: FileSystem,
  directory: string,
  { name, text, isCurrent }: { name: string; text: string; isCurrent: () => boolean },
): Promise<void> {
  const path = files.join(directory, name)
  const file = files.open(`${path}.tmp`, { write: true, create: true })
  try {
    file.truncate(0)
    file.write([Buffer.from(text)], 0)
    await file.sync()
  } finally {
    file.close()
  }
  if (isCurrent()) files.rename(`${path}.tmp`, path)
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
