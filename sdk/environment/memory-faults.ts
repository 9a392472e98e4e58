import { errno } from './memory-errors.ts'

/** What can be counted and made to fail. `sync` covers both ways to flush a file. */
export type DiskOperation =
  | 'open'
  | 'stat'
  | 'list'
  | 'makeDirectory'
  | 'rename'
  | 'setModified'
  | 'remove'
  | 'removeDirectory'
  | 'syncDirectory'
  | 'read'
  | 'write'
  | 'sizeBytes'
  | 'truncate'
  | 'sync'
  | 'close'
  | 'lock'
  | 'fence'
  | 'connect'

/** Which operation fails, and how. */
export interface FaultOptions {
  /** Lets this many matching operations pass first; 0 by default: the next one fails. */
  readonly after?: number
  /** An errno name: `EIO`, `ENOSPC`, `EMFILE`, … */
  readonly error: string
  /** Fails every matching operation from then on, not just one. */
  readonly sticky?: boolean
  /** Only paths that match. */
  readonly path?: RegExp
}

interface Fault {
  readonly operations: ReadonlySet<DiskOperation> | undefined
  readonly error: string
  readonly sticky: boolean
  readonly path: RegExp | undefined
  passes: number
}

/** Operations that change the disk: the points at which a crash can make a difference. */
const CHANGES: ReadonlySet<DiskOperation> = new Set([
  'open',
  'makeDirectory',
  'rename',
  'setModified',
  'remove',
  'removeDirectory',
  'syncDirectory',
  'write',
  'truncate',
  'sync',
])

/** Counts operations and fails those it was told to. */
export class MemoryFaults {
  readonly counts: Record<DiskOperation, number> = {
    open: 0,
    stat: 0,
    list: 0,
    makeDirectory: 0,
    rename: 0,
    setModified: 0,
    remove: 0,
    removeDirectory: 0,
    syncDirectory: 0,
    read: 0,
    write: 0,
    sizeBytes: 0,
    truncate: 0,
    sync: 0,
    close: 0,
    lock: 0,
    fence: 0,
    connect: 0,
  }
  #faults: Fault[] = []

  /** Operations so far that could change the disk. */
  get changes(): number {
    let total = 0
    for (const operation of CHANGES) total += this.counts[operation]
    return total
  }

  fail(operation: DiskOperation | 'change' | 'any', options: FaultOptions): void {
    this.#faults.push({
      operations: operation === 'any' ? undefined : operation === 'change' ? CHANGES : new Set([operation]),
      error: options.error,
      sticky: options.sticky === true,
      path: options.path,
      passes: options.after ?? 0,
    })
  }

  heal(): void {
    this.#faults = []
  }

  /** Counts the operation; returns the error it shall fail with. */
  due(operation: DiskOperation, path: string): Error | undefined {
    this.counts[operation]++
    let error: Error | undefined
    for (const fault of this.#faults) {
      if (fault.operations !== undefined && !fault.operations.has(operation)) continue
      if (fault.path !== undefined && !fault.path.test(path)) continue
      if (fault.passes > 0) {
        fault.passes--
      } else {
        error ??= errno(fault.error, operation, path)
        if (!fault.sticky) fault.passes = Number.POSITIVE_INFINITY
      }
    }
    return error
  }

  check(operation: DiskOperation, path: string): void {
    const error = this.due(operation, path)
    if (error !== undefined) throw error
  }
}
