import type { Environment, LockHolder } from '../environment/environment.ts'
import { asDiskFailure } from '../log/storage-error.ts'

/**
 * Which process owns the directory now, found without disturbing it; undefined if none does. Never opens the lock file in
 * a process that owns the directory, since closing it would drop the lock.
 *
 * @throws {TidemarkError} UNSUPPORTED where the runtime has no lock; STORAGE_ERROR.
 */
export function findOwner(environment: Environment, path: string): LockHolder | undefined {
  return ask(path, () => environment.findLockHolder(environment.files.realPath(path)))
}

/** Whether a process owns the directory now: cheap enough to be asked again and again. Throws what `findOwner` does. */
export function isOwned(environment: Environment, path: string): boolean {
  return ask(path, () => environment.isLocked(environment.files.realPath(path)))
}

function ask<T>(path: string, question: () => T): T {
  try {
    return question()
  } catch (error) {
    throw asDiskFailure(error, `find the owner of ${path}`)
  }
}
