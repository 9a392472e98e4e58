import { TidemarkError } from '../errors.ts'
import { scanBatches } from '../record/batch-scan.ts'
import type { ControlRecord } from './control-record.ts'
import { decodeControlBatch, decodeMetadataBatch } from './metadata-batch.ts'
import type { MetadataRecord } from './metadata-record.ts'

/** The whole of the metadata up to an offset, as a `*.checkpoint` file in the metadata log's directory holds it. */
export interface MetadataSnapshot {
  /** The log offset it ends before: the log is replayed from here on. */
  readonly endOffset: number
  readonly epoch: number
  readonly controlRecords: readonly ControlRecord[]
  readonly records: readonly MetadataRecord[]
}

/** The snapshot that a formatted directory begins with, in the data directory itself. */
export const BOOTSTRAP_CHECKPOINT = 'bootstrap.checkpoint'

/** End offset and epoch from a file name such as `00000000000000000042-0000000003.checkpoint`; undefined for others. */
export function parseSnapshotName(name: string): { endOffset: number; epoch: number } | undefined {
  const match = /^(\d{20})-(\d{10})\.checkpoint$/.exec(name)
  if (match === null) return undefined
  const [endOffset, epoch] = [Number(match[1]), Number(match[2])]
  return Number.isSafeInteger(endOffset) ? { endOffset, epoch } : undefined
}

/**
 * Reads the bytes of a snapshot, or of `bootstrap.checkpoint` (whose end offset is 0): a control batch that begins with
 * a header, data batches, a control batch with a footer. Throws CORRUPT_BATCH unless it is whole, UNSUPPORTED.
 */
export function parseSnapshot(bytes: Buffer, name: string): MetadataSnapshot {
  const { endOffset, epoch } = parseSnapshotName(name) ?? { endOffset: 0, epoch: 0 }
  const { batches, problem } = scanBatches(bytes, { verify: 'crc' })
  if (problem !== null) throw damaged(name, `${problem.reason}, at byte ${problem.position}`)
  const controlRecords: ControlRecord[] = []
  const records: MetadataRecord[] = []
  for (const batch of batches) {
    if (batch.isControl) controlRecords.push(...decodeControlBatch(batch))
    else for (const { record } of decodeMetadataBatch(batch)) records.push(record)
  }
  if (controlRecords[0]?.type !== 'SnapshotHeader') throw damaged(name, 'it does not begin with a header')
  if (controlRecords.at(-1)?.type !== 'SnapshotFooter') throw damaged(name, 'its footer is missing')
  return { endOffset, epoch, controlRecords, records }
}

/**
 * The newest whole snapshot among the files of the metadata log's directory, undefined if there is none. `read` gives a
 * file's bytes, undefined where it has vanished meanwhile. Damaged ones are passed over: an older one and the log do,
 * as long as the log still reaches back to it. Throws UNSUPPORTED.
 */
export function newestSnapshot(
  names: Iterable<string>,
  read: (name: string) => Buffer | undefined,
): MetadataSnapshot | undefined {
  const found = [...names].filter((name) => parseSnapshotName(name) !== undefined).sort()
  for (const name of found.reverse()) {
    const bytes = read(name)
    if (bytes === undefined) continue
    try {
      return parseSnapshot(bytes, name)
    } catch (error) {
      if (!(error instanceof TidemarkError) || error.code !== 'CORRUPT_BATCH') throw error
    }
  }
  return undefined
}

function damaged(name: string, reason: string): TidemarkError {
  return new TidemarkError('CORRUPT_BATCH', `The metadata snapshot ${name} is damaged: ${reason}.`)
}
