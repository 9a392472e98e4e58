import { fileURLToPath } from 'node:url'
import type { Survives } from './broker/broker.ts'
import { Follower } from './broker/follower.ts'
import { LocalBroker, type Role } from './broker/local-broker.ts'
import { Onlooker } from './broker/onlooker.ts'
import { publishRole } from './client/diagnostics.ts'
import { type Logger, logger as loggerKind, warningsTo } from './client/logger.ts'
import {
  boolean,
  checkArgument,
  checkOptions,
  milliseconds,
  type OptionKind,
  type OptionKinds,
  object,
  oneOf,
  signal,
  text,
} from './client/option-check.ts'
import { isOwned } from './directory/directory-owner.ts'
import type { Environment } from './environment/environment.ts'
import { loggedEnvironment } from './environment/logged-environment.ts'
import { MemoryEnvironment } from './environment/memory-environment.ts'
import { nodeEnvironment } from './environment/node-environment.ts'
import { TidemarkError } from './errors.ts'
import { asDiskFailure } from './log/storage-error.ts'
import { Tidemark } from './tidemark.ts'

/** How a directory is opened. Everything has a default. */
export interface OpenOptions {
  /**
   * How long to wait where the owner of the directory takes no neighbours (a real broker, another version) or does not answer,
   * milliseconds. Default 10,000.
   */
  readonly waitMs?: number
  /** Reads along with whoever owns the directory, or reads a crashed or copied one; writes nothing. Default false. */
  readonly readOnly?: boolean
  /**
   * What a send survives once it resolves, for topics that do not say otherwise. Default 'power-loss'. Where another process
   * owns the directory what that one said holds.
   */
  readonly survives?: Survives
  /** Ends the wait with ABORTED. */
  readonly signal?: AbortSignal
  /** Who this is, for whoever describes a group. Default 'tidemark'. */
  readonly clientId?: string
  /**
   * Told what nobody awaits: warnings, failures in the background, partitions that come and go. Default: warnings are
   * emitted by `process.emitWarning`, with a code that begins with `TIDEMARK_`. Where a directory is opened again, its
   * first logger hears of the directory, each of its own consumers.
   */
  readonly logger?: Logger
  /** Disk, clock and all else that is taken from the machine; for tests. See `tidemark/testing`. */
  readonly environment?: Environment
}

const DEFAULTS = { waitMs: 10_000, readOnly: false, survives: 'power-loss', clientId: 'tidemark' } as const

/** Where `memory:` keeps its files, inside its own environment. */
const MEMORY_DIRECTORY = '/memory'

/**
 * Opens a directory, creating it where there is none. The first process to do so owns it and writes its files; other
 * processes and worker threads are its neighbours, do the same things through it, and take the directory when it goes
 * (`tide.kind`). A second `open` in the same process shares the first with its `survives`. `'memory:'` is a directory that
 * lives and dies with the process.
 *
 * When it resolves as the owner, whatever a crash left has been mended (`tide.recovery`), and groups go on at their commits.
 *
 * @throws {TidemarkError} DIRECTORY_IN_USE after `waitMs`, NOT_A_DATA_DIRECTORY, STORAGE_ERROR, CORRUPT_BATCH,
 *   UNSUPPORTED, ABORTED, INVALID_ARGUMENT.
 */
export async function open(where: string | URL, options: OpenOptions = {}): Promise<Tidemark> {
  const { path, environment } = resolve(where, options)
  const { clientId = DEFAULTS.clientId, logger } = options
  const logged = logger === undefined ? environment : loggedEnvironment(environment, warningsTo(logger))
  const parts = { environment: logged, clientId, logger }
  if (options.readOnly ?? DEFAULTS.readOnly) {
    const broker = Follower.open(logged, path)
    const isLed = () => mayBeOwned(environment, path)
    return new Tidemark({ ...parts, broker, recovery: () => [], isLed, release: () => broker.close() })
  }
  const [broker, release] = await share(environment, logged, path, options)
  return new Tidemark({ ...parts, broker, recovery: () => broker.recovery, release })
}

/** A directory that is looked at, and who answers. */
export interface Onlooking {
  readonly tide: Tidemark
  readonly onlooker: Onlooker
}

/**
 * As `open` with `readOnly`, for whoever looks at groups rather than at records: the owner is asked as long as there is one
 * that answers, so that nothing is read that it knows.
 *
 * @throws {TidemarkError} STORAGE_ERROR, UNSUPPORTED, INVALID_ARGUMENT.
 */
export function openAsOnlooker(where: string, options: Pick<OpenOptions, 'clientId' | 'environment'>): Onlooking {
  const { path, environment } = resolve(where, options)
  const { clientId = DEFAULTS.clientId } = options
  const onlooker = new Onlooker(environment, path)
  const isLed = () => onlooker.hasOwner || isOwned(environment, path)
  const release = () => onlooker.close()
  return {
    tide: new Tidemark({ broker: onlooker, environment, clientId, recovery: () => [], isLed, release }),
    onlooker,
  }
}

/** Where the runtime cannot tell, members are believed to be alive. */
function mayBeOwned(environment: Environment, path: string): boolean {
  try {
    return isOwned(environment, path)
  } catch (error) {
    if (error instanceof TidemarkError && error.code === 'UNSUPPORTED') return true
    throw error
  }
}

