import { randomFrom, type SeededRandom } from './seeded-random.ts'

/** Disks write whole sectors: a torn write ends at one. */
const SECTOR_BYTES = 512

/** What a power loss does to bytes and names that were not flushed. */
export interface CrashOptions {
  /**
   * `'none'` (default): all of it is lost. `'all'`: nothing is, as when only the process dies. A number is a seed: of
   * each file and each directory a random prefix survives, a file's torn at a sector.
   */
  readonly keepUnsynced?: 'all' | 'none' | number
  /** With a seed: beyond the prefix any sector and any name may survive too, so holes appear (zeros or what was there before). */
  readonly reorder?: boolean
}

type FileChange = { readonly position: number; readonly bytes: Buffer } | { readonly sizeBytes: number }

/** A file's bytes as the kernel has them, and as the disk has them. */
export class MemoryInode {
  readonly isDirectory = false
  readonly number: bigint
  modifiedMs: number
  sizeBytes = 0
  #bytes: Buffer = Buffer.alloc(0)
  #durable: Buffer = Buffer.alloc(0)
  #durableSizeBytes = 0
  #unsynced: FileChange[] = []
  #settledChanges = 0

  constructor(number: bigint, modifiedMs: number) {
    this.number = number
    this.modifiedMs = modifiedMs
  }

  read(target: Uint8Array, position: number): number {
    const end = Math.min(this.sizeBytes, position + target.byteLength)
    if (end <= position) return 0
    target.set(this.#bytes.subarray(position, end))
    return end - position
  }

  write(chunk: Uint8Array, position: number): void {
    const bytes = Buffer.from(chunk)
    this.#bytes = writeInto(this.#bytes, bytes, position)
    this.sizeBytes = Math.max(this.sizeBytes, position + bytes.byteLength)
    this.#unsynced.push({ position, bytes })
  }

  truncate(sizeBytes: number): void {
    this.#bytes = resized(this.#bytes, this.sizeBytes, sizeBytes)
    this.sizeBytes = sizeBytes
    this.#unsynced.push({ sizeBytes })
  }

  /** Every change so far, counted since the file was made. */
  get changes(): number {
    return this.#settledChanges + this.#unsynced.length
  }

  /** The changes up to that count reach the disk. */
  persist(changes: number): void {
    for (const change of this.#take(changes)) this.#apply(change)
  }

  /** A failed fsync marks the pages clean: the next one succeeds, and the bytes are never written. */
  forget(changes: number): void {
    this.#take(changes)
  }

  #take(changes: number): FileChange[] {
    const taken = this.#unsynced.splice(0, Math.max(0, changes - this.#settledChanges))
    this.#settledChanges += taken.length
    return taken
  }

  /** The file as a crash leaves it. */
  afterCrash(options: CrashOptions, random: SeededRandom): MemoryInode {
    const survivor = new MemoryInode(this.number, this.modifiedMs)
    const keep = options.keepUnsynced ?? 'none'
    if (keep === 'all') {
      survivor.#settle(this.#bytes, this.sizeBytes)
      return survivor
    }
    survivor.#settle(this.#durable, this.#durableSizeBytes)
    if (keep !== 'none') survivor.#applyTorn(this.#unsynced, options.reorder === true, random)
    survivor.#settle(survivor.#durable, survivor.#durableSizeBytes)
    return survivor
  }

  #settle(bytes: Buffer, sizeBytes: number): void {
    this.#bytes = Buffer.from(bytes.subarray(0, sizeBytes))
    this.#durable = Buffer.from(this.#bytes)
    this.#durableSizeBytes = sizeBytes
    this.sizeBytes = sizeBytes
  }

