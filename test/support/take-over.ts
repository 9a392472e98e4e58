import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { open } from '../../sdk/index.ts'
import { type DirectoryContent, expectBrokerHas, readContent } from './directory-content.ts'
import { type BrokerOptions, complaints, startBroker } from './kafka-broker.ts'
import { javaClients } from './kafka-clients.ts'

/**
 * As the owner of a directory of `writeTopics` and `writeGroups`: writes to topics of the broker's, makes, grows, configures
 * and deletes some, commits. Returns what is there then; nothing of what was there before is missing.
 */
export async function takeOver(directory: string, round: string): Promise<DirectoryContent> {
  const before = await readContent(directory)
  const identity = () =>
    ['meta.properties', '__cluster_metadata-0/quorum-state'].map((name) => readFileSync(join(directory, name), 'utf8'))
  const identityBefore = identity()
  await using tide = await open(directory)
  expect(tide.recovery.filter(({ isLoss }) => isLoss)).toEqual([])
  for (const partition of [0, 1, 2]) {
    await tide
      .topic('shared', { partitions: 3, compression: 'zstd' })
      .send({ key: round, value: Buffer.from(round), partition })
  }
  // Behind an open transaction, in a compacted log, and in one whose beginning was deleted.
  for (const [topic, partitions] of [
    ['transactions', 1],
    ['compacted', 1],
    ['trimmed', 3],
  ] as const) {
    await tide.topic(topic, { partitions }).send({ key: round, value: Buffer.from(round), partition: 0 })
  }
  await tide
    .topic(`made-${round}`, { partitions: 2, configs: { 'max.message.bytes': '20000' } })
    .send({ value: Buffer.from('new') })
  const grown = (await tide.topics.describe('busy')).partitions.length + 1
  await tide.topics.addPartitions('busy', grown)
  await tide.topic('busy', { partitions: grown }).send({ value: Buffer.from('grown'), partition: grown - 1 })
  await tide.topics.alterConfigs('stamped', { 'max.message.bytes': '3000000' })
  const taken = [0, 1, 2].map((partition) => ({ topic: 'shared', partition, offset: 5, metadata: round }))
  await tide.groups.commit(`taken-${round}`, taken)
  await tide.groups.commit('by-hand', [{ topic: 'shared', partition: 0, offset: 11 }])
  await tide.topic('doomed').send({ value: Buffer.from('gone') })
  await tide.topics.delete('doomed')
  await tide.close()

  expect(identity()).toEqual(identityBefore)
  const after = await readContent(directory)
  for (const [name, { topicId }] of before.topics) expect(after.topics.get(name)?.topicId, name).toBe(topicId)
  for (const [name, records] of before.records) {
    // A compacted log may have been compacted meanwhile.
    if (name !== 'compacted') expect(after.records.get(name), name).toEqual(expect.arrayContaining(records))
    else expect(newestByKey(after, name)).toMatchObject(newestByKey(before, name))
  }
  expect(after.commits.get(`taken-${round}`)).toEqual(new Map(taken.map((each) => [`shared/${each.partition}`, 5])))
  return after
}

/** A broker that starts on the directory has all of it and goes on with it. */
export async function giveBack(
  directory: string,
  content: DirectoryContent,
  round: string,
  options: BrokerOptions,
): Promise<void> {
  const broker = await startBroker(directory, options)
  try {
    const clients = javaClients(broker.bootstrap)
    await expectBrokerHas(clients, content)
    const group = `taken-${round}`
    const resumed = await clients.consume({
      topics: ['shared'],
      group,
      protocol: 'consumer',
      reset: 'none',
      commit: true,
    })
    const atFirst = new Map(resumed.records.toReversed().map(({ partition, offset }) => [partition, offset]))
    expect(atFirst).toEqual(
      new Map([
        [0, 5],
        [1, 5],
        [2, 5],
      ]),
    )
    // The transaction that was left open is aborted by its producer's next life, and new ones go on behind what we wrote.
    await clients.produce({
      topic: 'transactions',
      count: 2,
      transaction: 'commit',
      transactionalId: 'open',
      valuePrefix: `${round}-`,
    })
    const committed = await clients.consume({ topics: ['transactions'], isolation: 'read_committed' })
    expect(committed.records.at(-1)?.value).toBe(`${round}-1`)
    await clients.produce({ topic: `made-${round}`, count: 3 })
    await broker.stop()
    expect(complaints(broker.output())).toEqual([])
    expect(readdirSync(directory).filter((name) => name.endsWith('-stray'))).toEqual([])
  } finally {
    await broker.kill()
  }
}

/** The value of each key in a topic of one partition; the text of a tombstone is null. */
function newestByKey({ records }: DirectoryContent, topic: string): Record<string, unknown> {
  const parsed = (records.get(topic) ?? []).map((text) => JSON.parse(text) as [number, number, number, string, string])
  const inOrder = parsed.toSorted((one, other) => one[1] - other[1])
  return Object.fromEntries(
    inOrder.filter(([, , , , value]) => value !== null).map(([, , , key, value]) => [key, value]),
  )
}
