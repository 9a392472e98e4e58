import {
  closeSync,
  constants,
  fsync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  utimesSync,
  watch,
} from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import type { File, FileStat, FileSystem, Mount } from './environment.ts'
import { NodeFile } from './node-file.ts'
import { mountOf } from './node-mount.ts'

/** What a file system answers that has no such thing as flushing a directory. */
const CANNOT_SYNC_DIRECTORY = new Set(['EINVAL', 'ENOTSUP', 'ENOSYS'])

/** macOS begins with as many, and Node raises it as far as it may. */
const USUAL_MAX_OPEN_FILES = 256

/** Directories that are flushed in the background at the same time: libuv has four threads, and descriptors are few. */
const FLUSH_LANES = 4

const flush = promisify(fsync)

async function flushDirectory(directory: string): Promise<void> {
  const descriptor = openSync(directory, constants.O_RDONLY)
  try {
    await flush(descriptor)
  } catch (error) {
    refuseUnlessNoSuchThing(error)
  } finally {
    closeSync(descriptor)
  }
}

function refuseUnlessNoSuchThing(error: unknown): void {
  if (!CANNOT_SYNC_DIRECTORY.has((error as NodeJS.ErrnoException).code ?? '')) throw error
}

class NodeFileSystem implements FileSystem {
  #maxOpenFiles: number | undefined
  readonly #flushLanes: Promise<void>[] = Array.from({ length: FLUSH_LANES }, () => Promise.resolve())
  #nextLane = 0

  get maxOpenFiles(): number {
    this.#maxOpenFiles ??= readMaxOpenFiles() ?? USUAL_MAX_OPEN_FILES
    return this.#maxOpenFiles
  }

  open(path: string, options: { write: boolean; create?: boolean }): File {
    const create = options.create === true ? constants.O_CREAT : 0
    return new NodeFile(openSync(path, options.write ? constants.O_RDWR | create : constants.O_RDONLY, 0o666))
  }

  stat(path: string): FileStat | undefined {
    const stat = statSync(path, { throwIfNoEntry: false, bigint: true })
    if (stat === undefined) return undefined
    return {
      sizeBytes: Number(stat.size),
      modifiedMs: Number(stat.mtimeMs),
      isDirectory: stat.isDirectory(),
      inode: stat.ino,
    }
  }

  list(directory: string): string[] {
    return readdirSync(directory)
  }

  makeDirectory(path: string): void {
    // Not with `recursive`: below a place that takes no directories, such as /proc, Node would try for ever.
    const parent = dirname(path)
    for (;;) {
      try {
        mkdirSync(path)
        return
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException
        // Whatever the system says of a directory that is there (a root is read-only, or busy), it is there.
        if (this.stat(path)?.isDirectory === true) return
        if (code !== 'ENOENT' || parent === path || this.stat(parent) !== undefined) throw error
      }
      this.makeDirectory(parent)
    }
  }

  rename(from: string, to: string): void {
    renameSync(from, to)
  }

  setModified(path: string, modifiedMs: number): void {
    utimesSync(path, modifiedMs / 1000, modifiedMs / 1000)
  }

  remove(path: string): void {
    unlinkSync(path)
  }

  removeDirectory(path: string): void {
    rmSync(path, { recursive: true, force: true })
  }

  syncDirectory(directory: string): void {
    if (process.platform === 'win32') return
    const descriptor = openSync(directory, constants.O_RDONLY)
    try {
      fsyncSync(descriptor)
    } catch (error) {
      refuseUnlessNoSuchThing(error)
    } finally {
      closeSync(descriptor)
    }
  }

  async syncDirectoryInBackground(directory: string): Promise<void> {
    if (process.platform === 'win32') return
    const lane = this.#nextLane++ % FLUSH_LANES
    const flushed = this.#flushLanes[lane]!.then(() => flushDirectory(directory))
    this.#flushLanes[lane] = flushed.catch(() => {})
    await flushed
  }

  realPath(path: string): string {
    const absolute = resolve(path)
    try {
      return realpathSync.native(absolute)
    } catch (error) {
      const parent = dirname(absolute)
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || parent === absolute) throw error
      // Links above a directory that is still to be made count too: the path must not change by making it.
      return join(this.realPath(parent), basename(absolute))
    }
  }

  join(...parts: string[]): string {
    return join(...parts)
  }

  mount(path: string): Mount | undefined {
    return mountOf(path)
  }

  watch(directory: string, changed: () => void): { close(): void } {
    try {
      const watcher = watch(directory, { persistent: false }, () => changed())
      watcher.on('error', () => watcher.close())
      return { close: () => watcher.close() }
    } catch {
      // No watches left (inotify limits) or no such directory: callers poll as well.
      return { close: () => {} }
    }
  }
}

/** The soft limit, where the system tells it without a process of its own. */
function readMaxOpenFiles(): number | undefined {
  try {
    const found = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))
    return found === null ? undefined : Number(found[1])
  } catch {
    return undefined
  }
}

export const nodeFileSystem: FileSystem = new NodeFileSystem()
