import { boolean, checkOptions, type OptionKinds, object, signal } from '../client/option-check.ts'
import { parsePartitionDirectory } from '../directory/partition-directory.ts'
import type { Environment, FileSystem } from '../environment/environment.ts'
import { nodeEnvironment } from '../environment/node-environment.ts'
import { TidemarkError } from '../errors.ts'
import { asDiskFailure } from '../log/storage-error.ts'
import { checkNotAborted, type DescribedFile } from './described-file.ts'
import { fileKindOf, KNOWN_FILES } from './file-kind.ts'
import type { FileRow } from './file-row.ts'
import { indexRows, producerSnapshotRows } from './index-rows.ts'
import { logRows } from './log-rows.ts'
import { textRows } from './text-rows.ts'

/** What of a file is wanted. */
export interface DescribeFileOptions {
  /** Where the file is. Default: the machine this process runs on. */
  readonly environment?: Environment
  /** Records too, not only batches. Default: in Kafka's own logs, where each record is decoded. */
  readonly records?: boolean
  /** Ends it with ABORTED. */
  readonly signal?: AbortSignal
}

const OPTION_KINDS: OptionKinds<DescribeFileOptions> = {
  environment: object('an environment, such as one of tidemark/testing'),
  records: boolean,
  signal,
}

/**
 * What stands in one of Kafka's files, row by row, and the file itself as the first row: batches and records of a `.log` or
 * a metadata snapshot, entries of an index or a producer snapshot, lines of a checkpoint. What the file is, its name says.
 * Reads in bounded memory and changes nothing; what cannot be read is a row, too, and the rows go on behind it.
 *
 * @throws {TidemarkError} INVALID_ARGUMENT where there is no such file or it is none of Kafka's, STORAGE_ERROR where it may
 *   not be read, ABORTED
 */
export async function* describeFile(path: string, options: DescribeFileOptions = {}): AsyncGenerator<FileRow, void> {
  checkOptions('describeFile', options, OPTION_KINDS)
  try {
    const file = locate(path, options)
    checkNotAborted(file)
    yield* rowsOf(file)
  } catch (error) {
    throw asDiskFailure(error, `read ${path}`)
  }
}

async function* rowsOf(file: DescribedFile): AsyncGenerator<FileRow, void> {
  switch (file.kind) {
    case 'log':
    case 'metadata-snapshot':
      yield* logRows(file)
      return
    case 'offset-index':
    case 'time-index':
    case 'transaction-index':
      yield* indexRows(file)
      return
    case 'producer-snapshot':
      yield* producerSnapshotRows(file)
      return
    default:
      yield* textRows(file)
  }
}

function locate(path: string, options: DescribeFileOptions): DescribedFile {
  const { environment = nodeEnvironment(), records } = options
  const { files } = environment
  const real = files.realPath(path)
  const stat = files.stat(real)
  if (stat === undefined) throw invalid(`There is no file ${path}.`)
  if (stat.isDirectory) throw invalid(directoryAdvice(files, path, real))
  const [folderName = '', name = ''] = real.split(/[\\/]/).slice(-2)
  const kind = fileKindOf(name)
  if (kind === undefined) throw invalid(`${path} is none of Kafka's files by its name. Known are ${KNOWN_FILES}.`)
  const place = parsePartitionDirectory(folderName)
  return {
    environment,
    path: real,
    name,
    folder: files.join(real, '..'),
    kind,
    topic: place?.topic ?? null,
    partition: place?.partition ?? null,
    records,
    signal: options.signal,
  }
}

function directoryAdvice(files: FileSystem, path: string, real: string): string {
  const names = files.list(real).sort()
  const example = names.find((name) => fileKindOf(name) === 'log') ?? names.find((name) => fileKindOf(name))
  const hint = example === undefined ? '' : `, such as ${files.join(path, example)}`
  return `${path} is a directory. Name files in it${hint}.`
}

function invalid(message: string): TidemarkError {
  return new TidemarkError('INVALID_ARGUMENT', message)
}
