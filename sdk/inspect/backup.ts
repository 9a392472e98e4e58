import {
  aFunction,
  boolean,
  checkArgument,
  checkOptions,
  type OptionKinds,
  object,
  signal,
  text,
} from '../client/option-check.ts'
import { checkNoFile, countedNames, makeDurableDirectory } from '../directory/directory-identity.ts'
import { META_PROPERTIES, readMetaProperties } from '../directory/meta-properties.ts'
import { readText, replaceText } from '../directory/small-file.ts'
import type { Environment } from '../environment/environment.ts'
import { nodeEnvironment } from '../environment/node-environment.ts'
import { TidemarkError } from '../errors.ts'
import { asDiskFailure } from '../log/storage-error.ts'
import { DirectoryCopy } from './directory-copy.ts'
import { type Finding, verifyDirectory } from './verify.ts'

/** How far a backup is. */
export interface BackupProgress {
  /** What is being done: the copy is made, or read again. */
  readonly phase: 'copy' | 'verify'
  /** How many partitions that is done with. */
  readonly partitionsDone: number
  /** How many there are; topics may come and go. */
  readonly partitionsTotal: number
  /** Written, or read while verifying. */
  readonly sizeBytes: number
}

/** How to follow, to end and to check a backup. */
export interface BackupOptions {
  /** Whether the copy is verified at the end, which reads all of it once more. Default true. */
  readonly verify?: boolean
  /** Called every megabyte and after every partition. */
  readonly onProgress?: (progress: BackupProgress) => void
  /** Ends the backup with ABORTED, and removes what was copied. */
  readonly signal?: AbortSignal
  /** Where both directories are. Default: the machine this process runs on. Others are for tests: `tidemark/testing`. */
  readonly environment?: Environment
}

/** A copy that was made. */
export interface Backup {
  /** Absolute, with links resolved. */
  readonly destination: string
  /** How many partitions it holds, Kafka's own among them. */
  readonly partitions: number
  /** How much was written. */
  readonly sizeBytes: number
  /** What `verifyDirectory` found in the copy; null where it was not asked to look. */
  readonly findings: readonly Finding[] | null
}

const OPTION_KINDS: OptionKinds<BackupOptions> = {
  verify: boolean,
  onProgress: aFunction,
  signal,
  environment: object('an environment, such as one of tidemark/testing'),
}

/**
 * Copies a data directory while another program, or this one, writes to it: to `destination`, which must be empty or not
 * there. No commit in the copy points behind the end of its log: commits are copied first, then the logs, each up to a
 * whole batch, and last the list of topics. A transaction is in the copy as a whole or not at all; one that is open in that
 * moment is aborted there. The copy is as after a crash at that moment: it opens, read-only or as an
 * owner, in Tidemark and in a broker, under the same ids as the original. Takes no lock, never opens the lock file, and
 * changes nothing in `directory`.
 *
 * The copy is durable when this resolves, and a data directory only from then on: `meta.properties` comes last. Where it
 * rejects, what was copied is removed.
 *
 * @throws {TidemarkError} NOT_A_DATA_DIRECTORY, INVALID_ARGUMENT where the destination is not empty or lies inside of
 *   `directory`, CORRUPT_BATCH where the metadata log is damaged, STORAGE_ERROR, UNSUPPORTED, ABORTED
 */
export async function backupDirectory(
  directory: string,
  destination: string,
  options: BackupOptions = {},
): Promise<Backup> {
  const example = "backupDirectory('./data', './backup')"
  checkArgument('backupDirectory', 'a directory', directory, text, example)
  checkArgument('backupDirectory', 'a destination', destination, text, example)
  checkOptions('backupDirectory', options, OPTION_KINDS)
  const { environment = nodeEnvironment(), onProgress = () => {} } = options
  try {
    const from = environment.files.realPath(directory)
    checkSource(environment, from)
    const to = environment.files.realPath(destination)
    checkDestination(environment, from, to)
    makeDurableDirectory(environment, to)
    const copied = await copyInto(environment, from, to, options)
    const verifying = {
      environment,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      onProgress: (progress: Omit<BackupProgress, 'phase'>) => onProgress({ phase: 'verify', ...countsOf(progress) }),
    }
    const findings = options.verify === false ? null : await verifyDirectory(to, verifying)
    return { destination: to, ...copied, findings }
  } catch (error) {
    throw asDiskFailure(error, `copy ${directory} to ${destination}`)
  }
}

async function copyInto(
  environment: Environment,
  from: string,
  to: string,
  { onProgress = () => {}, signal: stop }: BackupOptions,
): Promise<{ partitions: number; sizeBytes: number }> {
  const { files } = environment
  const found = new Set(files.list(to))
  try {
    const copy = new DirectoryCopy(environment, { from, to }, (progress) => {
      if (stop?.aborted) throw new TidemarkError('ABORTED', 'The backup was stopped before its end.')
      onProgress({ phase: 'copy', ...progress })
    })
    const copied = await copy.run()
    const meta = readText(files, files.join(from, META_PROPERTIES))
    if (meta === undefined) throw new TidemarkError('STORAGE_ERROR', `${from} was removed while it was copied.`)
    replaceText(files, to, META_PROPERTIES, meta)
    return copied
  } catch (error) {
    for (const name of files.list(to)) if (!found.has(name)) files.removeDirectory(files.join(to, name))
    throw error
  }
}

function countsOf({ partitionsDone, partitionsTotal, sizeBytes }: Omit<BackupProgress, 'phase'>) {
  return { partitionsDone, partitionsTotal, sizeBytes }
}

function checkSource(environment: Environment, from: string): void {
  checkNoFile(environment, from)
  const meta = readMetaProperties(environment, from)
  if (meta === undefined) {
    const isThere = environment.files.stat(from) !== undefined
    const why = isThere ? `has no ${META_PROPERTIES}, so it is no data directory` : 'does not exist'
    throw new TidemarkError('NOT_A_DATA_DIRECTORY', `${from} ${why}. Name the directory that holds the partitions.`)
  }
  if (meta.version === 1) return
  const message = `${from} belongs to a broker that keeps its topics in ZooKeeper. Stop the broker and copy the directory as it is.`
  throw new TidemarkError('UNSUPPORTED', message)
}

function checkDestination(environment: Environment, from: string, to: string): void {
  const { files } = environment
  const separator = files.join('a', 'b').slice(1, -1)
  if (to === from || to.startsWith(from + separator)) {
    throw new TidemarkError('INVALID_ARGUMENT', `${to} lies inside of what is to be copied. Name another place.`)
  }
  const stat = files.stat(to)
  if (stat === undefined) return
  if (!stat.isDirectory) throw new TidemarkError('INVALID_ARGUMENT', `${to} is a file. Name a directory.`)
  const [name] = countedNames(environment, to)
  if (name === undefined) return
  const message = `${to} is not empty: it holds ${JSON.stringify(name)}. Name an empty directory, or one that does not exist.`
  throw new TidemarkError('INVALID_ARGUMENT', message)
}
