import type { TopicPartition } from '../broker/broker.ts'

export function isSamePartition(some: TopicPartition, other: TopicPartition): boolean {
  return some.partition === other.partition && some.topic === other.topic
}

/** For `sort`: by topic, then by partition. */
export function byPartition(a: TopicPartition, b: TopicPartition): number {
  if (a.topic !== b.topic) return a.topic < b.topic ? -1 : 1
  return a.partition - b.partition
}
