import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { QuantityWords } from '../../extension/model/quantity-words.ts'
import { DEFAULT_LOOK } from '../../extension/model/tree-look.ts'
import type { TreeRow } from '../../extension/model/tree-row.ts'
import { treeRows } from '../../extension/model/tree-rows.ts'
import { DataSource } from '../../extension/source/data-source.ts'
import { open } from '../../sdk/index.ts'
import { fileKindOf } from '../../sdk/inspect/file-kind.ts'
import { describeFile, type FileRow, verifyDirectory } from '../../sdk/inspect.ts'
import { nodeEnvironment } from '../../sdk/testing.ts'
import { tidemark } from '../sdk/cli/support/memory-terminal.ts'
import { expectBrokerHas, readContent } from '../support/directory-content.ts'
import { copyDirectory, fingerprint } from '../support/directory-copy.ts'
import { filesBelow } from '../support/directory-files.ts'
import { asDumped, withoutRecords } from '../support/dumped-batches.ts'
import { type Isolation, visibleRecords } from '../support/dumped-records.ts'
import { endJava } from '../support/java-server.ts'
import {
  type BrokerOptions,
  type BrokerVersion,
  complaints,
  consumerGroups,
  type DumpedBatch,
  dumpLogSegments,
  formatDirectory,
  type GroupRow,
  type JavaGroup,
  javaClients,
  type KafkaBroker,
  OTHER_BROKERS,
  startBroker,
  streamsGroups,
} from '../support/kafka.ts'
import {
  ABILITIES,
  type BrokerAbilities,
  checkpointOf,
  commitAgain,
  HASTY_BROKER,
  leaveATransactionOpen,
  settled,
  startWriting,
  writeGroups,
  writeTopics,
} from '../support/kafka-history.ts'
import { giveBack, takeOver } from '../support/take-over.ts'

/** A directory as it was found, and what the broker had said just before. */
interface Copy {
  readonly directory: string
  readonly said: Said
}

/** What the broker's own tools say of its groups. */
interface Said {
  readonly groups: readonly GroupRow[]
  readonly members: readonly GroupRow[]
  readonly listed: readonly JavaGroup[]
  readonly streams: readonly GroupRow[]
}

const KINDS = ['stopped in order', 'taken while it ran', 'killed'] as const

