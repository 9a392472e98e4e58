import { createHash } from 'node:crypto'
import { accessSync, chmodSync, constants, lstatSync, mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

/** `sun_path` holds 104 bytes on macOS, 108 on Linux, with the zero at the end. */
const MAX_SOCKET_PATH_BYTES = 100

/** Where the folder of sockets is made, for processes that do not see the same `/tmp`. */
const RUNTIME_DIRECTORY = 'TIDEMARK_RUNTIME_DIR'
/**
 * Not what TMPDIR says: services, editors, cron and logins of one user have different ones, and would not find each other,
 * nor notice that the other one owns the directory.
 */
const EVERYBODYS_DIRECTORY = '/tmp'

/**
 * Where the local socket of that name is: a named pipe, or a file in a folder of this user's that nobody else may enter.
 * So only processes of the same user can bind it, remove it or connect to it.
 */
export function socketPath(name: string): string {
  // Short, and safe where the disk folds case.
  const file = createHash('sha256').update(name).digest('hex').slice(0, 24)
  if (process.platform === 'win32') return `\\\\.\\pipe\\tidemark-${file}`
  const folder = `tidemark-${user()}`
  const path = join(runtimeDirectory(), folder, `${file}.sock`)
  return Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES ? path : join(EVERYBODYS_DIRECTORY, folder, `${file}.sock`)
}

function runtimeDirectory(): string {
  const wanted = process.env[RUNTIME_DIRECTORY]
  if (wanted !== undefined && wanted !== '') return wanted
  try {
    accessSync(EVERYBODYS_DIRECTORY, constants.W_OK)
    return EVERYBODYS_DIRECTORY
  } catch {
    return tmpdir()
  }
}

/** Makes the folder where there is none, and closes it to others. Throws EACCES where it is somebody else's. */
export function makePrivateFolder(path: string): void {
  if (process.platform === 'win32') return
  const folder = dirname(path)
  try {
    mkdirSync(folder, { mode: 0o700 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  checkOwner(folder)
  if ((lstatSync(folder).mode & 0o077) !== 0) chmodSync(folder, 0o700)
}

/** Before whoever listens there is trusted. Throws EACCES where others could have put the socket there; ENOENT. */
export function checkPrivateSocket(path: string): void {
  if (process.platform === 'win32') return
  const folder = dirname(path)
  checkOwner(folder)
  const isOurs = lstatSync(path).uid === user()
  if (isOurs && (lstatSync(folder).mode & 0o077) === 0) return
  throw denied(`${isOurs ? folder : path} is open to other users; remove it or set ${RUNTIME_DIRECTORY}`)
}

function checkOwner(folder: string): void {
  const stat = lstatSync(folder)
  if (!stat.isDirectory() || stat.uid !== user()) {
    throw denied(`${folder} belongs to another user; remove it or set ${RUNTIME_DIRECTORY}`)
  }
}

function denied(why: string): Error {
  return Object.assign(new Error(`EACCES: ${why}`), { code: 'EACCES' })
}

function user(): number {
  return process.getuid?.() ?? 0
}