  #applyTorn(changes: readonly FileChange[], reorder: boolean, random: SeededRandom): void {
    const whole = random.below(changes.length + 1)
    for (const change of changes.slice(0, whole)) this.#apply(change)
    const torn = changes[whole]
    if (torn === undefined) return
    if ('bytes' in torn) this.#applySectors(torn, random.below(sectorsOf(torn)), () => false)
    if (!reorder) return
    for (const change of changes.slice(whole)) {
      if ('bytes' in change) this.#applySectors(change, 0, () => random.below(2) === 0)
    }
  }

  /** The first `count` sectors of a write, and of the rest those that `survives` picks. */
  #applySectors(write: { position: number; bytes: Buffer }, count: number, survives: () => boolean): void {
    let start = 0
    for (let sector = 0; start < write.bytes.byteLength; sector++) {
      const boundary = (Math.floor((write.position + start) / SECTOR_BYTES) + 1) * SECTOR_BYTES
      const end = Math.min(write.bytes.byteLength, boundary - write.position)
      if (sector < count || survives()) {
        this.#apply({ position: write.position + start, bytes: write.bytes.subarray(start, end) })
      }
      start = end
    }
  }

  #apply(change: FileChange): void {
    if ('bytes' in change) {
      this.#durable = writeInto(this.#durable, change.bytes, change.position)
      this.#durableSizeBytes = Math.max(this.#durableSizeBytes, change.position + change.bytes.byteLength)
    } else {
      this.#durable = resized(this.#durable, this.#durableSizeBytes, change.sizeBytes)
      this.#durableSizeBytes = change.sizeBytes
    }
  }
}

export type MemoryNode = MemoryInode | MemoryDirectory
type Entries = Map<string, MemoryNode>
/** null: the name is gone. One change may move a name, and does so at once. */
type NameChange = readonly (readonly [name: string, node: MemoryNode | null])[]

/** The names in a directory as the kernel has them, and as the disk has them. */
export class MemoryDirectory {
  readonly isDirectory = true
  readonly number: bigint
  modifiedMs: number
  readonly sizeBytes = 0
  readonly entries: Entries = new Map()
  #durable: Entries = new Map()
  #unsynced: NameChange[] = []
  #persisted = 0

  constructor(number: bigint, modifiedMs: number) {
    this.number = number
    this.modifiedMs = modifiedMs
  }

  change(change: NameChange): void {
    applyNames(this.entries, change)
    this.#unsynced.push(change)
  }

  /** How many there were. */
  get changes(): number {
    return this.#persisted + this.#unsynced.length
  }

  /** The first `upTo` changes survive a crash from now on. */
  persist(upTo = this.changes): void {
    const changes = this.#unsynced.splice(0, Math.max(0, upTo - this.#persisted))
    for (const change of changes) applyNames(this.#durable, change)
    this.#persisted += changes.length
  }

  afterCrash(options: CrashOptions, random: SeededRandom, survivors: Map<MemoryNode, MemoryNode>): MemoryDirectory {
    const keep = options.keepUnsynced ?? 'none'
    const names: Entries = new Map(keep === 'all' ? this.entries : this.#durable)
    const kept = typeof keep === 'number' ? random.below(this.#unsynced.length + 1) : 0
    for (const [at, change] of this.#unsynced.entries()) {
      if (at < kept || (options.reorder === true && typeof keep === 'number' && random.below(2) === 0))
        applyNames(names, change)
    }
    const survivor = new MemoryDirectory(this.number, this.modifiedMs)
    survivors.set(this, survivor)
    for (const [name, node] of names) {
      const child = survivors.get(node) ?? node.afterCrash(options, random, survivors)
      survivors.set(node, child)
      survivor.change([[name, child]])
    }
    survivor.persist()
    return survivor
  }
}

/** What a crash leaves of everything below `root`. */
export function diskAfterCrash(root: MemoryDirectory, options: CrashOptions): MemoryDirectory {
  const random = randomFrom(typeof options.keepUnsynced === 'number' ? options.keepUnsynced : 0)
  return root.afterCrash(options, random, new Map())
}

function applyNames(entries: Entries, change: NameChange): void {
  for (const [name, node] of change) {
    if (node === null) entries.delete(name)
    else entries.set(name, node)
  }
}

function sectorsOf(write: { position: number; bytes: Buffer }): number {
  return (
    Math.ceil((write.position + write.bytes.byteLength) / SECTOR_BYTES) - Math.floor(write.position / SECTOR_BYTES) || 1
  )
}

function writeInto(target: Buffer, bytes: Buffer, position: number): Buffer {
  const end = position + bytes.byteLength
  let grown = target
  if (end > target.byteLength) {
    grown = Buffer.alloc(Math.max(end, target.byteLength * 2))
    target.copy(grown)
  }
  bytes.copy(grown, position)
  return grown
}

/** Cut bytes come back as zeros. */
function resized(bytes: Buffer, from: number, to: number): Buffer {
  if (to < from) bytes.fill(0, to, from)
  return to > bytes.byteLength ? writeInto(bytes, Buffer.alloc(to - from), from) : bytes
}
