import type { FileSystem } from '../environment/environment.ts'
import { Segment, type SegmentSurroundings } from './segment.ts'
import { parseSegmentFileName } from './segment-name.ts'
import { SWAP } from './segment-swap.ts'
import { errnoOf } from './storage-error.ts'

/** A log file that counts. */
export interface SegmentFile {
  readonly baseOffset: number
  /** '' or, in the middle of a compaction that is under way or was interrupted, `.swap`. */
  readonly ending: string
}

/** Renaming many files takes a moment. */
const MAX_TRIES = 20

/**
 * The names in a log's directory, sorted; none where it does not exist. A listing while files are renamed may miss some, so
 * two must agree, or one with what is `known`.
 */
export function listSettled(files: FileSystem, directory: string, known?: readonly string[]): readonly string[] {
  let before = known
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const names = list(files, directory).sort()
    if (before?.length === names.length && before.every((name, at) => name === names[at])) return before
    before = names
  }
  return before ?? []
}

/** Which of the names are the log's segments, as they would be after `settleLeftovers`, which changes them. */
export function findSegmentFiles(around: SegmentSurroundings, names: readonly string[]): SegmentFile[] {
  const parsed = names.flatMap((name) => parseSegmentFileName(name) ?? [])
  const basesOf = (suffix: string) => parsed.filter((file) => file.suffix === suffix).map((file) => file.baseOffset)
  const firstCleaned = Math.min(...parsed.filter(isCleaned).map((file) => file.baseOffset))
  const swaps = basesOf(`.log${SWAP}`).filter((baseOffset) => baseOffset < firstCleaned)
  const fromOffset = Math.min(...swaps)
  const toOffset = Math.max(...swaps.map((baseOffset) => findNextOffset(around, baseOffset)))
  const others = basesOf('.log').filter((baseOffset) => baseOffset < fromOffset || baseOffset >= toOffset)
  const found = [
    ...swaps.map((baseOffset) => ({ baseOffset, ending: SWAP })),
    // One that has its name already, while the rest of its files have not.
    ...others.filter((baseOffset) => !swaps.includes(baseOffset)).map((baseOffset) => ({ baseOffset, ending: '' })),
  ]
  return found.sort((one, other) => one.baseOffset - other.baseOffset)
}

function isCleaned({ suffix }: { suffix: string }): boolean {
  return suffix.endsWith('.cleaned')
}

function findNextOffset(around: SegmentSurroundings, baseOffset: number): number {
  // Not kept open, and nobody else's affair.
  const segment = new Segment({ ...around, opened: undefined }, baseOffset, 0, SWAP)
  segment.sizeBytes = around.files.stat(segment.path('.log'))?.sizeBytes ?? 0
  let nextOffset = Number.NEGATIVE_INFINITY
  try {
    segment.visit(segment.locate(Number.POSITIVE_INFINITY), (batch) => {
      nextOffset = batch.nextOffset
    })
  } finally {
    around.open.drop(segment)
    segment.release()
  }
  return nextOffset
}

function list(files: FileSystem, directory: string): string[] {
  try {
    return files.list(directory)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return []
    throw error
  }
}
