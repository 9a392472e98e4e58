import type { MetadataImage } from '../topic/metadata-image.ts'
import { isInternalTopic } from '../topic/topic-name.ts'
import type { TopicMetadata } from './broker.ts'

/** The topics of a Metadata answer: those asked for that exist, or (null) all. */
export function describeTopics(image: MetadataImage, names: readonly string[] | null): TopicMetadata[] {
  const found = names === null ? image.topics() : names.flatMap((name) => image.topicByName(name) ?? [])
  return found.map(({ name, topicId, partitions }) => ({
    name,
    topicId,
    internal: isInternalTopic(name),
    partitions: [...partitions.values()].map(({ partition, leaderEpoch }) => ({ partition, leaderEpoch })),
  }))
}
