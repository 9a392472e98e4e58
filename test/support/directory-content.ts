import { expect } from 'vitest'
import { open } from '../../sdk/index.ts'
import type { JavaClients } from './kafka-clients.ts'

export interface DirectoryContent {
  /** By name. */
  readonly topics: Map<string, { topicId: string; partitions: number; configs: Record<string, string> }>
  /** By topic: partition, offset, timestamp, key and value of every record, also of aborted transactions, as JSON. */
  readonly records: Map<string, string[]>
  /** By group, topic and partition. */
  readonly commits: Map<string, Map<string, number>>
}

/** What our own client says about a directory that nobody owns. */
export async function readContent(directory: string): Promise<DirectoryContent> {
  await using tide = await open(directory, { readOnly: true })
  const content: DirectoryContent = { topics: new Map(), records: new Map(), commits: new Map() }
  for (const { name, internal } of await tide.topics.list()) {
    const { topicId, partitions, configs } = await tide.topics.describe(name)
    const own = Object.fromEntries(configs.filter((each) => !each.isDefault).map((each) => [each.name, each.value]))
    content.topics.set(name, { topicId, partitions: partitions.length, configs: own })
    if (internal) continue
    const records: string[] = []
    const options = { from: 'earliest', follow: false, onDamage: 'skip', isolation: 'read_uncommitted' } as const
    for await (const record of tide.topic(name).read(options)) {
      const { partition, offset, timestampMs, key, bytes } = record
      const value = bytes.value === null ? null : Buffer.from(bytes.value).toString()
      records.push(JSON.stringify([partition, offset, timestampMs, key, value]))
    }
    content.records.set(name, records.sort())
  }
  for (const { group } of await tide.groups.list({ types: ['classic', 'consumer', 'streams'] })) {
    const offsets = await tide.groups.offsets(group)
    content.commits.set(group, new Map(offsets.map((each) => [`${each.topic}/${each.partition}`, each.offset])))
  }
  return content
}

/** A broker that started on the directory has the same topics with the same ids, every record and every commit. */
export async function expectBrokerHas(clients: JavaClients, content: DirectoryContent, nodeId = 1): Promise<void> {
  const topics = await clients.topics()
  expect(topics.map(({ topic }) => topic).sort()).toEqual([...content.topics.keys()].sort())
  for (const { topic, topicId, partitions, configs } of topics) {
    const theirs = { topicId, partitions: partitions.length, configs }
    expect(theirs, topic).toEqual(content.topics.get(topic))
    expect(new Set(partitions.map(({ leader, isr }) => `leader ${leader}, in sync ${isr}`)), topic).toEqual(
      new Set([`leader ${nodeId}, in sync 1`]),
    )
  }
  const { records } = await clients.consume({ topics: [...content.records.keys()] })
  for (const [topic, ours] of content.records) {
    const theirs = records
      .filter((record) => record.topic === topic)
      .map(({ partition, offset, timestampMs, key, value }) =>
        JSON.stringify([partition, offset, timestampMs, key, value]),
      )
    expect(theirs.sort(), topic).toEqual(ours)
  }
  const offsets = await clients.offsets()
  for (const [group, ours] of content.commits) {
    const theirs = offsets
      .filter((each) => each.group === group)
      .map((each) => [`${each.topic}/${each.partition}`, each.committedOffset] as const)
    expect(new Map(theirs), group).toEqual(ours)
  }
}
