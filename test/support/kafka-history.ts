/** Writes, through a real broker and Kafka's Java clients, everything that a directory of theirs may hold. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { KafkaBroker } from './kafka-broker.ts'
import { type JavaClients, javaClients, type ProduceOptions } from './kafka-clients.ts'
import type { BrokerVersion } from './kafka-installation.ts'

/** What a version of the broker has, and what must be set so that it does. */
export interface BrokerAbilities {
  /** Consumer groups may subscribe to a pattern. */
  readonly patterns: boolean
  readonly shareGroups: boolean
  readonly streamsGroups: boolean
  readonly properties: Readonly<Record<string, string>>
}

const ALL = { patterns: true, shareGroups: true, streamsGroups: true, properties: {} }

export const ABILITIES: Readonly<Record<BrokerVersion | 'newest', BrokerAbilities>> = {
  newest: ALL,
  '4.4.0': ALL,
  '3.9.1': {
    patterns: false,
    shareGroups: false,
    streamsGroups: false,
    // There the consumer protocol was a preview.
    properties: { 'group.coordinator.rebalance.protocols': 'classic,consumer', 'unstable.api.versions.enable': 'true' },
  },
}

/** With these a broker compacts, deletes, rebalances and writes its checkpoints while a test looks on. */
export const HASTY_BROKER = {
  'offsets.topic.num.partitions': '5',
  'transaction.state.log.num.partitions': '2',
  'share.coordinator.state.topic.num.partitions': '2',
  'log.index.size.max.bytes': '65536',
  'log.initial.task.delay.ms': '100',
  'log.cleaner.backoff.ms': '100',
  'log.retention.check.interval.ms': '500',
  'log.flush.start.offset.checkpoint.interval.ms': '200',
  'transaction.max.timeout.ms': '3600000',
  ...Object.fromEntries(
    ['consumer', 'share', 'streams'].flatMap((kind) => [
      [`group.${kind}.heartbeat.interval.ms`, '300'],
      [`group.${kind}.min.heartbeat.interval.ms`, '100'],
    ]),
  ),
  'group.streams.initial.rebalance.delay.ms': '0',
}

/** Transactions that are left open must outlive the test. */
const LONG = { 'transaction.timeout.ms': '3000000' }

/** Every batch a segment of its own, but for those of the same millisecond. */
const TINY_SEGMENTS = { 'segment.ms': '1', 'file.delete.delay.ms': '0' }

const KEPT = { 'retention.ms': '-1' }

const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const

/** Topics and their records, up to the first stop of the broker. */
export async function writeTopics(directory: string, { bootstrap }: KafkaBroker): Promise<void> {
  const clients = javaClients(bootstrap)
  await Promise.all([
    clients.createTopic('codecs', 2, KEPT),
    clients.createTopic('shared', 3, KEPT),
    clients.createTopic('transactions', 1, KEPT),
    clients.createTopic('compacted', 1, { ...TINY_SEGMENTS, ...COMPACTED }),
    clients.createTopic('trimmed', 3, { ...KEPT, ...TINY_SEGMENTS }),
    clients.createTopic('stamped', 1, { ...KEPT, 'message.timestamp.type': 'LogAppendTime' }),
    clients.createTopic('odd.Name_-7-2', 1, KEPT),
    clients.createTopic('never-written', 3, KEPT),
    clients.createTopic('deleted', 2, KEPT),
    clients.createTopic('recreated', 2, KEPT),
    clients.createTopic('busy', 1, KEPT),
  ])
  const produce = (options: ProduceOptions) => clients.produce(options)
  for (const codec of CODECS) {
    for (const partition of [0, 1]) await produce({ topic: 'codecs', partition, codec, count: 40, keys: 7, headers: 2 })
  }
  for (const partition of [0, 1, 2]) await produce({ topic: 'shared', partition, count: 30, keys: 3 })
  await produce({ topic: 'stamped', codec: 'lz4', count: 10, firstTimestampMs: Date.now() - 60_000 })
  await produce({ topic: 'odd.Name_-7-2', codec: 'zstd', count: 12, nullEvery: 3 })
  for (const topic of ['deleted', 'recreated']) await produce({ topic, partition: 1, count: 5 })
  await writeTransactions(clients, 'first')
  await compact(directory, clients)
  await trim(directory, clients)
}

