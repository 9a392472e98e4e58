/** How owners and followers alike come from files to the metadata image. */
import { METADATA_TOPIC } from '../directory/partition-directory.ts'
import type { FileSystem } from '../environment/environment.ts'
import { TidemarkError } from '../errors.ts'
import { scanBatches } from '../record/batch-scan.ts'
import type { RecordBatch } from '../record/record-batch.ts'
import { MetadataImage } from '../topic/metadata-image.ts'
import { newestSnapshot } from '../topic/metadata-snapshot.ts'

/** The image of the newest whole snapshot; an empty one where there is none. The log goes on behind it. */
export function imageFromSnapshot(files: FileSystem, directory: string): MetadataImage {
  const folder = files.join(directory, `${METADATA_TOPIC}-0`)
  if (files.stat(folder) === undefined) return new MetadataImage()
  const snapshot = newestSnapshot(files.list(folder), (name) => readWhole(files, files.join(folder, name)))
  return snapshot === undefined ? new MetadataImage() : MetadataImage.of(snapshot)
}

/** Replays a slice of the log; returns its batches. Throws CORRUPT_BATCH. */
export function replayMetadata(image: MetadataImage, slice: Buffer): readonly RecordBatch[] {
  const { batches, problem } = scanBatches(slice, { verify: 'crc' })
  for (const batch of batches) image.replayBatch(batch)
  if (problem === null || problem.kind === 'incomplete') return batches
  throw damagedMetadata(problem.reason)
}

/** Going on without a part of it would take topics for deleted. */
export function damagedMetadata(reason: string): TidemarkError {
  const message = `The metadata log, which says what topics there are, is damaged: ${reason}. Restore the folder __cluster_metadata-0 from a copy.`
  return new TidemarkError('CORRUPT_BATCH', message, { topic: METADATA_TOPIC, partition: 0 })
}

function readWhole(files: FileSystem, path: string): Buffer | undefined {
  const stat = files.stat(path)
  if (stat === undefined) return undefined
  const file = files.open(path, { write: false })
  try {
    const bytes = Buffer.alloc(stat.sizeBytes)
    return bytes.subarray(0, file.read(bytes, 0))
  } finally {
    file.close()
  }
}
