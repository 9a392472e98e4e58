import type { TopicLookup, TopicShape } from '../group/topic-lookup.ts'
import type { MetadataImage } from '../topic/metadata-image.ts'
import type { TopicImage } from '../topic/topic-image.ts'

/** The metadata image as the group coordinator wants to see it. */
export function topicShapes(image: MetadataImage): TopicLookup {
  return {
    byName: (name) => shape(image.topicByName(name)),
    byId: (topicId) => shape(image.topicById(topicId)),
  }
}

function shape(topic: TopicImage | undefined): TopicShape | undefined {
  if (topic === undefined) return undefined
  return { name: topic.name, topicId: topic.topicId, partitionCount: topic.partitions.size }
}
