import { type ErrorPlace, TidemarkError } from '../errors.ts'

/** What the operating system calls the error (`ENOSPC`), if it was one of its. */
export function errnoOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/** The system has no descriptor left to open a file with: nothing was tried, so nothing was lost. */
export function isOutOfDescriptors(error: unknown): boolean {
  const errno = errnoOf(error)
  return errno === 'EMFILE' || errno === 'ENFILE'
}

const ADVICE: Readonly<Record<string, string>> = {
  ENOSPC: 'The disk is full: free some space, then try again.',
  EDQUOT: 'The disk quota is used up: free some space, then try again.',
  EMFILE: 'The process has too many open files: raise its limit (ulimit -n) or close some.',
  ENFILE: 'The machine has too many open files: close some.',
  ESTALE: 'Somebody removed or replaced it while it was in use. Open the directory again.',
  EEXIST: 'What is there is no directory, perhaps a link to nothing: remove it, or name another place.',
  ENOTDIR: 'A part of the path is a file, not a directory: name another place.',
  ENOENT: 'A part of the path is missing, or has gone meanwhile.',
  ENAMETOOLONG: 'Name a shorter path.',
  ELOOP: 'A link in the path leads back to itself: remove it or name another place.',
  EACCES: 'The process may not do that: check who owns the directory and its permissions.',
  EPERM: 'The process may not do that: check who owns the directory and its permissions.',
  ERR_ACCESS_DENIED:
    'Node forbids it, since it runs with --permission, under which nothing can be flushed to a disk: start it without, or open the directory with readOnly.',
  EROFS: 'The file system is read-only: mount it for writing, name another place, or open the directory with readOnly.',
}

/** A failure of the disk in Tidemark's words; a `TidemarkError` stays what it is. `doing`: "append to payments-0". */
export function storageError(error: unknown, doing: string, place: ErrorPlace = {}): TidemarkError {
  if (error instanceof TidemarkError) return error
  const reason = (error instanceof Error ? error.message : String(error)).replace(/\.+$/, '')
  const advice = ADVICE[errnoOf(error) ?? ''] ?? 'Check the disk and the system log.'
  const code = isOutOfDescriptors(error) ? 'TOO_MANY_OPEN_FILES' : 'STORAGE_ERROR'
  return new TidemarkError(code, `Could not ${doing}: ${reason}. ${advice}`, { ...place, cause: error })
}

/** The same for what the operating system refused; anything else, bugs included, unchanged. `doing`: "open /data". */
export function asDiskFailure(error: unknown, doing: string): unknown {
  return errnoOf(error) === undefined ? error : storageError(error, doing)
}
