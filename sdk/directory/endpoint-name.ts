import type { Environment } from '../environment/environment.ts'
import { readMetaProperties } from './meta-properties.ts'

/** What the local socket of a directory's owner is named after. A copy of a directory has its id, but is another file. */
export function endpointName(environment: Environment, directory: string, directoryId: string): string {
  return `${directoryId} ${environment.files.stat(directory)?.inode}`
}

/** The id of the directory at `path`. Undefined where there is none, and where none can be read: opening it tells why. */
export function findDirectoryId(environment: Environment, path: string): string | undefined {
  try {
    return readMetaProperties(environment, path)?.directoryId
  } catch {
    return undefined
  }
}
