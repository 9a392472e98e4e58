/** Which files make a directory a data directory, and what it is called. */
import { dirname, relative, sep } from 'node:path'

/** Every data directory has this file at its top. */
export const IDENTITY_FILE = 'meta.properties'

/** The data directories among found files, each once, by path. */
export function directoriesOf(identityFiles: readonly string[]): readonly string[] {
  return [...new Set(identityFiles.map((file) => dirname(file)))].sort()
}

/** The path within the workspace folder that holds it, otherwise the whole one. */
export function directoryName(directory: string, workspaceFolders: readonly string[]): string {
  for (const folder of workspaceFolders) {
    const path = relative(folder, directory)
    if (path !== '' && !path.startsWith('..') && !path.startsWith(sep)) return path.replaceAll(sep, '/')
  }
  return directory
}
