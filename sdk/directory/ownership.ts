import type { Connection, DirectoryLock, Environment, Fence, LockHolder } from '../environment/environment.ts'
import { pause } from '../environment/pause.ts'
import { TidemarkError } from '../errors.ts'
import { asDiskFailure } from '../log/storage-error.ts'

const POLL_MS = 50

export interface OwnershipOptions {
  /** How long to wait for another owner to go, milliseconds. */
  readonly waitMs: number
  /** Ends the wait with ABORTED. */
  readonly signal?: AbortSignal | undefined
  /** One try, whatever `waitMs` says: for whoever has other ways to go on, and tries again itself. */
  readonly triesOnce?: boolean | undefined
  /** Called with the lock held: the name of the second fence. What it throws ends the attempt. */
  readonly fenceName: () => string
}

/** That this process, and no other, may write to a directory: Kafka's lock, and a fence that stands where it is lost. */
export class Ownership {
  readonly #directory: string
  readonly #lock: DirectoryLock
  readonly #fence: Fence | undefined

  constructor(directory: string, lock: DirectoryLock, fence: Fence | undefined) {
    this.#directory = directory
    this.#lock = lock
    this.#fence = fence
  }

  /**
   * Takes the directory, which must exist, or waits for it.
   *
   * @throws {TidemarkError} DIRECTORY_IN_USE with the owner's pid where it is known; ABORTED; STORAGE_ERROR where the
   *   lock cannot be had at all; UNSUPPORTED where the runtime has no lock.
   */
  static async take(environment: Environment, directory: string, options: OwnershipOptions): Promise<Ownership> {
    const deadlineMs = environment.clock.monotonicMs() + options.waitMs
    for (let tries = 1; ; tries++) {
      if (options.signal?.aborted) throw new TidemarkError('ABORTED', `Opening ${directory} was aborted.`)
      const taken = await attempt(environment, directory, options.fenceName)
      if (taken instanceof Ownership) return taken
      const leftMs = deadlineMs - environment.clock.monotonicMs()
      // Once is not enough: whoever looks who the owner is holds the lock for a moment.
      if (options.triesOnce === true || (leftMs <= 0 && tries > 1))
        throw inUse(environment, directory, taken, options.waitMs)
      // Not in step with other waiters: two that try at once can turn each other away.
      const pauseMs = POLL_MS * (0.75 + environment.random.number() / 2)
      await pause(environment.timers, leftMs > 0 ? Math.min(leftMs, pauseMs) : pauseMs, options.signal)
    }
  }

  /** False once the lock file was removed or replaced: the next owner will not notice us. Costs one stat. Throws STORAGE_ERROR. */
  check(): boolean {
    return isStillOurs(this.#lock, this.#directory)
  }

  /** Throws OWNERSHIP_LOST where `check` says false. */
  checkStillOurs(): void {
    if (this.check()) return
    throw new TidemarkError(
      'OWNERSHIP_LOST',
      `The lock file of ${this.#directory} was removed or replaced, so another process may be writing there. Close it and open it again.`,
    )
  }

  /** Hands over whoever comes to the fence. Nobody can where there is none. */
  listen(accept: (connection: Connection) => void): void {
    this.#fence?.listen(accept)
  }

  async release(): Promise<void> {
    try {
      // First the fence: whoever gets the lock next finds it free.
      await this.#fence?.release()
    } finally {
      this.#lock.release()
    }
  }
}

/** Who has the directory, and what told so. */
interface Refusal {
  readonly pid: number | undefined
  readonly by: 'lock' | 'fence'
}

async function attempt(
  environment: Environment,
  directory: string,
  fenceName: () => string,
): Promise<Ownership | Refusal> {
  const lock = takeLock(environment, directory)
  if (!lock.held) return { pid: lock.pid, by: 'lock' }
  let kept = false
  try {
    const fence = await bindFence(environment, directory, fenceName())
    if (fence?.held === false) return { pid: fence.pid, by: 'fence' }
    try {
      kept = isStillOurs(lock, directory)
    } finally {
      if (!kept) await fence?.release()
    }
    return kept ? new Ownership(directory, lock, fence) : { pid: undefined, by: 'lock' }
  } finally {
    if (!kept) lock.release()
  }
}

function isStillOurs(lock: DirectoryLock, directory: string): boolean {
  try {
    return lock.isStillOurs()
  } catch (error) {
    throw asDiskFailure(error, `see whose the lock of ${directory} is`)
  }
}

function takeLock(environment: Environment, directory: string): DirectoryLock | LockHolder {
  try {
    return environment.lockDirectory(directory)
  } catch (error) {
    throw asDiskFailure(error, `lock ${directory}`)
  }
}

/** Undefined where no fence can be bound at all (no writable place for sockets): then the lock alone must do. */
async function bindFence(
  environment: Environment,
  directory: string,
  name: string,
): Promise<Fence | LockHolder | undefined> {
  try {
    return await environment.bindFence(directory, name)
  } catch (error) {
    environment.process.emitWarning(
      `${directory} is held by its lock file alone, because a local socket could not be bound (${(error as Error).message}). So no other process can work through this one: set TIDEMARK_RUNTIME_DIR to a folder that it may write to. And do not read or copy its .lock file from within this process: that would drop the lock.`,
      'TIDEMARK_NO_FENCE',
    )
    return undefined
  }
}

function inUse(environment: Environment, directory: string, { pid, by }: Refusal, waitMs: number): TidemarkError {
  const isOurs = pid === environment.process.pid
  if (by === 'lock' && isOurs) {
    return new TidemarkError(
      'DIRECTORY_IN_USE',
      `${directory} is already open in this process (${pid}), by another copy of this module or in another thread. Share one instance, or close it first.`,
    )
  }
  const somebody = pid === undefined ? 'another process' : isOurs ? `this process (${pid})` : `process ${pid}`
  // Nobody has the lock, but the endpoint that is named after the directory is bound.
  if (by === 'fence') {
    return new TidemarkError(
      'DIRECTORY_IN_USE',
      `${directory} is in use by ${somebody}, although its lock is free: it was lost there, as by copying the directory within that process; waited ${waitMs} ms. Close it there first, or open the directory for reading only.`,
    )
  }
  const who = pid === undefined ? 'another process, perhaps a Kafka broker' : somebody
  return new TidemarkError(
    'DIRECTORY_IN_USE',
    `${directory} is in use by ${who}; waited ${waitMs} ms. Stop it, wait longer (waitMs), or open the directory for reading only.`,
  )
}
