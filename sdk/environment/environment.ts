/**
 * Everything Tidemark takes from the machine: disk, clock, timers, randomness, lock. It is handed to `open`, so a test
 * can hand over one that loses unsynced bytes or fails the n-th operation. Nothing else in `sdk/` touches `node:fs`,
 * `Date.now`, `setTimeout` or `Math.random` (test/tidy.test.ts).
 */
export interface Environment {
  /** The disk. */
  readonly files: FileSystem
  /** What time it is. */
  readonly clock: Clock
  /** Waiting. */
  readonly timers: Timers
  /** Chance. */
  readonly random: Randomness
  /** This process, as other processes can find it. */
  readonly process: { readonly pid: number; emitWarning(message: string, code: string): void }
  /** Takes the exclusive lock of a data directory, or says who has it. Never waits. */
  lockDirectory(directory: string): DirectoryLock | LockHolder
  /** Who holds that lock, found without taking it and without writing; undefined if nobody does. */
  findLockHolder(directory: string): LockHolder | undefined
  /** Whether anybody does: who it is, the system may be slow to tell. */
  isLocked(directory: string): boolean
  /** Binds the second fence, an endpoint named after the directory and its id, or says who has it. */
  bindFence(directory: string, name: string): Promise<Fence | LockHolder>
  /** Connects to whoever has bound that fence; undefined where nobody has. It may be slow to answer, or silent. */
  connect(directory: string, name: string): Promise<Connection | undefined>
}

/** What time it is. */
export interface Clock {
  /** Wall clock, milliseconds since 1970. May jump. */
  nowMs(): number
  /** Never jumps, origin unspecified, milliseconds with fractions. */
  monotonicMs(): number
}

/** A call that is still to come. */
export interface Timer {
  /** It does not come any more. Calling it again, or afterwards, does nothing. */
  cancel(): void
}

/** Waiting. */
export interface Timers {
  /** Calls `callback` once after `delayMs`. `keepAlive: false` (the default) does not keep the process running. */
  after(delayMs: number, callback: () => void, options?: { keepAlive?: boolean }): Timer
  /** Yields to the event loop once, so that I/O and timers of others get their turn. */
  yield(): Promise<void>
}

/** Chance. */
export interface Randomness {
  /** So many random bytes, fit for ids. */
  bytes(count: number): Uint8Array
  /** 0 ≤ x < 1, not for secrets. */
  number(): number
}

/** Somebody else has it. */
export interface LockHolder {
  /** Tells it apart from a lock. */
  readonly held: false
  /** Process id of the holder where it could be found. */
  readonly pid: number | undefined
}

/** The exclusive lock of a data directory, which goes with its process. */
export interface DirectoryLock {
  /** Tells it apart from somebody else's. */
  readonly held: true
  /** True while the lock file on disk is still the one we locked (same inode, still there). Cheap: one stat. */
  isStillOurs(): boolean
  /** Lets others have it. */
  release(): void
}

/** A bound endpoint, which stands where the lock is lost, and the door through which processes of the same user come. */
export interface Fence {
  /** Tells it apart from somebody else's. */
  readonly held: true
  /** Hands over every connection from now on, and those that wait since the fence was bound. */
  listen(accept: (connection: Connection) => void): void
  /** Lets others bind it. Connections that were handed over stay. */
  release(): Promise<void>
}

/** A two-way stream of bytes to another process of the same user on this machine. */
export interface Connection {
  /** Bytes that were written and that the machine has not taken yet. */
  readonly unsentBytes: number
  /** To be called once, at once: what arrives before is kept. None of the callbacks comes inside of a call of ours. */
  receive(events: ConnectionEvents): void
  /** Never throws: what is written to a connection that is closed is lost, and `closed` tells so. */
  write(chunks: readonly Uint8Array[]): void
  /** Takes no more from the other side, whose writes then wait; `closed` may wait as well. */
  pause(): void
  /** Goes on. */
  resume(): void
  /** Nothing more will be written. What was written still goes out, and what the other side writes still arrives. */
  end(): void
  /** Ends it now; what was not sent is lost. `closed` comes on both sides. */
  destroy(): void
  /** Whether it keeps the process running. It does not to begin with. */
  keepAlive(on: boolean): void
}