const COMPACTED = {
  'cleanup.policy': 'compact',
  'min.cleanable.dirty.ratio': '0.01',
  'delete.retention.ms': '0',
  'min.compaction.lag.ms': '0',
}

/** Committed and aborted ones in turn, also where aborted and ordinary records stand side by side. */
async function writeTransactions(clients: JavaClients, run: string): Promise<void> {
  const topic = 'transactions'
  for (const [index, transaction] of (['commit', 'abort', 'commit', 'abort', 'abort', 'commit'] as const).entries()) {
    const codec = CODECS[index % CODECS.length]!
    await clients.produce({ topic, count: 4 + index, transaction, transactionalId: `${run}-${index}`, codec })
    await clients.produce({ topic, count: 2, valuePrefix: `${run}-between-`, keys: 2 })
  }
}

/** Leaves records behind that an open transaction hides. */
export async function leaveATransactionOpen({ bootstrap }: KafkaBroker): Promise<void> {
  const clients = javaClients(bootstrap)
  await writeTransactions(clients, 'second')
  const open = { topic: 'transactions', transactionalId: 'open', properties: LONG } as const
  await clients.produce({ ...open, count: 3, transaction: 'hang' })
  await clients.produce({ topic: 'transactions', count: 4, valuePrefix: 'behind-' })
  await clients.produce({ topic: 'transactions', count: 3, transaction: 'commit', transactionalId: 'behind' })
  await clients.produce({ topic: 'transactions', count: 3, transaction: 'abort', transactionalId: 'behind' })
}

async function compact(directory: string, clients: JavaClients): Promise<void> {
  const topic = 'compacted'
  for (let round = 0; round < 4; round++) {
    await clients.produce({ topic, count: 30, keys: 6, nullEvery: 11, valuePrefix: `round-${round}-`, codec: 'gzip' })
    const transaction = round % 2 === 0 ? 'abort' : 'commit'
    await clients.produce({ topic, count: 6, keys: 3, transaction, transactionalId: `compacted-${round}` })
  }
  const whole = 4 * 36
  await until('the broker has compacted', () => checkpointOf(directory, 'cleaner-offset-checkpoint', topic, 0) > whole)
}

async function trim(directory: string, clients: JavaClients): Promise<void> {
  const topic = 'trimmed'
  for (const partition of [0, 1, 2]) {
    for (const valuePrefix of ['a-', 'b-', 'c-']) await clients.produce({ topic, partition, count: 10, valuePrefix })
  }
  await clients.deleteRecords(topic, 0, 14)
  await clients.deleteRecords(topic, 1, 30)
  const isTrimmed = () =>
    checkpointOf(directory, 'log-start-offset-checkpoint', topic, 0) === 14 && segmentsOf(directory, topic, 0) === 2
  await until('the broker has deleted the first segment', isTrimmed)
}

/** Groups of every kind, and what they committed. */
export async function writeGroups(
  { bootstrap }: KafkaBroker,
  abilities: BrokerAbilities,
  folder: string,
): Promise<void> {
  const clients = javaClients(bootstrap)
  await commitByHand(clients)
  await commitInTransactions(clients)
  await joinClassicGroups(clients)
  await joinConsumerGroups(clients, abilities)
  if (abilities.shareGroups) await joinShareGroup(clients)
  if (abilities.streamsGroups)
    await clients.join({
      name: 'app',
      group: 'an-app',
      protocol: 'streams',
      topics: ['shared'],
      max: 90,
      stateFolder: folder,
    })
  await deleteTopics(clients)
}

