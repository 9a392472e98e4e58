import { closeSync, fdatasync, fdatasyncSync, fstatSync, ftruncateSync, readSync, writeSync, writevSync } from 'node:fs'
import type { File } from './environment.ts'

/** The kernel takes no more pieces in one call (IOV_MAX). */
const MAX_CHUNKS = 1024

/** A file by its descriptor. `fdatasync` also flushes a changed size, and on macOS libuv makes it F_FULLFSYNC. */
export class NodeFile implements File {
  private readonly descriptor: number
  private syncsUnderWay = 0
  private closed = false

  constructor(descriptor: number) {
    this.descriptor = descriptor
  }

  read(target: Uint8Array, position: number): number {
    this.checkOpen()
    let done = readSync(this.descriptor, target, 0, target.byteLength, position)
    while (done > 0 && done < target.byteLength) {
      const more = readSync(this.descriptor, target, done, target.byteLength - done, position + done)
      if (more === 0) break
      done += more
    }
    return done
  }

  write(chunks: readonly Uint8Array[], position: number): void {
    this.checkOpen()
    let at = position
    for (let first = 0; first < chunks.length; first += MAX_CHUNKS) {
      const group = chunks.length <= MAX_CHUNKS ? chunks : chunks.slice(first, first + MAX_CHUNKS)
      at += this.writeGroup(group, at)
    }
  }

  private writeGroup(chunks: readonly Uint8Array[], position: number): number {
    let total = 0
    for (const chunk of chunks) total += chunk.byteLength
    let done = chunks.length === 1 ? 0 : writevSync(this.descriptor, chunks, position)
    if (done === total) return total
    // Short: a signal, a quota, a disk that is nearly full. Going on either completes it or throws the reason.
    let start = 0
    for (const chunk of chunks) {
      while (done < start + chunk.byteLength) {
        done += writeSync(this.descriptor, chunk, done - start, start + chunk.byteLength - done, position + done)
      }
      start += chunk.byteLength
    }
    return total
  }

  sizeBytes(): number {
    this.checkOpen()
    return fstatSync(this.descriptor).size
  }

  inode(): bigint {
    this.checkOpen()
    return fstatSync(this.descriptor, { bigint: true }).ino
  }

  truncate(sizeBytes: number): void {
    this.checkOpen()
    ftruncateSync(this.descriptor, sizeBytes)
  }

  sync(): Promise<void> {
    this.checkOpen()
    this.syncsUnderWay++
    return new Promise((resolve, reject) => {
      fdatasync(this.descriptor, (error) => {
        this.syncsUnderWay--
        if (this.closed && this.syncsUnderWay === 0) closeSync(this.descriptor)
        if (error === null) resolve()
        else reject(error)
      })
    })
  }

  syncNow(): void {
    this.checkOpen()
    fdatasyncSync(this.descriptor)
  }

  close(): void {
    if (this.closed) return
    this.closed = true
    // A descriptor closed under a running fdatasync may by then be another file's.
    if (this.syncsUnderWay === 0) closeSync(this.descriptor)
  }

  private checkOpen(): void {
    // Without this a reused descriptor number would read or overwrite another file.
    if (this.closed) throw Object.assign(new Error('EBADF: the file is closed'), { code: 'EBADF' })
  }
}
