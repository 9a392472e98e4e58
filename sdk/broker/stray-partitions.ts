import type { DataDirectory } from '../directory/data-directory.ts'
import { CLUSTER_METADATA_TOPIC } from '../directory/partition-directory.ts'
import { TidemarkError } from '../errors.ts'
import type { MetadataImage } from '../topic/metadata-image.ts'

/**
 * Refuses a directory with partitions that the metadata do not know and did not remove. A broker renames them to
 * `…-stray`. But a metadata log that lost its end, or an older copy of it, looks the same, and then those partitions are
 * the user's, with the memory of every group among them. Nothing is touched.
 *
 * @throws {TidemarkError} CORRUPT_BATCH.
 */
export function refuseStrays(directory: DataDirectory, image: MetadataImage, removed: ReadonlySet<string>): void {
  const strays = directory
    .existing()
    .filter(({ topic, partition, topicId }) => {
      if (topic === CLUSTER_METADATA_TOPIC || (topicId !== undefined && removed.has(topicId))) return false
      const known = image.topicByName(topic)?.partitions.get(partition)
      // Whoever made it was stopped before it had an id, and then the topic was deleted. Records come after the id.
      if (topicId === undefined && directory.segmentSizes(topic, partition).every((bytes) => bytes === 0)) return false
      return known === undefined || (topicId !== undefined && topicId !== known.topicId)
    })
    .map(({ topic, partition }) => `${topic}-${partition}`)
  if (strays.length === 0) return
  const shown = strays.slice(0, 3).join(', ') + (strays.length > 3 ? ` and ${strays.length - 3} more` : '')
  const message = `${directory.path} holds partitions that its metadata log does not know: ${shown}. Either that log lost its end or is an older copy: restore ${CLUSTER_METADATA_TOPIC}-0. Or they do not belong here: move their directories away.`
  throw new TidemarkError('CORRUPT_BATCH', message)
}