const ODD_NAMES = ['grüße 😀', 'a/b\\c:d', '{"json":"group"}', "it's $HOME; `x` | y", '..', '%2e', 'UPPER', 'upper']

async function commitByHand(clients: JavaClients): Promise<void> {
  for (const [index, group] of ODD_NAMES.entries()) {
    await clients.alterOffsets({ group, topic: 'codecs', partition: index % 2, offset: 10 + index, metadata: group })
  }
  await clients.alterOffsets({ group: 'by-hand', topic: 'shared', partition: 0, offset: 7, leaderEpoch: 0 })
  await clients.alterOffsets({ group: 'by-hand', topic: 'shared', partition: 2, offset: 1_000 })
  await clients.alterOffsets({ group: 'by-hand', topic: 'never-written', partition: 1, offset: 0 })
  await clients.alterOffsets({ group: 'by-hand', topic: 'trimmed', partition: 0, offset: 3 })
  await clients.alterOffsets({ group: 'by-hand', topic: 'trimmed', partition: 1, offset: 3 })
  await clients.alterOffsets({ group: 'by-hand', topic: 'compacted', partition: 0, offset: 5 })
}

async function commitInTransactions(clients: JavaClients): Promise<void> {
  const place = { group: 'transactional', topic: 'shared', properties: LONG }
  const commit = (partition: number, offset: number, transaction: 'commit' | 'abort' | 'hang') =>
    clients.commitInTransaction({ ...place, partition, offset, transaction, transactionalId: `${partition}-${offset}` })
  await commit(0, 4, 'commit')
  await commit(1, 5, 'abort')
  await commit(2, 6, 'commit')
  await commit(2, 9, 'abort')
  await commit(0, 20, 'hang')
  await clients.commitInTransaction({
    ...place,
    group: 'only-pending',
    offset: 3,
    transaction: 'hang',
    transactionalId: 'only-pending',
  })
}

async function joinClassicGroups(clients: JavaClients): Promise<void> {
  const quick = { 'heartbeat.interval.ms': '300' }
  const properties = { 'client.id': 'clïent "one" 😀', ...quick }
  await Promise.all([
    clients.join({ name: 'c1', group: 'classic', topics: ['shared', 'codecs'], max: 20, commit: true, properties }),
    clients.join({ name: 'c2', group: 'classic', topics: ['shared'], instanceId: 'static-one', properties: quick }),
    clients.join({
      name: 'c3',
      group: 'classic-idle',
      topics: ['stamped'],
      max: 3,
      commit: true,
      instanceId: 'only-one',
      properties: quick,
    }),
  ])
  await clients.join({ name: 'c4', group: 'classic-idle', topics: ['stamped'], idle: true, properties: quick })
  await clients.join({ name: 'gone', group: 'classic-gone', topics: ['transactions'], max: 9, commit: true })
  await clients.leave('gone')
}

async function joinConsumerGroups(clients: JavaClients, { patterns }: BrokerAbilities): Promise<void> {
  const group = { group: 'modern', topics: ['shared', 'codecs'], protocol: 'consumer', commit: true } as const
  await Promise.all([
    clients.join({ ...group, name: 'm1', max: 15, properties: { 'client.id': 'mödern one' } }),
    clients.join({ ...group, name: 'm2', instanceId: 'static-two' }),
    clients.join({ ...group, name: 'm4', group: 'static-away', instanceId: 'away', max: 5 }),
    clients.join({ ...group, name: 'm5', group: 'modern-gone', topics: ['stamped'], max: 4 }),
  ])
  await clients.leave('m4')
  await clients.leave('m5')
  if (!patterns) return
  const byPattern = { pattern: '(shared|odd.*)', protocol: 'consumer', commit: true } as const
  await clients.join({ ...byPattern, name: 'm3', group: 'by-pattern', max: 9 })
}

