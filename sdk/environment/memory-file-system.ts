import { posix } from 'node:path'
import type { Clock, File, FileStat, FileSystem, Mount, Timers } from './environment.ts'
import { MemoryDirectory, MemoryInode, type MemoryNode } from './memory-disk.ts'
import { errno } from './memory-errors.ts'
import type { MemoryFaults } from './memory-faults.ts'
import { MemoryFile } from './memory-file.ts'

/** What the files of a `MemoryFileSystem` share with it. */
export interface MemoryVolume {
  readonly root: MemoryDirectory
  nextInode: bigint
  /** Bytes of all files together beyond which writes fail with ENOSPC. */
  capacityBytes: number
  usedBytes: number
  readonly watchers: Set<{ readonly directory: string; readonly changed: () => void }>
}

export interface MemoryFileSystemOptions {
  readonly clock: Clock
  readonly timers: Timers
  readonly maxOpenFiles: number
  readonly mount: Mount | undefined
}

/** A disk in memory. Paths are POSIX; relative ones start at the root. */
export class MemoryFileSystem implements FileSystem {
  readonly #volume: MemoryVolume
  readonly #faults: MemoryFaults
  readonly #clock: Clock
  readonly #timers: Timers
  readonly #mount: Mount | undefined
  readonly maxOpenFiles: number
  /** Files that are open in this process. */
  openFiles = 0

  constructor(
    volume: MemoryVolume,
    faults: MemoryFaults,
    { clock, timers, maxOpenFiles, mount }: MemoryFileSystemOptions,
  ) {
    this.#volume = volume
    this.#faults = faults
    this.#clock = clock
    this.#timers = timers
    this.maxOpenFiles = maxOpenFiles
    this.#mount = mount
  }