describe.each([undefined, ...OTHER_BROKERS])('a directory that Kafka wrote (version: %s)', (version) => {
  let folder = ''
  const copies = new Map<string, Copy>()

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tidemark-theirs-'))
    const directory = join(folder, 'data')
    const abilities = ABILITIES[version ?? 'newest']
    const options = optionsOf(version)
    await formatDirectory(directory, options)
    let broker = await startBroker(directory, options)
    const take = (kind: (typeof KINDS)[number], said: Said) => {
      const copy = join(folder, kind.replaceAll(' ', '-'))
      copyDirectory(directory, copy)
      copies.set(kind, { directory: copy, said })
    }
    try {
      await writeTopics(directory, broker)
      await writeGroups(broker, abilities, join(folder, 'state'))
      const atStop = await ask(broker, abilities)
      await broker.stop()
      take('stopped in order', atStop)

      broker = await startBroker(directory, { ...options, ports: broker.ports })
      await leaveATransactionOpen(broker)
      await commitAgain(broker)
      await startWriting(broker)
      const atCopy = await ask(broker, abilities)
      take('taken while it ran', atCopy)
      expect(await ask(broker, abilities)).toEqual(atCopy)
      await broker.kill()
      take('killed', atCopy)
    } finally {
      await broker.kill()
      // Its members would look for their broker for ever.
      await endJava()
    }
  }, 300_000)
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  const copyOf = (kind: string): Copy => {
    const copy = copies.get(kind)
    if (copy === undefined) throw new Error(`There is no copy that was ${kind}.`)
    return copy
  }

  test.each(KINDS)('%s: lag agrees with kafka-consumer-groups in every row', async (kind) => {
    const { directory, said } = copyOf(kind)
    const before = fingerprint(directory)
    const { json, errors } = await run('lag', directory, '--json')
    expect(errors).toBe('')
    const streams = new Set(said.streams.map((row) => row['GROUP']))
    const rows = json()
    const ours = rows.filter((row) => !streams.has(row['group'] as string))
    expect(ours.map(asTheirs).sort()).toEqual(
      said.groups.map((row) => GROUP_COLUMNS.map((name) => row[name]).join(' · ')).sort(),
    )
    expect(ours.length).toBeGreaterThan(25)
    const ofStreams = rows.filter((row) => streams.has(row['group'] as string))
    expect(ofStreams.map(asStreams).sort()).toEqual(
      said.streams.map((row) => STREAMS_COLUMNS.map((name) => row[name]).join(' · ')).sort(),
    )
    expect(fingerprint(directory)).toEqual(before)
  })

  test.each(KINDS)(
    '%s: groups agrees with the list of groups and with kafka-consumer-groups in every member',
    async (kind) => {
      const { directory, said } = copyOf(kind)
      const before = fingerprint(directory)
      const groups = (await run('groups', directory, '--json')).json() as unknown as readonly GroupJson[]
      const listed = said.listed.map(({ group, type, protocol, state }) => [
        group,
        type?.toLowerCase(),
        protocol,
        state,
      ])
      expect(groups.map(({ group, type, protocolType, state }) => [group, type, protocolType, state])).toEqual(listed)
      const members = groups.flatMap(({ group, type, members }) => members.map((each) => memberText(group, type, each)))
      expect(members.sort()).toEqual(said.members.map(theirMemberText).sort())
      expect(members.length).toBeGreaterThan(5)
      expect(fingerprint(directory)).toEqual(before)
    },
  )

  test.each(KINDS)(
    '%s: the inspector shows the numbers of kafka-consumer-groups, and says why where it says more',
    async (kind) => {
      const { directory, said } = copyOf(kind)
      const before = fingerprint(directory)
      const streams = new Set(said.streams.map((row) => row['GROUP']))
      const source = new DataSource(directory, 'data', () => {})
      await source.schedule.now()
      expect(source.snapshot.status).toEqual({ kind: 'read' })
      const present = { words: new QuantityWords('en'), nowMs: Date.now() }
      const shown = partitionRows(treeRows([source.snapshot], DEFAULT_LOOK, present)).filter(
        ({ target }) => !streams.has(target.group ?? null),
      )
      expect(shown.map(asShown).sort()).toEqual(
        said.groups
          .filter((row) => row['PARTITION'] !== null)
          .map((row) => SHOWN_COLUMNS.map((name) => row[name]).join(' · '))
          .sort(),
      )
      const differing = shown.filter(({ tooltip }) => /Kafka's lag: (.*)\n- Records to read: (?!\1$)/m.test(tooltip))
      for (const { tooltip } of differing) {
        expect(tooltip).toMatch(/Records to read: –|\n\nKafka (counts offsets|shows no lag before the first commit)\./)
      }
      expect(differing.length).toBeGreaterThan(0)
      await source.dispose()
      expect(fingerprint(directory)).toEqual(before)
    },
  )

  test.each(KINDS)('%s: read agrees with DumpLogSegments in every record, at both isolation levels', async (kind) => {
    const { directory } = copyOf(kind)
    const before = fingerprint(directory)
    const topics = (await run('topics', directory, '--internal', '--json')).json().map(({ topic }) => String(topic))
    expect(topics.length).toBeGreaterThan(10)
    const partitions = await dumpPartitions(directory, topics)
    for (const isolation of ['read_uncommitted', 'read_committed'] as const) {
      for (const topic of topics) {
        const theirs = partitions
          .filter((each) => each.topic === topic)
          .flatMap((each) => theirRecords(each, isolation))
        const { json, errors } = await run('read', directory, topic, '--json', '--isolation', isolation)
        expect(errors, topic).toBe('')
        const ours = json().map((record) => (isInternal(topic) ? sizesOf(record) : textOf(record)))
        expect(ours.sort(), `${topic}, ${isolation}`).toEqual(theirs.sort())
      }
    }
    expect(fingerprint(directory)).toEqual(before)
  })

  test.each(KINDS)(
    '%s: dump agrees with DumpLogSegments in every batch, and every other file is understood',
    async (kind) => {
      const { directory } = copyOf(kind)
      const before = fingerprint(directory)
      const files = filesBelow(directory).filter((path) => fileKindOf(basename(path)) !== undefined)
      const theirs = new Map<string, readonly DumpedBatch[]>()
      const logs = files.filter((path) => path.endsWith('.log'))
      for (const { path, batches } of (await dumpLogSegments(logs)).files) theirs.set(path, batches)
      let count = 0
      for (const path of files) {
        const rows: FileRow[] = []
        for await (const row of describeFile(path, { records: true })) rows.push(row)
        const problems = rows.filter((row) => row.row === 'problem')
        expect(problems, path).toEqual([])
        if (!path.endsWith('.log')) continue
        const ours = rows.filter((row) => row.row === 'batch')
        expect(ours.map(asDumped), path).toEqual((theirs.get(path) ?? []).map(withoutRecords))
        count += ours.length
      }
      expect(count).toBeGreaterThan(100)
      expect(fingerprint(directory)).toEqual(before)
    },
  )

  test.each(KINDS)('%s: verify finds nothing wrong but the commit that was set past the end', async (kind) => {
    const { directory } = copyOf(kind)
    const before = fingerprint(directory)
    const found = (await verifyDirectory(directory)).filter(({ severity }) => severity !== 'note')
    expect(found.map(({ rule, file, what }) => [rule, file, what])).toEqual([
      [
        'commit',
        expect.stringMatching(/^__consumer_offsets-\d+$/),
        expect.stringContaining('Group "by-hand" committed offset 1000 of shared-2, whose log ends at'),
      ],
    ])
    expect(fingerprint(directory)).toEqual(before)
  })

  test('killed: taken over for writing and given back to the broker, twice in a row; everything is there, ids unchanged', async () => {
    const { directory } = copyOf('killed')
    for (const round of ['first', 'second']) {
      const content = await takeOver(directory, round)
      await giveBack(directory, content, round, optionsOf(version))
    }
  }, 300_000)

  test('stopped in order: the same', async () => {
    const { directory } = copyOf('stopped in order')
    await giveBack(directory, await takeOver(directory, 'only'), 'only', optionsOf(version))
  }, 300_000)

  test('formatted only, as node 7: what is written before any broker has started is there when one does', async () => {
    const directory = join(folder, 'formatted')
    await formatDirectory(directory, { ...optionsOf(version), nodeId: 7 })
    await using tide = await open(directory)
    await tide.topic('first', { partitions: 2 }).send({ value: Buffer.from('x') })
    await tide.groups.commit('early', [{ topic: 'first', partition: 0, offset: 0 }])
    await tide.close()
    const content = await readContent(directory)
    await using broker = await startBroker(directory, optionsOf(version))
    await expectBrokerHas(javaClients(broker.bootstrap), content, 7)
    await broker.stop()
    expect(complaints(broker.output())).toEqual([])
  }, 120_000)
})

