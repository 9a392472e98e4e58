/** How owners and followers alike come from files to the metadata image. */

import { CLUSTER_METADATA_TOPIC, METADATA_DIRECTORY } from '../directory/partition-directory.ts'
import type { FileSystem } from '../environment/environment.ts'
import { TidemarkError } from '../errors.ts'
import type { DamagedRange } from '../log/damage.ts'
import type { LogView } from '../log/log-view.ts'
import { asDiskFailure } from '../log/storage-error.ts'
import { readWholeFile } from '../log/whole-file.ts'
import { scanBatches } from '../record/batch-scan.ts'
import type { RecordBatch } from '../record/record-batch.ts'
import { MetadataImage } from '../topic/metadata-image.ts'
import type { MetadataRecord } from '../topic/metadata-record.ts'
import { BOOTSTRAP_CHECKPOINT, newestSnapshot, parseSnapshot } from '../topic/metadata-snapshot.ts'
import { readSlices } from './log-requests.ts'

/** The image of the newest whole snapshot; an empty one where there is none. The log goes on behind it. Throws STORAGE_ERROR. */
export function imageFromSnapshot(files: FileSystem, directory: string): MetadataImage {
  const folder = files.join(directory, METADATA_DIRECTORY)
  try {
    if (files.stat(folder) === undefined) return new MetadataImage()
    const snapshot = newestSnapshot(files.list(folder), (name) => readWholeFile(files, files.join(folder, name)))
    return snapshot === undefined ? new MetadataImage() : MetadataImage.of(snapshot)
  } catch (error) {
    throw asDiskFailure(error, `read ${folder}`)
  }
}

/** The features that a fresh directory of Kafka's begins with; none where there is no such file. Throws CORRUPT_BATCH, UNSUPPORTED, STORAGE_ERROR. */
export function bootstrapFeatures(files: FileSystem, directory: string): FeatureLevel[] {
  const path = files.join(directory, BOOTSTRAP_CHECKPOINT)
  try {
    const bytes = readWholeFile(files, path)
    if (bytes === undefined) return []
    return parseSnapshot(bytes, BOOTSTRAP_CHECKPOINT).records.filter((record) => record.type === 'FeatureLevel')
  } catch (error) {
    throw asDiskFailure(error, `read ${path}`)
  }
}

type FeatureLevel = Extract<MetadataRecord, { type: 'FeatureLevel' }>

/** The image as a directory's files say it: the newest snapshot, and `log`. Throws CORRUPT_BATCH, STORAGE_ERROR. */
export function readImage(files: FileSystem, directory: string, log: LogView): MetadataImage {
  const image = imageFromSnapshot(files, directory)
  const slices = readSlices(log, replayStart(image, log), ({ range }) => {
    throw damagedMetadata(describeRange(range))
  })
  for (const slice of slices) replayMetadata(image, slice)
  return image
}

/** Where the log goes on behind the image. Throws CORRUPT_BATCH if records between the two are missing. */
export function replayStart(image: MetadataImage, log: LogView): number {
  const offset = image.replayedOffset + 1
  if (log.logStartOffset <= offset) return offset
  throw damagedMetadata(`offsets ${offset} to ${log.logStartOffset - 1} are neither in the log nor in a whole snapshot`)
}

/** Replays a slice of the log; returns its batches. Throws CORRUPT_BATCH. */
export function replayMetadata(image: MetadataImage, slice: Buffer): readonly RecordBatch[] {
  const { batches, problem } = scanBatches(slice, { verify: 'crc' })
  for (const batch of batches) image.replayBatch(batch)
  if (problem === null || problem.kind === 'incomplete') return batches
  throw damagedMetadata(problem.reason)
}

/** For `damagedMetadata`. */
export function describeRange({ fromOffset, toOffset, reason }: DamagedRange): string {
  return `offsets ${fromOffset} to ${toOffset - 1} cannot be read (${reason})`
}

/** Going on without a part of it would take topics for deleted. */
export function damagedMetadata(reason: string): TidemarkError {
  const message = `The metadata log, which says what topics there are, is damaged: ${reason}. Restore the folder ${METADATA_DIRECTORY} from a copy.`
  return new TidemarkError('CORRUPT_BATCH', message, { topic: CLUSTER_METADATA_TOPIC, partition: 0 })
}
