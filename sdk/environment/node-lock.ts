import { accessSync, closeSync, constants, openSync, readFileSync, readSync, statSync, truncateSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { TidemarkError } from '../errors.ts'
import type { DirectoryLock, LockHolder } from './environment.ts'

/**
 * Kafka locks `.lock` with fcntl over the whole file; SQLite, in BEGIN EXCLUSIVE, does so over a part of it. So the lock
 * inside Node keeps out other Node processes and real brokers alike, and the kernel drops it with the process.
 *
 * A POSIX lock belongs to the process and goes as soon as the process closes *any* descriptor of the file. Hence nothing
 * here opens the file before it is sure that no part of this process, worker threads included, holds the lock.
 */
const LOCK_FILE = '.lock'
/** SQLite's file format: `user_version`, big-endian, in the header of page 1. */
const USER_VERSION_POSITION = 60

const SQLITE_BUSY = 5
const SQLITE_LOCKED = 6
const SQLITE_READONLY = 8
const SQLITE_CORRUPT = 11
const SQLITE_CANTOPEN = 14
const SQLITE_NOTADB = 26

type Sqlite = typeof import('node:sqlite')

/** Takes the lock of `directory`, which must exist. */
export function lockDirectory(directory: string): DirectoryLock | LockHolder {
  const sqlite = loadSqlite()
  const path = join(directory, LOCK_FILE)
  for (;;) {
    const inode = touch(sqlite, path)
    const claim = claimInProcess(sqlite, inode)
    if (claim === undefined) return { held: false, pid: process.pid }
    let database: DatabaseSync | undefined
    try {
      database = lockFile(sqlite, path)
      if (database === undefined) return { held: false, pid: holderPid(path) }
      // Kafka unlinks the file at an orderly stop: what we locked must still be what others would find.
      if (inodeOf(path) === inode) return new NodeLock(path, inode, database, claim)
      database.close()
      claim.close()
    } catch (error) {
      database?.close()
      throw error
    } finally {
      if (database === undefined) claim.close()
    }
  }
}

/** Who holds the lock of `directory`, without taking it or writing. */
export function findLockHolder(directory: string): LockHolder | undefined {
  return findHolder(directory, holderPid)
}

/** Whether anybody holds the lock of `directory`: without the list of all locks of the system, which may be a long one. */
export function isLocked(directory: string): boolean {
  return findHolder(directory, () => undefined) !== undefined
}

function findHolder(directory: string, pidOf: (path: string) => number | undefined): LockHolder | undefined {
  const sqlite = loadSqlite()
  const path = join(directory, LOCK_FILE)
  const inode = inodeOf(path)
  if (inode === undefined) return undefined
  const claim = claimInProcess(sqlite, inode)
  if (claim === undefined) return { held: false, pid: process.pid }
  try {
    return isLockedElsewhere(sqlite, path) ? { held: false, pid: pidOf(path) } : undefined
  } finally {
    claim.close()
  }
}

class NodeLock implements DirectoryLock {
  readonly held = true
  readonly #path: string
  readonly #inode: string
  #connections: readonly DatabaseSync[]

  constructor(path: string, inode: string, database: DatabaseSync, claim: DatabaseSync) {
    this.#path = path
    this.#inode = inode
    this.#connections = [database, claim]
  }

  isStillOurs(): boolean {
    return this.#connections.length > 0 && inodeOf(this.#path) === this.#inode
  }

  release(): void {
    // Closing rolls back and unlocks. The file stays: unlinking it would let two processes lock two different files.
    for (const connection of this.#connections) connection.close()
    this.#connections = []
  }
}

function loadSqlite(): Sqlite {
  const sqlite = process.getBuiltinModule('node:sqlite') as Sqlite | undefined
  if (sqlite !== undefined) return sqlite
  throw new TidemarkError(
    'UNSUPPORTED',
    `This runtime (Node ${process.versions.node}) has no node:sqlite, which holds the lock of a directory. Use Node 24 or newer; reading without owning works everywhere.`,
  )
}

/** Creates the file if need be and says which it is. SQLite creates it: it knows whether a thread of ours locks it meanwhile. */
function touch(sqlite: Sqlite, path: string): string {
  for (;;) {
    const inode = inodeOf(path)
    if (inode !== undefined) return inode
    let database: DatabaseSync | undefined
    try {
      database = new sqlite.DatabaseSync(path)
      database.prepare('PRAGMA user_version').get()
    } catch (error) {
      if (resultCode(error) !== SQLITE_BUSY) throw readable(error, path)
    } finally {
      database?.close()
    }
  }
}

/** SQLite does not say which file, nor why in the system's words. */
function readable(error: unknown, path: string): unknown {
  const code = resultCode(error)
  if (code !== SQLITE_READONLY && code !== SQLITE_CANTOPEN) return error
  try {
    // Why, only the system knows; the file is not opened, which would drop a lock.
    accessSync(statSync(path, { throwIfNoEntry: false }) === undefined ? dirname(path) : path, constants.W_OK)
  } catch (cause) {
    return cause
  }
  const message = `EACCES: permission denied, write '${path}' (${(error as Error).message})`
  return Object.assign(new Error(message, { cause: error }), { code: 'EACCES', path })
}

function inodeOf(path: string): string | undefined {
  const stat = statSync(path, { throwIfNoEntry: false, bigint: true })
  return stat === undefined ? undefined : `${stat.dev}-${stat.ino}`
}

/**
 * One holder per process. A shared-cache database in memory is the one thing that all threads and all copies of this
 * module in a process see, and that is let go when a thread dies. Undefined if another part of this process has it.
 */
function claimInProcess(sqlite: Sqlite, inode: string): DatabaseSync | undefined {
  const claim = new sqlite.DatabaseSync(`file:tidemark-lock-${inode}?mode=memory&cache=shared`)
  try {
    claim.exec('BEGIN EXCLUSIVE')
    return claim
  } catch (error) {
    claim.close()
    if (resultCode(error) === SQLITE_LOCKED || resultCode(error) === SQLITE_BUSY) return undefined
    throw error
  }
}

/** Undefined if another process has it. */
function lockFile(sqlite: Sqlite, path: string): DatabaseSync | undefined {
  for (let attempt = 0; ; attempt++) {
    let database: DatabaseSync | undefined
    try {
      database = new sqlite.DatabaseSync(path)
      // No journal beside the file, no flush. EXCLUSIVE keeps the lock from the first write on, so the pid is always the
      // holder's.
      database.exec('PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF; PRAGMA locking_mode=EXCLUSIVE')
      database.exec(`PRAGMA user_version=${process.pid}; BEGIN EXCLUSIVE`)
      return database
    } catch (error) {
      database?.close()
      const code = resultCode(error)
      if (code === SQLITE_BUSY) return undefined
      if ((code !== SQLITE_NOTADB && code !== SQLITE_CORRUPT) || attempt > 0) throw readable(error, path)
      // A power loss left zeros, or it is someone else's content. Locks do not depend on it, so emptying is harmless
      // even to a holder.
      truncateSync(path, 0)
    }
  }
}

function isLockedElsewhere(sqlite: Sqlite, path: string): boolean {
  try {
    const database = new sqlite.DatabaseSync(path, { readOnly: true })
    try {
      database.prepare('PRAGMA user_version').get()
    } finally {
      database.close()
    }
    return false
  } catch (error) {
    return resultCode(error) === SQLITE_BUSY
  }
}

/** Only for a file that no part of this process has locked. */
function holderPid(path: string): number | undefined {
  return holderPidFromKernel(path) ?? holderPidFromFile(path)
}

/** Linux: also names a broker, which writes nothing into the file. */
function holderPidFromKernel(path: string): number | undefined {
  try {
    const stat = statSync(path)
    const major = ((stat.dev >>> 8) & 0xfff).toString(16).padStart(2, '0')
    const minor = ((stat.dev & 0xff) | ((stat.dev >>> 12) & 0xfff00)).toString(16).padStart(2, '0')
    const place = `${major}:${minor}:${stat.ino}`
    for (const line of readFileSync('/proc/locks', 'latin1').split('\n')) {
      const fields = line.trim().split(/\s+/)
      if (fields[1] !== '->' && fields[3] === 'WRITE' && fields[5] === place) return positive(Number(fields[4]))
    }
  } catch {
    // Not Linux, or hidden: the file may tell.
  }
  return undefined
}

function holderPidFromFile(path: string): number | undefined {
  const bytes = Buffer.alloc(4)
  try {
    const descriptor = openSync(path, 'r')
    try {
      if (readSync(descriptor, bytes, 0, 4, USER_VERSION_POSITION) < 4) return undefined
    } finally {
      closeSync(descriptor)
    }
  } catch {
    return undefined
  }
  return positive(bytes.readUInt32BE(0))
}

function positive(pid: number): number | undefined {
  return pid > 0 ? pid : undefined
}

/** Primary result code of an error by SQLite. */
function resultCode(error: unknown): number | undefined {
  const code = (error as { errcode?: unknown } | null)?.errcode
  return typeof code === 'number' ? code & 0xff : undefined
}
