import type { Environment, LockHolder } from '../environment/environment.ts'
import { asDiskFailure } from '../log/storage-error.ts'

/**
 * Which process owns the directory now, found without disturbing it; undefined if none does. Never opens the lock file in
 * a process that owns the directory, since closing it would drop the lock.
 *
 * @throws {TidemarkError} UNSUPPORTED where the runtime has no lock; STORAGE_ERROR.
 */
export function findOwner(environment: Environment, path: string): LockHolder | undefined {
  try {
    return environment.findLockHolder(environment.files.realPath(path))
  } catch (error) {
    throw asDiskFailure(error, `find the owner of ${path}`)
  }
}
