import type { FileSystem } from './environment.ts'
import { type DescriptorSource, PooledFile } from './pooled-file.ts'

/** Half of what the process may have: the other half is for sockets, and for files that are opened for a moment. */
const SHARE = 0.5
/** More saves little, and every open file costs kernel memory. */
const MAX_DESCRIPTORS = 1024
/** A file that is being flushed keeps its descriptor. Libuv flushes four at the same time. */
const MAX_FLUSHES = 16
/** What the system says when there are no descriptors left: in this process, on this machine. */
const NONE_LEFT = new Set<unknown>(['EMFILE', 'ENFILE'])

const pools = new WeakMap<FileSystem, FilePool>()

/**
 * The files of a process that stay open: segments and their indexes, thousands where there are many partitions, while
 * descriptors are few. At most `limit` of them have one. Beyond that the one gives its up that was not used for longest
 * (by second chance), rather one whose bytes are flushed; otherwise it is flushed first, since no descriptor that is opened
 * later can be relied on to report that the bytes were lost.
 *
 * `.lock` must never come here: closing a descriptor of it drops the lock.
 */
export class FilePool implements DescriptorSource {
  readonly limit: number
  readonly #files: FileSystem
  readonly #open: PooledFile[] = []
  #flushes = 0
  readonly #waiting: (() => void)[] = []
  /** Where the search for one that gives its descriptor up goes on. */
  #hand = 0

  constructor(files: FileSystem, limit?: number) {
    this.#files = files
    const share = Math.floor(files.maxOpenFiles * SHARE)
    this.limit = limit ?? Math.max(1, Math.min(MAX_DESCRIPTORS, share))
  }

  /** The pool of all who use `files`: descriptors are the process's. */
  static of(files: FileSystem): FilePool {
    let pool = pools.get(files)
    if (pool === undefined) {
      pool = new FilePool(files)
      pools.set(files, pool)
    }
    return pool
  }

  /** Descriptors that are open now. */
  get openCount(): number {
    return this.#open.length
  }

  /** Like `FileSystem.open`, for a file that will stay open: while nobody uses it, others may have its descriptor. */
  open(path: string, options: { write: boolean; create?: boolean }): PooledFile {
    const file = new PooledFile(path, options.write, this)
    this.#admit(file, options)
    return file
  }

  /** For the pool's files. */
  reopen(file: PooledFile): void {
    // Without `create`: a file that was removed must not come back empty.
    this.#admit(file, { write: file.isWritable })
  }

  /** For the pool's files. */
  remove(file: PooledFile): void {
    const last = this.#open.pop()!
    if (last === file) return
    last.slot = file.slot
    this.#open[file.slot] = last
  }

  /** For the pool's files. */
  beginFlush(): Promise<void> | undefined {
    if (this.#flushes >= Math.min(MAX_FLUSHES, Math.ceil(this.limit / 2))) {
      return new Promise((resolve) => this.#waiting.push(resolve))
    }
    this.#flushes++
    return undefined
  }

  /** For the pool's files. */
  endFlush(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#flushes--
    else next()
  }

  #admit(file: PooledFile, options: { write: boolean; create?: boolean }): void {
    while (this.#open.length >= this.limit && this.#takeOne());
    for (;;) {
      try {
        file.attach(this.#files.open(file.path, options), this.#open.length)
        this.#open.push(file)
        return
      } catch (error) {
        // The program has many open files of its own. Ours make room as far as they can.
        if (!NONE_LEFT.has((error as { code?: unknown }).code) || !this.#takeOne()) throw error
      }
    }
  }

  /** Takes the descriptor of one file away; false where all of them are busy. */
  #takeOne(): boolean {
    let dirty: PooledFile | undefined
    // Twice around: the first time, those that were used since the last search only lose their mark.
    for (let step = 2 * this.#open.length; step > 0; step--) {
      this.#hand = (this.#hand + 1) % this.#open.length
      const file = this.#open[this.#hand]!
      if (file.isBusy) continue
      if (file.wasUsed) file.wasUsed = false
      else if (file.isFlushed) return this.#take(file)
      else dirty ??= file
    }
    return dirty !== undefined && this.#take(dirty)
  }

  #take(file: PooledFile): true {
    // The search goes on behind it: the newest file takes its slot.
    this.#hand = file.slot
    this.remove(file)
    file.detach()
    return true
  }
}
