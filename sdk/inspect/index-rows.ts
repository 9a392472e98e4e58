import { decodeProducerSnapshot } from '../log/producer-snapshot.ts'
import { parseSegmentFileName } from '../log/segment-name.ts'
import { readWholeFile } from '../log/whole-file.ts'
import { isSafeInt64, readInt64 } from '../record/int64.ts'
import { type DescribedFile, ofPartition } from './described-file.ts'
import { type EntryRow, type Fields, type FileRow, problemRow } from './file-row.ts'
import { IndexFile } from './index-file.ts'

interface IndexKind {
  readonly entryBytes: number
  readonly about: string
  /** What an entry says. */
  readonly columns: string
  /** `null`: what stands there can be no entry. */
  fields(bytes: Buffer, at: number, baseOffset: number): Fields | null
  /** What must rise from entry to entry, or at least not fall. */
  readonly rises: string
}

const KINDS: Readonly<Record<string, IndexKind>> = {
  'offset-index': {
    entryBytes: 8,
    about: 'offset index',
    columns: 'the last offset of a batch, and where it begins',
    fields: (bytes, at, base) => ({ offset: base + bytes.readInt32BE(at), position: bytes.readInt32BE(at + 4) }),
    rises: 'offset',
  },
  'time-index': {
    entryBytes: 12,
    about: 'time index',
    columns: 'the latest times so far, and their offsets',
    fields: (bytes, at, base) =>
      int64s(bytes, at, { timestampMs: 0 }, ({ timestampMs }) => ({
        timestampMs: timestampMs!,
        offset: base + bytes.readInt32BE(at + 8),
      })),
    rises: 'timestampMs',
  },
  'transaction-index': {
    entryBytes: 34,
    about: 'transaction index',
    columns: 'which transactions were aborted',
    fields: (bytes, at) =>
      bytes.readInt16BE(at) !== 0
        ? null
        : int64s(
            bytes,
            at,
            { producerId: 2, firstOffset: 10, lastOffset: 18, lastStableOffset: 26 },
            (fields) => fields,
          ),
    rises: 'lastOffset',
  },
}

/** The entries of an index, without the zeros that a broker allocates behind them. */
export function* indexRows(described: DescribedFile): Generator<FileRow> {
  const { environment, path, name, kind } = described
  const { entryBytes, about, columns, fields, rises } = KINDS[kind]!
  const baseOffset = parseSegmentFileName(name)?.baseOffset
  const place = { path, name, baseOffset: baseOffset ?? 0, isRebuiltOnOpen: false }
  const index = IndexFile.load(environment.files, place)
  if (index === undefined) return
  const sizeBytes = environment.files.stat(path)?.sizeBytes ?? 0
  const count = index.countEntries(entryBytes)
  const unused = sizeBytes - count * entryBytes
  const rest = unused % entryBytes
  const allocated = unused > rest ? `, ${unused - rest} bytes allocated and unused` : ''
  yield { row: 'file', kind, sizeBytes, about: `${about}${ofPartition(described)}: ${columns}${allocated}` }
  if (baseOffset === undefined && kind !== 'transaction-index') {
    yield problemRow('The file name has no base offset: offsets are relative to it.')
  }
  let last = Number.NEGATIVE_INFINITY
  for (let at = 0; at < count * entryBytes; at += entryBytes) {
    const entry = fields(index.bytes, at, place.baseOffset)
    if (entry === null) {
      yield problemRow('These bytes are no entry.', at)
      continue
    }
    yield { row: 'entry', position: at, fields: entry }
    const value = Number(entry[rises])
    if (value <= last) yield problemRow(`Its ${rises}, ${value}, is not above the one before it, ${last}.`, at)
    last = value
  }
  if (rest > 0) yield problemRow(`The last ${rest} bytes are no whole entry of ${entryBytes}.`, sizeBytes - rest)
}

/** What idempotent producers had written before the offset in the file's name. */
export function* producerSnapshotRows(described: DescribedFile): Generator<FileRow> {
  const { environment, path, name, kind } = described
  const bytes = readWholeFile(environment.files, path) ?? Buffer.alloc(0)
  const offset = parseSegmentFileName(name)?.baseOffset
  const before = offset === undefined ? '' : `, before offset ${offset}`
  yield { row: 'file', kind, sizeBytes: bytes.length, about: `producers${ofPartition(described)}${before}` }
  const entries = decodeProducerSnapshot(bytes)
  if (entries === undefined) {
    yield problemRow('It is no snapshot of producers: its version or its checksum is wrong. The owner does without it.')
    return
  }
  yield* entries.map((entry, at): EntryRow => ({ row: 'entry', position: 10 + 46 * at, fields: { ...entry } }))
}

/** Reads 64-bit fields at their places; null where one is beyond what any offset or time can be. */
function int64s<Name extends string>(
  bytes: Buffer,
  at: number,
  places: Readonly<Record<Name, number>>,
  make: (fields: Record<Name, number>) => Fields,
): Fields | null {
  const names = Object.keys(places) as Name[]
  if (!names.every((name) => isSafeInt64(bytes, at + places[name]))) return null
  return make(
    Object.fromEntries(names.map((name) => [name, readInt64(bytes, at + places[name])])) as Record<Name, number>,
  )
}
