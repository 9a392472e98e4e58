import type { File, FileSystem } from '../environment/environment.ts'
import { BatchFields } from '../log/batch-fields.ts'
import type { StoredBatches } from '../log/log-view.ts'
import { segmentFileName } from '../log/segment-name.ts'
import { BATCH_HEADER_BYTES } from '../record/batch-header.ts'
import { bigInteger, count, object, type Shape } from './shape.ts'

/**
 * From here on to open a file and read it costs a neighbour no more than to receive the bytes; below, it only saves the
 * owner a little. The gain grows with the size: an owner has a tenth of the work with 1 MiB, which is what consumers ask for.
 */
export const MIN_STORED_BYTES = 64 * 1024

/** What an owner says of records that it does not send, since a neighbour can read them from the segment's file itself. */
export const storedRecords: Shape<StoredBatches> = object({
  segment: count,
  inode: bigInteger,
  position: count,
  sizeBytes: count,
  baseOffset: count,
  nextOffset: count,
})

/**
 * Reads records from the directory of their partition. Undefined where the file is gone or another one, or where what stands
 * there is not exactly the batches of those offsets: no more, no less and none missing. The file is opened every time, which
 * is 5 µs of the 100 that a read takes: a descriptor that is kept would keep the space of a segment that is deleted.
 */
export function readStored(files: FileSystem, directory: string, batches: StoredBatches): Uint8Array | undefined {
  const { segment, inode, position, sizeBytes } = batches
  let file: File | undefined
  try {
    file = files.open(files.join(directory, segmentFileName(segment, '.log')), { write: false })
    if (file.inode() !== inode || file.sizeBytes() < position + sizeBytes) return undefined
    const bytes = Buffer.allocUnsafe(sizeBytes)
    if (file.read(bytes, position) < sizeBytes) return undefined
    return isExactly(bytes, batches) ? bytes : undefined
  } catch {
    // Whatever keeps us from reading: the owner can, or knows why not.
    return undefined
  } finally {
    file?.close()
  }
}

function isExactly(bytes: Buffer, { baseOffset, nextOffset }: StoredBatches): boolean {
  const fields = new BatchFields()
  fields.use(bytes)
  let position = 0
  let offset = baseOffset
  while (position + BATCH_HEADER_BYTES <= bytes.length) {
    if (fields.findProblem(position) !== null || fields.baseOffset(position) !== offset) return false
    offset = fields.nextOffset(position)
    position += fields.sizeBytes(position)
  }
  return position === bytes.length && offset === nextOffset
}
