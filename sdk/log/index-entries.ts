import type { File, FileSystem } from '../environment/environment.ts'
import { FilePool } from '../environment/file-pool.ts'
import { errnoOf } from './storage-error.ts'

/** Enough for 2 MiB of log at Kafka's interval before it grows. */
const FIRST_ENTRIES = 512

/**
 * The entries of one index file, in memory, and their way to the file: fixed size, big-endian, no header, no checksum.
 * An index can always be made again from the log, so it is written lazily and never flushed before its segment is full.
 */
export abstract class IndexEntries {
  readonly path: string
  /** Entries there are. */
  count = 0
  protected entries: Buffer
  private readonly files: FileSystem
  private readonly entryBytes: number
  private file: File | undefined
  /** Entries that are in the file already. */
  private stored = 0
  /** Whether there is a file, and what is in it is known. */
  private isLoaded = false
  /** Whether something, zeros or outdated entries, may lie behind them in the file. */
  private untrimmed = false

  constructor(files: FileSystem, path: string, entryBytes: number) {
    this.files = files
    this.path = path
    this.entryBytes = entryBytes
    this.entries = Buffer.allocUnsafe(0)
  }

  /** Whether the entries rise as they must. Says nothing about the log they point into. */
  abstract isOrdered(): boolean

  /**
   * Takes the entries from the file; false where there is none, or where it ends inside an entry. Kafka gives its index
   * files their full size at once, so zeros at the end are space, not entries.
   */
  load(): boolean {
    let file: File
    try {
      file = this.files.open(this.path, { write: false })
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return false
      throw error
    }
    try {
      const sizeBytes = file.sizeBytes()
      const slots = Math.floor(sizeBytes / this.entryBytes)
      this.count = slots === 1 ? 1 : this.#countUsed(file, slots)
      this.entries = Buffer.allocUnsafe(this.count * this.entryBytes)
      const bytes = file.read(this.entries, 0)
      this.count = Math.min(this.count, Math.floor(bytes / this.entryBytes))
      this.stored = this.count
      this.untrimmed = sizeBytes !== this.count * this.entryBytes
      this.isLoaded = true
      return sizeBytes % this.entryBytes === 0
    } finally {
      file.close()
    }
  }

  /** Writes what is not in the file yet, and cuts what lies behind it. Keeps the file open. */
  store(): void {
    // Most segments of most partitions have no entry that is not in the file already.
    if (this.isStored) return
    this.file ??= this.open()
    if (this.untrimmed) {
      this.file.truncate(this.stored * this.entryBytes)
      this.untrimmed = false
    }
    if (this.stored === this.count) return
    // Until the write has succeeded nobody knows how much of it is there.
    this.untrimmed = true
    const start = this.stored * this.entryBytes
    this.file.write([this.entries.subarray(start, this.count * this.entryBytes)], start)
    this.untrimmed = false
    this.isLoaded = true
    this.stored = this.count
  }

  /** Whether the file has exactly these entries. */
  get isStored(): boolean {
    return this.stored === this.count && !this.untrimmed
  }

  /** How many entries only memory has. */
  get pending(): number {
    return this.count - this.stored
  }

  /** Resolves when what was stored survives a power loss. */
  async sync(): Promise<void> {
    this.file ??= this.open()
    await this.file.sync()
  }

  syncNow(): void {
    this.file ??= this.open()
    this.file.syncNow()
  }

  /** Closes the file; the entries stay. */
  close(): void {
    this.file?.close()
    this.file = undefined
  }

  /** Keeps the first `count` entries. */
  truncate(count: number): void {
    if (count >= this.count) return
    this.count = count
    if (this.stored <= count) return
    this.stored = count
    this.untrimmed = true
  }

  /** Starts again; what the file has, or may have, is cut at the next `store`. */
  clear(): void {
    this.untrimmed ||= this.stored > 0 || !this.isLoaded
    this.count = 0
    this.stored = 0
  }

  /** Makes room for one more entry and returns where in `entries` it goes. */
  protected grow(): number {
    const position = this.count * this.entryBytes
    if (position + this.entryBytes > this.entries.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.entries.length * 2, FIRST_ENTRIES * this.entryBytes))
      this.entries.copy(larger, 0, 0, position)
      this.entries = larger
    }
    this.count++
    return position
  }

  private open(): File {
    return FilePool.of(this.files).open(this.path, { write: true, create: true })
  }

  /** Entries before the zeros. A crash may leave zeros before entries too; then `isOrdered` is false. */
  #countUsed(file: File, slots: number): number {
    const entry = Buffer.alloc(this.entryBytes)
    const isUsed = (slot: number): boolean => {
      file.read(entry, slot * this.entryBytes)
      return entry.some((byte) => byte !== 0)
    }
    if (slots === 0 || isUsed(slots - 1)) return slots
    let used = 0
    let unused = slots - 1
    while (used < unused) {
      const middle = (used + unused) >>> 1
      if (isUsed(middle)) used = middle + 1
      else unused = middle
    }
    return used
  }
}
