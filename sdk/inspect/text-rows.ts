import { parseMetaProperties, parseProperties } from '../directory/meta-properties.ts'
import { readPartitionMetadata } from '../directory/partition-directory.ts'
import { TidemarkError } from '../errors.ts'
import { parseCheckpointNumber, readCheckpointFile } from '../log/checkpoint-file.ts'
import { LeaderEpochs } from '../log/leader-epochs.ts'
import { readWholeFile } from '../log/whole-file.ts'
import { type DescribedFile, ofPartition } from './described-file.ts'
import { type EntryRow, type Fields, type FieldValue, type FileRow, problemRow } from './file-row.ts'

interface TextKind {
  about(file: DescribedFile): string
  entries(text: string): Iterable<EntryRow>
  /** Throws a TidemarkError that says what is wrong. */
  check(file: DescribedFile, text: string): void
}

const ABOUT_OFFSETS: Readonly<Record<string, string>> = {
  'recovery-point-offset-checkpoint': 'everything below these offsets is flushed',
  'replication-offset-checkpoint': 'consumers may read up to these offsets (high watermarks)',
  'log-start-offset-checkpoint': 'logs that begin inside their first segment',
  'cleaner-offset-checkpoint': 'compaction goes on at these offsets',
}

const ABOUT_JSON: Readonly<Record<string, string>> = {
  '.kafka_cleanshutdown': 'the directory was closed in order: logs are not checked at the next start',
  'quorum-state': "a controller's vote and leader",
}

const KINDS: Readonly<Record<string, TextKind>> = {
  'leader-epochs': {
    about: (file) => `leader epochs${ofPartition(file)}: where each begins`,
    entries: (text) => checkpointEntries(text, ['epoch', 'startOffset']),
    check: ({ environment, folder }) => LeaderEpochs.load(environment.files, folder),
  },
  'partition-offsets': {
    about: ({ name }) => ABOUT_OFFSETS[name] ?? 'an offset per partition',
    entries: (text) => checkpointEntries(text, ['topic', 'partition', 'offset']),
    check({ environment, path }) {
      for (const [, partition, offset] of readCheckpointFile(environment.files, path) ?? []) {
        parseCheckpointNumber(path, partition)
        parseCheckpointNumber(path, offset)
      }
    },
  },
  'meta-properties': {
    about: () => 'whose directory it is',
    entries: (text) => named([...parseProperties(text)]),
    check: ({ path }, text) => parseMetaProperties(text, path),
  },
  'partition-metadata': {
    about: () => 'which topic the partition belongs to',
    entries: (text) => named(text.split(/\r?\n/).flatMap(pairOf)),
    check: ({ environment, folder }) => readPartitionMetadata(environment.files, folder),
  },
  json: {
    about: ({ name }) => ABOUT_JSON[name] ?? 'JSON',
    entries: (text) => named(Object.entries(parseJson(text) ?? {})),
    check(_, text) {
      if (parseJson(text) === null) throw new TidemarkError('STORAGE_ERROR', 'It is not a JSON object.')
    },
  },
  lock: { about: () => "the owner's lock", entries: () => [], check: () => {} },
}

/** The entries of a text file: a checkpoint, properties, JSON. */
export function* textRows(file: DescribedFile): Generator<FileRow> {
  const kind = KINDS[file.kind]!
  const bytes = readWholeFile(file.environment.files, file.path) ?? Buffer.alloc(0)
  const text = bytes.toString('utf8')
  yield { row: 'file', kind: file.kind, sizeBytes: bytes.length, about: kind.about(file) }
  yield* kind.entries(text)
  try {
    kind.check(file, text)
  } catch (error) {
    if (!(error instanceof TidemarkError)) throw error
    yield problemRow(error.message)
  }
}

/** Behind two lines with the version and the count. Also what no checkpoint should have, as it stands there. */
function* checkpointEntries(text: string, names: readonly string[]): Generator<EntryRow> {
  for (const [at, line] of text.split('\n').entries()) {
    if (at < 2 || line.trim() === '') continue
    const words = line.trim().split(/\s+/)
    const fields = Object.fromEntries(names.map((name, index) => [name, numberOrText(words[index] ?? null)]))
    yield { row: 'entry', position: at + 1, fields }
  }
}

function named(pairs: readonly (readonly [string, FieldValue])[]): EntryRow[] {
  return pairs.map(([name, value], at) => ({ row: 'entry', position: at + 1, fields: { name, value } }))
}

function pairOf(line: string): (readonly [string, string])[] {
  const at = line.indexOf(':')
  return at < 0 ? [] : [[line.slice(0, at), line.slice(at + 1).trim()]]
}

function numberOrText(word: string | null): number | string | null {
  return word !== null && /^-?\d{1,15}$/.test(word) ? Number(word) : word
}

function parseJson(text: string): Fields | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : null
  } catch {
    return null
  }
}
