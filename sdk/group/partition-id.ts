/**
 * One partition of one topic as a map key: `<topicId>:<partition>`. Group records name topics by id, so a topic that is
 * deleted and created again under its old name never shares a key with itself.
 */
export type PartitionId = string

/** Topic ids are always 22 characters of base64url. */
const TOPIC_ID_LENGTH = 22

export function partitionId(topicId: string, partition: number): PartitionId {
  return `${topicId}:${partition}`
}

export function topicIdOf(id: PartitionId): string {
  return id.slice(0, TOPIC_ID_LENGTH)
}

export function partitionOf(id: PartitionId): number {
  return Number(id.slice(TOPIC_ID_LENGTH + 1))
}

/** The partitions per topic, topics by id, numbers ascending: the order in which records list them. */
export function byTopic(ids: Iterable<PartitionId>): Map<string, number[]> {
  const topics = new Map<string, number[]>()
  for (const id of ids) {
    const topicId = topicIdOf(id)
    const partitions = topics.get(topicId)
    if (partitions === undefined) topics.set(topicId, [partitionOf(id)])
    else partitions.push(partitionOf(id))
  }
  for (const partitions of topics.values()) partitions.sort((a, b) => a - b)
  return new Map([...topics].sort(([a], [b]) => (a < b ? -1 : 1)))
}