function optionsOf(version: BrokerVersion | undefined): BrokerOptions {
  return { version, properties: { ...HASTY_BROKER, ...ABILITIES[version ?? 'newest'].properties } }
}

async function ask(broker: KafkaBroker, abilities: BrokerAbilities): Promise<Said> {
  await settled(broker, abilities)
  const { bootstrap } = broker
  const args = ['--all-groups', '--verbose']
  const [groups, members, streams, listed] = await Promise.all([
    consumerGroups(bootstrap, args),
    consumerGroups(bootstrap, [...args, '--members']),
    streamsGroups(bootstrap, args),
    javaClients(bootstrap).groups(),
  ])
  return { groups, members, streams, listed: listed.toSorted((one, other) => (one.group < other.group ? -1 : 1)) }
}

function run(...typed: string[]): ReturnType<typeof tidemark> {
  return tidemark(typed, { environment: nodeEnvironment() })
}

// biome-ignore format: a table
const GROUP_COLUMNS = [
  'GROUP', 'TOPIC', 'PARTITION', 'LEADER-EPOCH', 'CURRENT-OFFSET', 'LOG-END-OFFSET', 'LAG', 'CONSUMER-ID', 'HOST', 'CLIENT-ID',
]
const STREAMS_COLUMNS = [
  'GROUP',
  'TOPIC',
  'PARTITION',
  'CURRENT-OFFSET',
  'LEADER-EPOCH',
  'LOG-END-OFFSET',
  'OFFSET-LAG',
]

function asTheirs(row: Record<string, unknown>): string {
  const names = [
    'group',
    'topic',
    'partition',
    'leaderEpoch',
    'committedOffset',
    'logEndOffset',
    'lag',
    'memberId',
    'host',
    'clientId',
  ]
  return names.map((name) => row[name]).join(' · ')
}

const SHOWN_COLUMNS = ['GROUP', 'TOPIC', 'PARTITION', 'CURRENT-OFFSET', 'LOG-END-OFFSET', 'LAG']

/** The rows that stand for one partition each: a group with only one is that partition. */
function partitionRows(rows: readonly TreeRow[]): readonly TreeRow[] {
  return rows.flatMap((row) => (row.target.partition === undefined ? partitionRows(row.children) : [row]))
}

