import { channel } from 'node:diagnostics_channel'
import type { TopicPartition } from '../broker/broker.ts'

/** What is published on `tidemark:partitions.assigned`, `.revoked` and `.lost`. */
export interface PartitionsEvent {
  readonly group: string
  readonly memberId: string
  readonly partitions: readonly TopicPartition[]
}

const channels = {
  assigned: channel('tidemark:partitions.assigned'),
  revoked: channel('tidemark:partitions.revoked'),
  lost: channel('tidemark:partitions.lost'),
}

/** Tells whoever subscribed to the diagnostics channel what happened to a member's partitions. */
export function publishPartitions(what: keyof typeof channels, event: PartitionsEvent): void {
  if (channels[what].hasSubscribers) channels[what].publish(event)
}
