import type { FileSystem } from '../environment/environment.ts'
import { BatchWalker } from './batch-walker.ts'
import { parseSegmentFileName } from './segment-name.ts'

interface SegmentFile {
  readonly name: string
  readonly baseOffset: number
  /** `.log`, `.index`, … */
  readonly kind: string
}

/**
 * Settles what a stop in the middle of a deletion or a compaction left, by Kafka's rules:
 * `.deleted` files go. `.cleaned` files were not finished: they go, and so does every `.swap` from the lowest of them on,
 * which belongs to the same, unfinished pass. The remaining `.swap` files are complete: they take the place of the
 * segments whose offsets they cover. Returns the names that are left.
 */
export function settleLeftovers(files: FileSystem, directory: string): string[] {
  const names = files.list(directory)
  const remove = (name: string): void => files.remove(files.join(directory, name))
  const deleted = withSuffix(names, '.deleted')
  const cleaned = withSuffix(names, '.cleaned')
  const swaps = withSuffix(names, '.swap')
  if (deleted.length + cleaned.length + swaps.length === 0) return names
  for (const file of [...deleted, ...cleaned]) remove(file.name)
  const firstCleaned = Math.min(...cleaned.map((file) => file.baseOffset))
  for (const file of swaps) if (file.baseOffset >= firstCleaned) remove(file.name)
  const complete = swaps.filter((file) => file.baseOffset < firstCleaned)
  const logs = complete.filter((file) => file.kind === '.log')
  const fromOffset = Math.min(...logs.map((file) => file.baseOffset))
  const toOffset = Math.max(...logs.map((file) => findNextOffset(files, files.join(directory, file.name))))
  const bases = new Set(logs.map((file) => file.baseOffset))
  for (const name of names) {
    const parsed = parseSegmentFileName(name)
    if (parsed === undefined || parsed.suffix.indexOf('.', 1) !== -1) continue
    // These two may be the new segment's own already, and cannot be made again; what an old one says beyond it is harmless.
    if (bases.has(parsed.baseOffset) && (parsed.suffix === '.txnindex' || parsed.suffix === '.snapshot')) continue
    if (parsed.baseOffset >= fromOffset && parsed.baseOffset < toOffset) remove(name)
  }
  // In ascending order, a segment's log first: should this stop half-way, those that are left still cover none that is renamed.
  const rank = (file: SegmentFile): number => (file.kind === '.log' ? 0 : 1)
  complete.sort((one, other) => one.baseOffset - other.baseOffset || rank(one) - rank(other))
  for (const file of complete) {
    files.rename(files.join(directory, file.name), files.join(directory, file.name.slice(0, -'.swap'.length)))
  }
  files.syncDirectory(directory)
  return files.list(directory)
}

function withSuffix(names: readonly string[], suffix: string): SegmentFile[] {
  const found: SegmentFile[] = []
  for (const name of names) {
    const parsed = parseSegmentFileName(name)
    if (parsed === undefined || !parsed.suffix.endsWith(suffix) || parsed.suffix === suffix) continue
    found.push({ name, baseOffset: parsed.baseOffset, kind: parsed.suffix.slice(0, -suffix.length) })
  }
  return found
}

/** The offset behind the last batch of a segment file; −∞ for an empty one. */
function findNextOffset(files: FileSystem, path: string): number {
  const file = files.open(path, { write: false })
  try {
    const walker = new BatchWalker(file, { start: 0, end: file.sizeBytes() })
    while (walker.next());
    return walker.nextOffset < 0 ? Number.NEGATIVE_INFINITY : walker.nextOffset
  } finally {
    file.close()
  }
}
