import type { Clock, File, Timers } from './environment.ts'
import type { MemoryInode } from './memory-disk.ts'
import { errno } from './memory-errors.ts'
import type { DiskOperation, MemoryFaults } from './memory-faults.ts'
import type { MemoryVolume } from './memory-file-system.ts'

interface Surroundings {
  readonly volume: MemoryVolume
  readonly faults: MemoryFaults
  readonly clock: Clock
  readonly timers: Timers
  readonly changed: () => void
  /** The descriptor is given back. */
  readonly closed: () => void
}

/** An open file of a `MemoryFileSystem`; like a descriptor it outlives the file's name. */
export class MemoryFile implements File {
  readonly #inode: MemoryInode
  readonly #path: string
  readonly #write: boolean
  readonly #around: Surroundings
  #closed = false

  constructor(inode: MemoryInode, path: string, write: boolean, around: Surroundings) {
    this.#inode = inode
    this.#path = path
    this.#write = write
    this.#around = around
  }

  read(target: Uint8Array, position: number): number {
    this.#check('read')
    return this.#inode.read(target, position)
  }

  write(chunks: readonly Uint8Array[], position: number): void {
    if (!this.#write) throw errno('EBADF', 'write', this.#path)
    this.#checkOpen('write')
    const bytes = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
    const failure = this.#around.faults.due('write', this.#path)
    if (failure !== undefined) {
      // A full disk takes what fits; any other error nothing.
      if ((failure as NodeJS.ErrnoException).code === 'ENOSPC')
        this.#put(bytes.subarray(0, bytes.byteLength >> 1), position)
      throw failure
    }
    const { volume } = this.#around
    const room = this.#inode.sizeBytes + Math.max(0, volume.capacityBytes - volume.usedBytes) - position
    if (bytes.byteLength <= room) {
      this.#put(bytes, position)
    } else {
      this.#put(bytes.subarray(0, Math.max(0, room)), position)
      throw errno('ENOSPC', 'write', this.#path)
    }
  }

  sizeBytes(): number {
    this.#check('sizeBytes')
    return this.#inode.sizeBytes
  }

  inode(): bigint {
    this.#checkOpen('sizeBytes')
    return this.#inode.number
  }

  truncate(sizeBytes: number): void {
    if (!this.#write) throw errno('EBADF', 'truncate', this.#path)
    this.#check('truncate')
    this.#around.volume.usedBytes += sizeBytes - this.#inode.sizeBytes
    this.#inode.truncate(sizeBytes)
    this.#touch()
  }

  async sync(): Promise<void> {
    this.#checkOpen('sync')
    // Only what was written before the call is promised, and only once the call has returned.
    const upTo = this.#inode.changes
    const failure = this.#around.faults.due('sync', this.#path)
    await this.#around.timers.yield()
    if (failure === undefined) return this.#inode.persist(upTo)
    this.#inode.forget(upTo)
    throw failure
  }

  syncNow(): void {
    this.#checkOpen('sync')
    const failure = this.#around.faults.due('sync', this.#path)
    if (failure !== undefined) {
      this.#inode.forget(this.#inode.changes)
      throw failure
    }
    this.#inode.persist(this.#inode.changes)
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#around.closed()
    this.#around.faults.check('close', this.#path)
  }

  #put(bytes: Uint8Array, position: number): void {
    if (bytes.byteLength === 0) return
    const before = this.#inode.sizeBytes
    this.#inode.write(bytes, position)
    this.#around.volume.usedBytes += this.#inode.sizeBytes - before
    this.#touch()
  }

  #touch(): void {
    this.#inode.modifiedMs = this.#around.clock.nowMs()
    this.#around.changed()
  }

  #check(operation: DiskOperation): void {
    this.#checkOpen(operation)
    this.#around.faults.check(operation, this.#path)
  }

  #checkOpen(operation: DiskOperation): void {
    if (this.#closed) throw errno('EBADF', operation, this.#path)
  }
}
