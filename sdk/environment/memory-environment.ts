import type {
  Clock,
  Connection,
  DirectoryLock,
  Environment,
  Fence,
  FileSystem,
  LockHolder,
  Mount,
  Randomness,
  Timers,
} from './environment.ts'
import { ManualClock } from './manual-clock.ts'
import { connectionPair, type MemoryConnection } from './memory-connection.ts'
import { type CrashOptions, diskAfterCrash, MemoryDirectory } from './memory-disk.ts'
import { type DiskOperation, type FaultOptions, MemoryFaults } from './memory-faults.ts'
import { MemoryFileSystem, type MemoryVolume } from './memory-file-system.ts'
import { nodeClock, nodeTimers } from './node-clock.ts'
import { randomFrom } from './seeded-random.ts'

/** What kind of machine it is. Everything has a default. */
export interface MemoryOptions {
  /** `'manual'`: time stands still until `advance`. Default `'real'`. */
  readonly clock?: 'real' | 'manual'
  /** Where a manual clock starts, milliseconds since 1970. */
  readonly startMs?: number
  /** Seed of `random`. */
  readonly seed?: number
  /** Bytes of all files together beyond which writes fail with ENOSPC. Default: no limit. */
  readonly capacityBytes?: number
  /** What all its paths lie on. Default: a disk of the machine. */
  readonly mount?: Mount
  /** Files a process may have open at the same time; one more fails with EMFILE. Default: no limit. */
  readonly maxOpenFiles?: number
}

/** What a machine keeps that its processes come and go on. */
interface Machine {
  readonly volume: MemoryVolume
  readonly options: MemoryOptions
  /** Who holds which lock or fence. */
  readonly held: Map<string, MemoryEnvironment>
  /** Who comes in at the fences that are bound. */
  readonly doors: Map<string, MemoryDoor>
  /** Ends of connections, by the process that has them. */
  readonly connections: Map<MemoryEnvironment, readonly MemoryConnection[]>
  nextPid: number
  readonly manual: ManualClock | undefined
}

interface MemoryDoor {
  accept: ((connection: Connection) => void) | undefined
  readonly waiting: MemoryConnection[]
}

/**
 * A machine in memory, whose disk forgets what was not flushed when it crashes and fails on demand. Nothing in it
 * outlives the program.
 */
export class MemoryEnvironment implements Environment {
  /** The disk in memory. */
  readonly files: FileSystem
  /** The clock that `options.clock` asked for. */
  readonly clock: Clock
  /** Timers by that clock. */
  readonly timers: Timers
  /** Numbers that `options.seed` repeats. */
  readonly random: Randomness
  readonly process: Environment['process']
  /** What `process.emitWarning` was given. */
  readonly warnings: { readonly message: string; readonly code: string }[] = []
  readonly #machine: Machine
  readonly #files: MemoryFileSystem
  readonly #faults = new MemoryFaults()

  constructor(options: MemoryOptions = {}, machine: Machine = bootMachine(options)) {
    this.#machine = machine
    this.clock = machine.manual ?? nodeClock
    this.timers = machine.manual ?? nodeTimers
    const { maxOpenFiles = Number.POSITIVE_INFINITY, mount } = options
    const { clock, timers } = this
    this.#files = new MemoryFileSystem(machine.volume, this.#faults, { clock, timers, maxOpenFiles, mount })
    this.files = this.#files
    const pid = machine.nextPid++
    const random = randomFrom((options.seed ?? 1) + pid)
    this.random = {
      number: () => random.number(),
      bytes: (count) => Uint8Array.from({ length: count }, () => random.below(256)),
    }
    this.process = { pid, emitWarning: (message, code) => this.warnings.push({ message, code }) }
  }

