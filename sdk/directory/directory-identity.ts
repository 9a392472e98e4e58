import type { Environment } from '../environment/environment.ts'
import { TidemarkError } from '../errors.ts'
import { errnoOf } from '../log/storage-error.ts'
import { randomUuid } from '../record/uuid.ts'
import { formatMetaProperties, META_PROPERTIES, parseMetaProperties, readMetaProperties } from './meta-properties.ts'
import { METADATA_DIRECTORY } from './partition-directory.ts'
import { readText, replaceText, writeText } from './small-file.ts'

/**
 * How a directory comes into being. `meta.properties.tmp` is written first, so that whatever a crash leaves behind it is
 * known to be ours and unfinished; then the metadata log; then the file gets its name. Nothing but the bootstrap records
 * can be lost before that, so an unfinished directory is made anew, under the same ids.
 */
export const UNFINISHED = `${META_PROPERTIES}.tmp`
const UNFINISHED_NAMES: ReadonlySet<string> = new Set(['.lock', UNFINISHED, METADATA_DIRECTORY])
/** What is in a directory that people call empty: a mounted disk's, a checkout's, a Mac's. */
const IGNORED_NAMES: ReadonlySet<string> = new Set(['lost+found', '.gitkeep', '.gitignore', '.DS_Store'])
const FORBIDDEN: ReadonlySet<string> = new Set(['EACCES', 'EPERM'])
/** A single node's id, as Kafka's own documentation numbers it. */
const NODE_ID = 1

export interface DirectoryIdentity {
  readonly clusterId: string
  readonly nodeId: number
  readonly directoryId: string
  /** The directory is being created: it has no metadata yet. */
  readonly isFresh: boolean
}

/**
 * Whether the path holds a data directory or can become one. Reads only.
 *
 * @throws {TidemarkError} NOT_A_DATA_DIRECTORY if it holds something else.
 */
export function checkUsable(environment: Environment, directory: string): 'existing' | 'fresh' {
  const { files } = environment
  if (files.stat(directory) === undefined) return 'fresh'
  checkNoFile(environment, directory)
  if (files.stat(files.join(directory, META_PROPERTIES)) !== undefined) return 'existing'
  const names = countedNames(environment, directory)
  const other = names.find((name) => !UNFINISHED_NAMES.has(name))
  if (other !== undefined) {
    throw notADataDirectory(
      directory,
      `has no ${META_PROPERTIES} but holds ${JSON.stringify(other)}. Name a data directory, an empty directory, or a path that does not exist`,
    )
  }
  if (names.includes(METADATA_DIRECTORY) && !names.includes(UNFINISHED)) {
    throw notADataDirectory(directory, `has lost its ${META_PROPERTIES}. Restore that file from a copy`)
  }
  return 'fresh'
}

/** What is in a directory, without what is there also where people call it empty. */
export function countedNames({ files }: Environment, directory: string): string[] {
  return files.list(directory).filter((name) => !IGNORED_NAMES.has(name))
}

/** @throws {TidemarkError} NOT_A_DATA_DIRECTORY where the path is a file's. */
export function checkNoFile(environment: Environment, path: string): void {
  if (environment.files.stat(path)?.isDirectory !== false) return
  throw notADataDirectory(path, `is a file. Name the directory that holds the partitions and ${META_PROPERTIES}`)
}

/** Creates the directory and what is missing above it. Durable on return. */
export function makeDurableDirectory(environment: Environment, directory: string): void {
  const { files } = environment
  files.makeDirectory(directory)
  // All the way up: a process that died here may have made any of them and not flushed it.
  for (let path = directory, parent = files.join(path, '..'); parent !== path; parent = files.join(path, '..')) {
    try {
      files.syncDirectory(parent)
    } catch (error) {
      // A directory that we may pass through but not open is older than we are.
      if (!FORBIDDEN.has(errnoOf(error) ?? '')) throw error
    }
    path = parent
  }
}

/**
 * The ids of a directory whose lock is held. Begins (again) to create it where it is fresh; gives it a directory id where
 * it is from before Kafka 3.7, as a newer Kafka does.
 */
export function establishIdentity(environment: Environment, directory: string): DirectoryIdentity {
  // Again, because before the lock was held another process may have created it or put something there.
  if (checkUsable(environment, directory) === 'fresh') return beginCreation(environment, directory)
  const found = readMetaProperties(environment, directory)
  if (found === undefined) throw notADataDirectory(directory, `has lost its ${META_PROPERTIES} just now. Try again`)
  if (found.version === 0) {
    throw new TidemarkError(
      'UNSUPPORTED',
      `${directory} belongs to a broker that keeps its topics in ZooKeeper (${META_PROPERTIES} version 0). Open it for reading only.`,
    )
  }
  const identity = { ...found, directoryId: found.directoryId ?? randomUuid(environment.random), isFresh: false }
  if (found.directoryId === undefined) {
    replaceText(environment.files, directory, META_PROPERTIES, formatMetaProperties(identity))
  }
  return identity
}

/** The metadata log is flushed: from here on it is a data directory. Durable on return. */
export function finishCreation(environment: Environment, directory: string): void {
  const { files } = environment
  files.rename(files.join(directory, UNFINISHED), files.join(directory, META_PROPERTIES))
  files.syncDirectory(directory)
}

function beginCreation(environment: Environment, directory: string): DirectoryIdentity {
  const { files } = environment
  const path = files.join(directory, UNFINISHED)
  const { random } = environment
  const identity = readUnfinished(environment, path) ?? {
    clusterId: randomUuid(random),
    nodeId: NODE_ID,
    directoryId: randomUuid(random),
    isFresh: true,
  }
  // Also where it is there already: who wrote it may have died before the flush.
  writeText(files, path, formatMetaProperties(identity))
  files.removeDirectory(files.join(directory, METADATA_DIRECTORY))
  // Durable before the metadata log can exist: only so is an unfinished directory always told from a damaged one.
  files.syncDirectory(directory)
  return identity
}

function readUnfinished(environment: Environment, path: string): DirectoryIdentity | undefined {
  const text = readText(environment.files, path)
  if (text === undefined) return undefined
  try {
    const { clusterId, nodeId, directoryId } = parseMetaProperties(text, path)
    const whole = directoryId !== undefined && text === formatMetaProperties({ clusterId, nodeId, directoryId })
    return whole ? { clusterId, nodeId, directoryId, isFresh: true } : undefined
  } catch (error) {
    if (error instanceof TidemarkError) return undefined
    throw error
  }
}

function notADataDirectory(directory: string, why: string): TidemarkError {
  return new TidemarkError('NOT_A_DATA_DIRECTORY', `${directory} ${why}.`)
}
