import type { Tidemark } from '../tidemark.ts'
import { type Command, type ExitCode, type Invocation, WRONG_USE } from './command.ts'
import { reading } from './directory-access.ts'
import { LineWriter } from './line-writer.ts'
import { digits } from './plain-words.ts'
import { styleFor } from './style.ts'
import { renderTable, withoutControls } from './table.ts'

interface TopicJson {
  readonly topic: string
  readonly topicId: string
  readonly internal: boolean
  readonly partitions: readonly {
    readonly partition: number
    readonly leaderEpoch: number
    readonly logStartOffset: number
    readonly logEndOffset: number
  }[]
  /** Those that were set. */
  readonly configs: Readonly<Record<string, string>>
}

export const topicsCommand: Command = {
  name: 'topics',
  summary: 'The topics, with their partitions, records and settings.',
  positionals: ['DIR'],
  options: { internal: { type: 'boolean', description: "also Kafka's own topics, such as __consumer_offsets" } },
  details: [
    'Records is "up to …" for topics with cleanup.policy=compact: of each key only the newest record is kept. A program that owns the directory compacts them in the background, every 15 s if more than half is new; the file being written to (segment.bytes, segment.ms) is left alone.',
    'JSON: topic, topicId, internal, partitions (partition, leaderEpoch, logStartOffset, logEndOffset), configs (those that were set).',
  ],
  examples: [
    { does: 'All topics', type: 'tidemark topics ./data' },
    { does: 'Only their names', type: 'tidemark topics ./data --json | jq -r .topic' },
  ],
  exitCodes: [{ code: 0, means: 'fine' }, { code: 1, means: 'the directory cannot be read' }, WRONG_USE],
  run: (invocation) => reading(invocation, (tide) => listTopics(invocation, tide)),
}

async function listTopics(invocation: Invocation, tide: Tidemark): Promise<ExitCode> {
  const { terminal, options, isJson } = invocation
  const listed = await tide.topics.list()
  const shown = listed.filter(({ internal }) => options.isSet('internal') || !internal)
  const topics: TopicJson[] = []
  for (const { name } of shown) topics.push(await describe(tide, name))
  if (isJson) {
    const lines = new LineWriter(terminal)
    for (const topic of topics) await lines.line(JSON.stringify(topic))
    await lines.flush()
    return 0
  }
  if (topics.length === 0) {
    await terminal.output.write('There are no topics here yet.\n')
    return 0
  }
  await terminal.output.write(topicTable(topics, invocation))
  return 0
}

async function describe(tide: Tidemark, name: string): Promise<TopicJson> {
  const { topicId, internal, partitions, configs } = await tide.topics.describe(name)
  const topic = tide.topic(name)
  const starts = byPartition(await topic.offsets('earliest'))
  const ends = byPartition(await topic.offsets('latest'))
  return {
    topic: name,
    topicId,
    internal,
    partitions: partitions.map(({ partition, leaderEpoch }) => ({
      partition,
      leaderEpoch,
      logStartOffset: starts.get(partition) ?? 0,
      logEndOffset: ends.get(partition) ?? 0,
    })),
    configs: Object.fromEntries(configs.filter(({ isDefault }) => !isDefault).map((each) => [each.name, each.value])),
  }
}

function topicTable(topics: readonly TopicJson[], { terminal }: Invocation): string {
  const style = styleFor(terminal)
  const columns = [
    { title: 'Topic' },
    { title: 'Partitions', isNumber: true },
    { title: 'Records', isNumber: true },
    { title: 'Settings', isPainted: true },
  ]
  const rows = topics.map(({ topic, partitions, configs }) => [
    topic,
    digits(partitions.length),
    recordWords(partitions, configs),
    style.dim(
      Object.entries(configs)
        .map(([name, value]) => withoutControls(`${name}=${value}`))
        .join(' '),
    ),
  ])
  return renderTable(columns, rows, terminal.output.columns)
}

/** Offsets that are there. Compaction leaves fewer records than offsets. */
function recordWords(partitions: TopicJson['partitions'], configs: TopicJson['configs']): string {
  const offsets = partitions.reduce(
    (total, { logStartOffset, logEndOffset }) => total + logEndOffset - logStartOffset,
    0,
  )
  return configs['cleanup.policy']?.includes('compact') === true ? `up to ${digits(offsets)}` : digits(offsets)
}

function byPartition(offsets: readonly { readonly partition: number; readonly offset: number }[]): Map<number, number> {
  return new Map(offsets.map(({ partition, offset }) => [partition, offset]))
}