  /** Operations so far, by kind; `changes` counts those that could change the disk. */
  get counts(): Readonly<Record<DiskOperation, number>> & { readonly changes: number } {
    return { ...this.#faults.counts, changes: this.#faults.changes }
  }

  /**
   * Makes the next matching operation fail. `'change'` matches whatever may change the disk, `'any'` everything; `sticky`
   * with either of them is a process that stops there, to be followed by `crash`.
   */
  failNext(operation: DiskOperation | 'change' | 'any', options: FaultOptions): void {
    this.#faults.fail(operation, options)
  }

  /** Nothing fails any more. */
  heal(): void {
    this.#faults.heal()
  }

  /** From now on all files together may hold this many bytes. */
  setCapacity(capacityBytes: number): void {
    this.#machine.volume.capacityBytes = capacityBytes
  }

  /** Files this process has open now. */
  get openFiles(): number {
    return this.#files.openFiles
  }

  /** Bytes of all its files together. */
  get usedBytes(): number {
    return this.#machine.volume.usedBytes
  }

  /** Moves a manual clock on; what becomes due is called before it returns. */
  advance(byMs: number): void {
    if (this.#machine.manual === undefined) throw new Error("advance needs new MemoryEnvironment({ clock: 'manual' })")
    this.#machine.manual.advance(byMs)
  }

  /**
   * The machine as it is after a power loss at this moment (or, with `keepUnsynced: 'all'`, after all its processes were
   * killed). It is a copy: this one goes on undisturbed and can crash again, otherwise.
   */
  crash(options: CrashOptions = {}): MemoryEnvironment {
    const { volume, options: memory } = this.#machine
    const root = diskAfterCrash(volume.root, options)
    const machine = bootMachine({ ...memory, startMs: this.clock.nowMs(), capacityBytes: volume.capacityBytes }, root)
    machine.nextPid = this.#machine.nextPid
    machine.volume.nextInode = volume.nextInode
    return new MemoryEnvironment(memory, machine)
  }

  /** Another process on the same machine: same disk and clock, other pid, own faults and counters. */
  anotherProcess(): MemoryEnvironment {
    return new MemoryEnvironment(this.#machine.options, this.#machine)
  }

  /** This process dies without a word: its locks go, what it gave to the kernel stays. Stop using it. */
  kill(): void {
    const { held, doors, connections } = this.#machine
    for (const [name, holder] of held) {
      if (holder !== this) continue
      held.delete(name)
      doors.delete(name)
    }
    for (const connection of connections.get(this) ?? []) connection.destroy()
    this.failNext('any', { error: 'ESRCH', sticky: true })
  }

  /** Loses the lock as a POSIX lock is lost, without noticing: by closing any descriptor of the lock file. */
  dropLock(directory: string): void {
    this.#machine.held.delete(this.#lockName(directory))
  }

  lockDirectory(directory: string): DirectoryLock | LockHolder {
    const path = this.files.join(directory, '.lock')
    this.#faults.check('lock', path)
    this.files.open(path, { write: true, create: true }).close()
    const holder = this.findLockHolder(directory)
    if (holder !== undefined) return holder
    const name = this.#lockName(directory)
    const inode = this.files.stat(path)?.inode
    this.#machine.held.set(name, this)
    let released = false
    return {
      held: true,
      isStillOurs: () => !released && this.files.stat(path)?.inode === inode,
      release: () => {
        if (!released && this.#machine.held.get(name) === this) this.#machine.held.delete(name)
        released = true
      },
    }
  }

  findLockHolder(directory: string): LockHolder | undefined {
    const holder = this.#machine.held.get(this.#lockName(directory))
    return holder === undefined ? undefined : { held: false, pid: holder.process.pid }
  }

  isLocked(directory: string): boolean {
    return this.findLockHolder(directory) !== undefined
  }

  async bindFence(_directory: string, fence: string): Promise<Fence | LockHolder> {
    this.#faults.check('fence', fence)
    const name = `fence ${fence}`
    const { held, doors } = this.#machine
    const holder = held.get(name)
    if (holder !== undefined) return { held: false, pid: holder.process.pid }
    const door: MemoryDoor = { accept: undefined, waiting: [] }
    held.set(name, this)
    doors.set(name, door)
    return {
      held: true,
      listen: (accept) => {
        door.accept = accept
        for (const connection of door.waiting.splice(0)) accept(connection)
      },
      release: async () => {
        for (const connection of door.waiting.splice(0)) connection.destroy()
        if (doors.get(name) !== door) return
        held.delete(name)
        doors.delete(name)
      },
    }
  }

  async connect(_directory: string, fence: string): Promise<Connection | undefined> {
    this.#faults.check('connect', fence)
    const name = `fence ${fence}`
    const { held, doors, connections } = this.#machine
    const door = doors.get(name)
    const listener = held.get(name)
    if (door === undefined || listener === undefined) return undefined
    const [here, there] = connectionPair(() => this.timers.yield())
    connections.set(this, [...openOf(connections.get(this)), here])
    connections.set(listener, [...openOf(connections.get(listener)), there])
    if (door.accept === undefined) door.waiting.push(there)
    else door.accept(there)
    return here
  }

  /** A lock is on the file, not on its name: a new file at the path has none. */
  #lockName(directory: string): string {
    return `lock ${this.files.stat(this.files.join(directory, '.lock'))?.inode}`
  }
}

function bootMachine(options: MemoryOptions, disk?: MemoryDirectory): Machine {
  const root = disk ?? new MemoryDirectory(1n, 0)
  const volume: MemoryVolume = {
    root,
    nextInode: 2n,
    capacityBytes: options.capacityBytes ?? Number.POSITIVE_INFINITY,
    usedBytes: bytesBelow(root),
    watchers: new Set(),
  }
  const manual = options.clock === 'manual' ? new ManualClock(options.startMs ?? 1_700_000_000_000) : undefined
  return { volume, options, held: new Map(), doors: new Map(), connections: new Map(), nextPid: 1000, manual }
}

function openOf(connections: readonly MemoryConnection[] = []): readonly MemoryConnection[] {
  return connections.filter(({ isClosed }) => !isClosed)
}

function bytesBelow(directory: MemoryDirectory): number {
  let total = 0
  for (const node of directory.entries.values()) total += node.isDirectory ? bytesBelow(node) : node.sizeBytes
  return total
}
