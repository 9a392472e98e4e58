import type { File } from './environment.ts'

/** What a pooled file asks of its pool. */
export interface DescriptorSource {
  /** Calls `attach` with the file, open again. */
  reopen(file: PooledFile): void
  /** The descriptor is about to be closed for good. */
  remove(file: PooledFile): void
  /** Undefined where the flush may begin at once, otherwise resolves when it may. */
  beginFlush(): Promise<void> | undefined
  endFlush(): void
}

/** Whether what is in the file survives a power loss. `unknown`: whoever wrote it was not us. */
type Flushed = 'unknown' | 'yes' | 'no'

/**
 * A file that stays open for its user, while its descriptor comes and goes as the pool has room. When flushing it fails, it
 * says so from then on: what the kernel could not write it has dropped, and another descriptor would report success.
 */
export class PooledFile implements File {
  readonly path: string
  readonly isWritable: boolean
  /** Since the pool last looked for a descriptor to take. */
  wasUsed = true
  /** Where it stands in the pool, while it has a descriptor. */
  slot = -1
  private file: File | undefined
  private knownInode: bigint | undefined
  private flushed: Flushed
  private flushesUnderWay = 0
  private changes = 0
  private failure: { readonly error: unknown } | undefined
  private isClosed = false
  private readonly pool: DescriptorSource

  /** Use `FilePool.open`. */
  constructor(path: string, isWritable: boolean, pool: DescriptorSource) {
    this.path = path
    this.isWritable = isWritable
    this.flushed = isWritable ? 'unknown' : 'yes'
    this.pool = pool
  }

  /** Whether its descriptor cannot be taken away now. */
  get isBusy(): boolean {
    return this.flushesUnderWay > 0
  }

  /** Whether its descriptor can go without a flush. */
  get isFlushed(): boolean {
    return this.flushed !== 'no' || this.failure !== undefined
  }

  /** For the pool: uses `file`, which was just opened. Throws ESTALE where that is another file than before. */
  attach(file: File, slot: number): void {
    if (this.knownInode !== undefined && file.inode() !== this.knownInode) {
      file.close()
      throw Object.assign(new Error(`ESTALE: another file has taken the place of '${this.path}'`), { code: 'ESTALE' })
    }
    this.file = file
    this.slot = slot
    this.wasUsed = true
  }

  /** For the pool: gives the descriptor up, flushed. A failure is this file's, and shows when it is used next. */
  detach(): void {
    const file = this.file!
    this.file = undefined
    try {
      try {
        this.knownInode ??= file.inode()
        if (!this.isFlushed) file.syncNow()
        if (this.flushed === 'no') this.flushed = 'yes'
      } finally {
        file.close()
      }
    } catch (error) {
      if (this.isWritable) this.failure ??= { error }
    }
  }

  read(target: Uint8Array, position: number): number {
    return this.use().read(target, position)
  }

  write(chunks: readonly Uint8Array[], position: number): void {
    this.useForChange().write(chunks, position)
  }

  sizeBytes(): number {
    return this.use().sizeBytes()
  }

  inode(): bigint {
    return this.use().inode()
  }

  truncate(sizeBytes: number): void {
    this.useForChange().truncate(sizeBytes)
  }

  /** Throws EBADF where it is closed before its turn comes. */
  async sync(): Promise<void> {
    if (!this.needsFlush) return
    const turn = this.pool.beginFlush()
    if (turn !== undefined) await turn
    try {
      // Somebody may have needed the descriptor meanwhile.
      if (this.needsFlush) await this.flush()
    } finally {
      this.pool.endFlush()
    }
  }

  syncNow(): void {
    if (!this.needsFlush) return
    const file = this.use()
    try {
      file.syncNow()
      this.flushed = 'yes'
    } catch (error) {
      this.failure ??= { error }
      throw error
    }
  }

  close(): void {
    if (this.isClosed) return
    this.isClosed = true
    const { file } = this
    this.file = undefined
    if (file === undefined) return
    this.pool.remove(this)
    file.close()
  }

  private get needsFlush(): boolean {
    if (this.failure !== undefined) throw this.failure.error
    return this.flushed !== 'yes'
  }

  private async flush(): Promise<void> {
    const file = this.use()
    const { changes } = this
    this.flushesUnderWay++
    try {
      await file.sync()
      if (changes === this.changes) this.flushed = 'yes'
    } catch (error) {
      this.failure ??= { error }
      throw error
    } finally {
      this.flushesUnderWay--
    }
  }

  private use(): File {
    if (this.file === undefined) {
      if (this.isClosed) throw Object.assign(new Error('EBADF: the file is closed'), { code: 'EBADF' })
      this.pool.reopen(this)
    }
    this.wasUsed = true
    return this.file!
  }

  private useForChange(): File {
    if (this.failure !== undefined) throw this.failure.error
    const file = this.use()
    this.changes++
    this.flushed = 'no'
    return file
  }
}