async function joinShareGroup(clients: JavaClients): Promise<void> {
  await clients.join({ name: 's1', group: 'a-share', topics: ['shared'], protocol: 'share' })
  await clients.produce({ topic: 'shared', partition: 1, count: 5, valuePrefix: 'to-share-' })
}

/** After a restart, when records have another leader epoch: groups that exist already commit and change once more. */
export async function commitAgain({ bootstrap }: KafkaBroker): Promise<void> {
  const clients = javaClients(bootstrap)
  const topic = 'shared'
  for (const partition of [0, 1, 2]) await clients.produce({ topic, partition, count: 8, codec: 'snappy' })
  await clients.join({ name: 'late', group: 'late', topics: [topic], max: 100, commit: true })
  await clients.alterOffsets({ group: ODD_NAMES[0]!, topic: 'codecs', partition: 0, offset: 77, metadata: 'again' })
  await clients.commitInTransaction({
    group: 'late-transactional',
    topic,
    offset: 9,
    transaction: 'commit',
    transactionalId: 'late',
  })
  await clients.leave('c1')
}

/** Writes small batches until the broker is gone; resolves after the first. */
export async function startWriting({ bootstrap }: KafkaBroker): Promise<void> {
  const clients = javaClients(bootstrap)
  const properties = { 'delivery.timeout.ms': '1500', 'request.timeout.ms': '1000', 'max.block.ms': '1000' }
  const write = () => clients.produce({ topic: 'busy', count: 10, keys: 3, properties })
  await write()
  const goOn = async (): Promise<void> => {
    for (;;) await write()
  }
  goOn().catch(() => {})
}

async function deleteTopics(clients: JavaClients): Promise<void> {
  for (const topic of ['deleted', 'recreated']) {
    await clients.alterOffsets({ group: 'of-deleted', topic, partition: 1, offset: 4 })
  }
  await clients.alterOffsets({ group: 'of-deleted', topic: 'codecs', partition: 0, offset: 4 })
  await clients.deleteTopics(['deleted', 'recreated'])
  await clients.createTopic('recreated', 1, KEPT)
  await clients.produce({ topic: 'recreated', count: 3, valuePrefix: 'new-' })
}

/** Until no group changes any more: members have what they are to have, and the application has read everything. */
export async function settled({ bootstrap }: KafkaBroker, { streamsGroups }: BrokerAbilities): Promise<void> {
  const clients = javaClients(bootstrap)
  await until('all groups have settled', async () => {
    const groups = await clients.groups()
    // Its member is away, and will not take what it should.
    const restless = groups.filter(
      ({ group, state }) => group !== 'static-away' && state !== 'Stable' && state !== 'Empty',
    )
    return restless.length === 0 && (!streamsGroups || (await hasReadAll(clients, 'an-app', 'shared')))
  })
}

async function hasReadAll(clients: JavaClients, group: string, topic: string): Promise<boolean> {
  const [offsets, ends] = await Promise.all([clients.offsets(group), clients.ends([topic])])
  const committed = new Map(offsets.map((each) => [each.partition, each.committedOffset]))
  return ends.every(({ partition, logEndOffset }) => committed.get(partition) === logEndOffset)
}

/** Looks again and again: nothing tells when a broker's background work is done. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + 30_000
  while (!(await holds())) {
    if (performance.now() > deadlineMs) throw new Error(`Waited in vain until ${what}.`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** What a checkpoint file says of a partition; −1 where it says nothing. */
export function checkpointOf(directory: string, file: string, topic: string, partition: number): number {
  try {
    const line = readFileSync(join(directory, file), 'utf8')
      .split('\n')
      .find((each) => each.startsWith(`${topic} ${partition} `))
    return line === undefined ? -1 : Number(line.split(' ')[2])
  } catch {
    // Replaced this very moment, or not written yet.
    return -1
  }
}

function segmentsOf(directory: string, topic: string, partition: number): number {
  return readdirSync(join(directory, `${topic}-${partition}`)).filter((name) => name.endsWith('.log')).length
}