/** What happens to a connection. */
export interface ConnectionEvents {
  /** Bytes arrived, in the order written, in pieces of any size. They are the receiver's to keep. */
  data(bytes: Uint8Array): void
  /** All that was written is with the machine. */
  drained(): void
  /** The other side will write nothing more. */
  ended(): void
  /** Both sides are done, or one is gone. Comes once, last. */
  closed(): void
}

/** What the disk says about a file or a directory. */
export interface FileStat {
  /** How long the file is. */
  readonly sizeBytes: number
  /** Milliseconds since 1970. */
  readonly modifiedMs: number
  /** Whether it is a directory. */
  readonly isDirectory: boolean
  /** Tells two files at the same path apart. */
  readonly inode: bigint
}

/** What a path lies on, where that is no disk of this machine. */
export interface Mount {
  /** 'network': other machines see it too. 'container': it goes when the container is removed. */
  readonly kind: 'network' | 'container'
  /** For people: `NFS`, `SMB`, `overlay`. */
  readonly name: string
}

/** The disk. Paths are native. Calls are synchronous, since a page-cache write costs 3 µs and a thread-pool hop 40 µs; only flushing waits. */
export interface FileSystem {
  /** How many files the process may have open at the same time, sockets included. */
  readonly maxOpenFiles: number
  /** Opens for reading and writing; creates when `create`. Throws Node's errno errors (`ENOENT`, …). */
  open(path: string, options: { write: boolean; create?: boolean }): File
  /** undefined where nothing exists. */
  stat(path: string): FileStat | undefined
  /** Names in a directory, unsorted. Throws ENOENT. */
  list(directory: string): string[]
  /** Creates the directory and what is missing above it; an existing one is fine. */
  makeDirectory(path: string): void
  /** Replaces `to` atomically. Durable only after `syncDirectory` of the parent. */
  rename(from: string, to: string): void
  /** Sets when a file was last modified, as `stat` tells it. */
  setModified(path: string, modifiedMs: number): void
  /** Removes a file. Throws ENOENT. */
  remove(path: string): void
  /** Removes a directory with everything in it; a missing one is fine. */
  removeDirectory(path: string): void
  /** Makes created, renamed and removed names durable. Does nothing where the platform cannot (Windows). */
  syncDirectory(directory: string): void
  /** The same for the names as they were when it was called. Runs on the thread pool. */
  syncDirectoryInBackground(directory: string): Promise<void>
  /** Absolute path with links resolved; the absolute path itself where nothing exists yet. */
  realPath(path: string): string
  /** Puts a path together as the machine writes paths. */
  join(...parts: string[]): string
  /** What the path, which need not exist yet, lies on. undefined: a disk of this machine, or nobody can tell. */
  mount(path: string): Mount | undefined
  /** Calls `changed` after something in the directory may have changed. May lose events: poll as well. */
  watch(directory: string, changed: () => void): { close(): void }
}

/** An open file. Positions and sizes are bytes. Throws Node's errno errors. */
export interface File {
  /** Reads into `target` from byte `position`; returns the bytes read (0 at the end). */
  read(target: Uint8Array, position: number): number
  /** Writes all of `chunks` one after the other from byte `position`. Throws on a short write that cannot be completed. */
  write(chunks: readonly Uint8Array[], position: number): void
  /** How long it is now. */
  sizeBytes(): number
  /** Tells it apart from another file that has taken its name. */
  inode(): bigint
  /** Cuts it, or fills it up with zeros, to this size. */
  truncate(sizeBytes: number): void
  /** Resolves when everything written before the call survives a power loss. Runs on the thread pool. */
  sync(): Promise<void>
  /** The same, waiting. For start-up, roll and shutdown. */
  syncNow(): void
  /** Idempotent; waits in the background for a `sync` under way. */
  close(): void
}