  open(path: string, options: { write: boolean; create?: boolean }): File {
    const at = this.realPath(path)
    this.#faults.check('open', at)
    if (this.openFiles >= this.maxOpenFiles) throw errno('EMFILE', 'open', at)
    let node = this.#find(at)
    if (node === undefined && options.write && options.create === true) {
      node = new MemoryInode(this.#volume.nextInode++, this.#clock.nowMs())
      this.#parent(at, 'open').change([[posix.basename(at), node]])
      this.changed(at)
    }
    if (node === undefined) throw errno('ENOENT', 'open', at)
    if (node.isDirectory) throw errno('EISDIR', 'open', at)
    this.openFiles++
    return new MemoryFile(node, at, options.write, {
      volume: this.#volume,
      faults: this.#faults,
      clock: this.#clock,
      timers: this.#timers,
      changed: () => this.changed(at),
      closed: () => this.openFiles--,
    })
  }

  stat(path: string): FileStat | undefined {
    const at = this.realPath(path)
    this.#faults.check('stat', at)
    const node = this.#find(at)
    if (node === undefined) return undefined
    const { sizeBytes, modifiedMs, isDirectory } = node
    return { sizeBytes, modifiedMs, isDirectory, inode: node.number }
  }

  list(directory: string): string[] {
    const at = this.realPath(directory)
    this.#faults.check('list', at)
    return [...this.#directory(at, 'list').entries.keys()]
  }

  makeDirectory(path: string): void {
    const at = this.realPath(path)
    this.#faults.check('makeDirectory', at)
    let directory = this.#volume.root
    for (const name of at.split('/').filter((part) => part !== '')) {
      let next = directory.entries.get(name)
      if (next === undefined) {
        next = new MemoryDirectory(this.#volume.nextInode++, this.#clock.nowMs())
        directory.change([[name, next]])
      }
      if (!next.isDirectory) throw errno('EEXIST', 'makeDirectory', at)
      directory = next
    }
    this.changed(at)
  }

  rename(from: string, to: string): void {
    const source = this.realPath(from)
    const target = this.realPath(to)
    this.#faults.check('rename', source)
    const node = this.#find(source)
    if (node === undefined) throw errno('ENOENT', 'rename', source)
    const sourceParent = this.#parent(source, 'rename')
    const targetParent = this.#parent(target, 'rename')
    const replaced = targetParent.entries.get(posix.basename(target))
    if (replaced === node) return
    if (replaced !== undefined && replaced.isDirectory !== node.isDirectory) throw errno('ENOTDIR', 'rename', target)
    if (replaced?.isDirectory && replaced.entries.size > 0) throw errno('ENOTEMPTY', 'rename', target)
    if (replaced !== undefined) this.#free(replaced)
    if (sourceParent === targetParent) {
      sourceParent.change([
        [posix.basename(source), null],
        [posix.basename(target), node],
      ])
    } else {
      targetParent.change([[posix.basename(target), node]])
      sourceParent.change([[posix.basename(source), null]])
    }
    this.changed(source)
    this.changed(target)
  }

  setModified(path: string, modifiedMs: number): void {
    const at = this.realPath(path)
    this.#faults.check('setModified', at)
    const node = this.#find(at)
    if (node === undefined) throw errno('ENOENT', 'setModified', at)
    node.modifiedMs = modifiedMs
  }

  remove(path: string): void {
    const at = this.realPath(path)
    this.#faults.check('remove', at)
    const node = this.#find(at)
    if (node === undefined) throw errno('ENOENT', 'remove', at)
    if (node.isDirectory) throw errno('EISDIR', 'remove', at)
    this.#free(node)
    this.#parent(at, 'remove').change([[posix.basename(at), null]])
    this.changed(at)
  }

  removeDirectory(path: string): void {
    const at = this.realPath(path)
    this.#faults.check('removeDirectory', at)
    const node = this.#find(at)
    if (node === undefined) return
    this.#free(node)
    this.#parent(at, 'removeDirectory').change([[posix.basename(at), null]])
    this.changed(at)
  }

  syncDirectory(directory: string): void {
    const at = this.realPath(directory)
    this.#faults.check('syncDirectory', at)
    this.#directory(at, 'syncDirectory').persist()
  }

  async syncDirectoryInBackground(directory: string): Promise<void> {
    const at = this.realPath(directory)
    const node = this.#directory(at, 'syncDirectory')
    const upTo = node.changes
    const failure = this.#faults.due('syncDirectory', at)
    await this.#timers.yield()
    if (failure !== undefined) throw failure
    node.persist(upTo)
  }

  realPath(path: string): string {
    return posix.resolve('/', path)
  }

  join(...parts: string[]): string {
    return posix.join(...parts)
  }

  watch(directory: string, changed: () => void): { close(): void } {
    const watcher = { directory: this.realPath(directory), changed }
    this.#volume.watchers.add(watcher)
    return { close: () => this.#volume.watchers.delete(watcher) }
  }

  /** Tells who watches the directory of `path`, later, as a kernel would. */
  changed(path: string): void {
    const directory = posix.dirname(path)
    for (const watcher of this.#volume.watchers) {
      if (watcher.directory !== directory) continue
      queueMicrotask(() => {
        if (this.#volume.watchers.has(watcher)) watcher.changed()
      })
    }
  }

  mount(): Mount | undefined {
    return this.#mount
  }

  #find(at: string): MemoryNode | undefined {
    let node: MemoryNode | undefined = this.#volume.root
    for (const name of at.split('/')) {
      if (name === '') continue
      if (!node?.isDirectory) return undefined
      node = node.entries.get(name)
    }
    return node
  }

  #parent(at: string, operation: string): MemoryDirectory {
    return this.#directory(posix.dirname(at), operation)
  }

  #directory(at: string, operation: string): MemoryDirectory {
    const node = this.#find(at)
    if (node === undefined) throw errno('ENOENT', operation, at)
    if (!node.isDirectory) throw errno('ENOTDIR', operation, at)
    return node
  }

  #free(node: MemoryNode): void {
    if (!node.isDirectory) this.#volume.usedBytes -= node.sizeBytes
    else for (const child of node.entries.values()) this.#free(child)
  }
}
