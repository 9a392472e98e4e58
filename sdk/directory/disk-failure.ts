import { errnoOf, storageError } from '../log/storage-error.ts'

/** What the operating system refused, as a STORAGE_ERROR; anything else, bugs included, unchanged. `doing`: "open /data". */
export function asDiskFailure(error: unknown, doing: string): unknown {
  return errnoOf(error) === undefined ? error : storageError(error, doing)
}