const OPEN_KINDS: OptionKinds<OpenOptions> = {
  waitMs: milliseconds(0),
  readOnly: boolean,
  survives: oneOf('power-loss', 'process-crash'),
  signal,
  clientId: text,
  logger: loggerKind,
  environment: object("an environment of 'tidemark/testing'"),
}
const WHERE: OptionKind = {
  expected: "a path, a file: URL, or 'memory:'",
  accepts: (value) => value instanceof URL || text.accepts(value),
}
/** More than one letter: `C:\data` is a path. */
const URL_SCHEME = /^([a-z][a-z0-9+.-]+):/i

function resolve(where: string | URL, options: OpenOptions): { path: string; environment: Environment } {
  checkArgument('open', 'a directory', where, WHERE, "open('./data')")
  checkOptions('open', options, OPEN_KINDS)
  const given = where instanceof URL ? where.href : where
  if (given === 'memory:') return { path: MEMORY_DIRECTORY, environment: options.environment ?? memory() }
  const environment = options.environment ?? defaultEnvironment()
  const path = pathOf(given)
  try {
    return { path: environment.files.realPath(path), environment }
  } catch (error) {
    throw asDiskFailure(error, `open ${path}`)
  }
}

function pathOf(given: string): string {
  if (given.includes('\0')) throw new TidemarkError('INVALID_ARGUMENT', 'A path cannot hold a zero character.')
  const scheme = URL_SCHEME.exec(given)?.[1]?.toLowerCase()
  if (scheme === undefined) return given
  if (scheme === 'kafka') {
    const message = 'kafka:// is not there yet: this version opens directories. Name a directory, or "memory:".'
    throw new TidemarkError('UNSUPPORTED', message)
  }
  const wanted = `Name a path, a file: URL, or "memory:"; a path with a colon in it begins with "./".`
  if (scheme !== 'file') throw new TidemarkError('INVALID_ARGUMENT', `${given} cannot be opened. ${wanted}`)
  try {
    return fileURLToPath(given)
  } catch (cause) {
    const message = `${given} is no path of this machine (${(cause as Error).message}). ${wanted}`
    throw new TidemarkError('INVALID_ARGUMENT', message, { cause })
  }
}

/** Its files are in memory; who is to be warned is out here. */
function memory(): Environment {
  return loggedEnvironment(new MemoryEnvironment(), defaultEnvironment().process.emitWarning)
}

let ownEnvironment: Environment | undefined

function defaultEnvironment(): Environment {
  ownEnvironment ??= nodeEnvironment()
  return ownEnvironment
}

interface Shared {
  readonly broker: Promise<LocalBroker>
  users: number
  closing: Promise<void> | undefined
}

const brokers = new WeakMap<Environment, Map<string, Shared>>()

/** One broker per directory and process: hot reloading opens again and again. */
async function share(
  environment: Environment,
  logged: Environment,
  path: string,
  options: OpenOptions,
): Promise<[LocalBroker, () => Promise<void>]> {
  const directories = brokers.get(environment) ?? new Map<string, Shared>()
  brokers.set(environment, directories)
  for (;;) {
    const found = directories.get(path)
    if (found?.closing !== undefined) {
      await found.closing.catch(() => {})
      continue
    }
    const shared = found ?? begin(directories, logged, path, options)
    shared.users++
    try {
      const broker = await unlessAborted(shared.broker, options.signal)
      return [broker, () => leave(directories, path, shared)]
    } catch (error) {
      leave(directories, path, shared).catch(() => {})
      // That whoever came first gave up is no reason for others to.
      const gaveUp = error instanceof TidemarkError && error.code === 'ABORTED' && options.signal?.aborted !== true
      if (found === undefined || !gaveUp) throw error
    }
  }
}

function begin(directories: Map<string, Shared>, environment: Environment, path: string, options: OpenOptions): Shared {
  const { waitMs, survives, signal, clientId, logger } = { ...DEFAULTS, ...options }
  const onRole = (role: Role) => {
    publishRole({ directory: path, ...role })
    logger?.info(roleText(path, role))
  }
  const shared: Shared = {
    broker: LocalBroker.open(environment, path, { waitMs, survives, signal, clientId, onRole }),
    users: 0,
    closing: undefined,
  }
  directories.set(path, shared)
  shared.broker.catch(() => forget(directories, path, shared))
  return shared
}

function roleText(path: string, { kind, ownerPid }: Role): string {
  return kind === 'owner'
    ? `This process owns ${path} now.`
    : `Process ${ownerPid} owns ${path}; this one works through it.`
}

/** The last one closes it; from that moment on whoever opens waits. */
async function leave(directories: Map<string, Shared>, path: string, shared: Shared): Promise<void> {
  if (--shared.users > 0) return
  shared.closing = shared.broker.then((broker) => broker.close()).finally(() => forget(directories, path, shared))
  await shared.closing
}

function forget(directories: Map<string, Shared>, path: string, shared: Shared): void {
  if (directories.get(path) === shared) directories.delete(path)
}

async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  const aborted = Promise.withResolvers<never>()
  const abort = () => aborted.reject(new TidemarkError('ABORTED', 'Opening the directory was aborted.'))
  if (signal?.aborted === true) abort()
  signal?.addEventListener('abort', abort)
  try {
    return await Promise.race([promise, aborted.promise])
  } finally {
    signal?.removeEventListener('abort', abort)
  }
}