/** The numbers that a person reads in a row, as Kafka's tool prints them. */
function asShown({ target, tooltip }: TreeRow): string {
  const numberIn = (pattern: RegExp) => {
    const text = pattern.exec(tooltip)?.[1]?.replaceAll(',', '')
    return text === '–' ? null : text
  }
  const { group, topic, partition } = target
  const numbers = [/^- Committed: (.*)$/m, /^- Log: .* to (.*)$/m, /^- Kafka's lag: (.*)$/m].map(numberIn)
  return [group, topic, partition, ...numbers].join(' · ')
}

function asStreams(row: Record<string, unknown>): string {
  const names = ['group', 'topic', 'partition', 'committedOffset', 'leaderEpoch', 'logEndOffset', 'lag']
  return names.map((name) => row[name]).join(' · ')
}

interface GroupJson {
  readonly group: string
  readonly type: string
  readonly protocolType: string
  readonly state: string
  readonly members: readonly MemberJson[]
}

interface MemberJson {
  readonly memberId: string
  readonly instanceId: string | null
  readonly memberEpoch: number
  readonly clientId: string
  readonly host: string
  readonly assignment: readonly { readonly topic: string; readonly partition: number }[]
}

/** Classic members have no epoch of their own. */
function memberText(group: string, type: string, member: MemberJson): string {
  const { memberId, instanceId, memberEpoch, clientId, host, assignment } = member
  const partitions = assignment.map(({ topic, partition }) => `${topic}:${partition}`)
  const epoch = type === 'consumer' ? memberEpoch : null
  return JSON.stringify([group, memberId, instanceId, clientId, host, epoch, partitions.sort()])
}

function theirMemberText(row: GroupRow): string {
  const { GROUP, HOST } = row
  const ids = [row['CONSUMER-ID'], row['GROUP-INSTANCE-ID'] || null, row['CLIENT-ID']]
  const epoch = row['CURRENT-EPOCH'] ?? null
  // "t:0,1;u:2"
  const partitions = (row['CURRENT-ASSIGNMENT']?.split(';') ?? []).flatMap((text) => {
    const [topic = '', numbers = ''] = text.split(':')
    return numbers.split(',').map((number) => `${topic}:${number}`)
  })
  return JSON.stringify([GROUP, ...ids, HOST, epoch === null ? null : Number(epoch), partitions.sort()])
}

interface DumpedPartition {
  readonly topic: string
  readonly partition: number
  readonly logStartOffset: number
  readonly batches: readonly DumpedBatch[]
}

/** Every partition by Kafka's own account; the texts of its internal topics may hold anything and are left out. */
async function dumpPartitions(directory: string, topics: readonly string[]): Promise<DumpedPartition[]> {
  const found = readdirSync(directory).flatMap((name) => {
    const [, topic = '', partition = ''] = /^(.+)-(\d+)$/.exec(name) ?? []
    return topics.includes(topic) ? [{ name, topic, partition: Number(partition) }] : []
  })
  const files = new Map<string, readonly DumpedBatch[]>()
  for (const print of [true, false]) {
    const logs = found.filter(({ topic }) => isInternal(topic) !== print).flatMap(({ name }) => logsOf(directory, name))
    for (const file of (await dumpLogSegments(logs, { print })).files) files.set(file.path, file.batches)
  }
  return found.map(({ name, topic, partition }) => ({
    topic,
    partition,
    logStartOffset: checkpointOf(directory, 'log-start-offset-checkpoint', topic, partition),
    batches: logsOf(directory, name).flatMap((path) => files.get(path) ?? []),
  }))
}

function isInternal(topic: string): boolean {
  return topic.startsWith('__')
}

function theirRecords({ topic, partition, logStartOffset, batches }: DumpedPartition, isolation: Isolation): string[] {
  return visibleRecords(batches, logStartOffset, isolation).map((record) => {
    const { offset, timestampMs, keySize, valueSize, headerKeys, key = null, payload = null } = record
    const texts = isInternal(topic) ? [] : [key, payload, headerKeys]
    return JSON.stringify([partition, offset, timestampMs, keySize, valueSize, ...texts])
  })
}

function logsOf(directory: string, partition: string): string[] {
  const names = readdirSync(join(directory, partition)).filter((name) => name.endsWith('.log'))
  return names.sort().map((name) => join(directory, partition, name))
}

type Json = string | null | { readonly base64: string }

function sizesOf(record: Record<string, unknown>): string {
  const { partition, offset, timestampMs } = record
  return JSON.stringify([
    partition,
    offset,
    timestampMs,
    sizeOf(record['key'] as Json),
    sizeOf(record['value'] as Json),
  ])
}

function textOf(record: Record<string, unknown>): string {
  const headers = (record['headers'] as { key: string }[]).map(({ key }) => key)
  return JSON.stringify([...JSON.parse(sizesOf(record)), record['key'], record['value'], headers])
}

function sizeOf(bytes: Json): number {
  if (bytes === null) return -1
  return typeof bytes === 'string' ? Buffer.byteLength(bytes) : Buffer.from(bytes.base64, 'base64').length
}
