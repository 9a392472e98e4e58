import type { Tidemark } from '../tidemark.ts'
import { type Command, type ExitCode, type Invocation, WRONG_USE } from './command.ts'
import { WAIT_OPTION, writing } from './directory-access.ts'
import { counted } from './plain-words.ts'
import { UsageError } from './usage-error.ts'

export const createCommand: Command = {
  name: 'create',
  summary: 'Creates a topic; the directory too, where there is none.',
  positionals: ['DIR', 'TOPIC'],
  options: {
    partitions: { type: 'string', short: 'p', valueName: 'N', description: 'how many partitions (default: 1)' },
    config: {
      type: 'string',
      short: 'c',
      multiple: true,
      valueName: 'KEY=VALUE',
      description: "one of Kafka's topic configs; may be given several times",
    },
    ...WAIT_OPTION,
  },
  details: [
    'Nothing expires unless asked: retention.ms is -1 unless you give another.',
    'JSON: topic, topicId, partitions, configs (those that were set).',
  ],
  examples: [
    { does: 'Three partitions', type: 'tidemark create ./data payments --partitions 3' },
    {
      does: 'Only the newest record of each key, records of the last 30 days',
      type: 'tidemark create ./data prices --config cleanup.policy=compact,delete --config retention.ms=2592000000',
    },
  ],
  exitCodes: [
    { code: 0, means: 'created' },
    { code: 1, means: 'the directory is in use or cannot be written' },
    WRONG_USE,
  ],
  run: (invocation) => {
    const partitions = invocation.options.count('partitions', 1) ?? 1
    const configs = parseConfigs(invocation.options.list('config'))
    return writing(invocation, (tide) => createTopic(invocation, tide, { partitions, configs }))
  },
}

async function createTopic(
  { terminal, positionals, isJson }: Invocation,
  tide: Tidemark,
  shape: { partitions: number; configs: Record<string, string> },
): Promise<ExitCode> {
  const topic = positionals[1]!
  await tide.topics.create(topic, shape)
  const { topicId, partitions, configs } = await tide.topics.describe(topic)
  const set = Object.fromEntries(configs.filter(({ isDefault }) => !isDefault).map(({ name, value }) => [name, value]))
  const { output } = terminal
  if (isJson) await output.write(`${JSON.stringify({ topic, topicId, partitions: partitions.length, configs: set })}\n`)
  else await output.write(`Created ${topic} with ${counted(partitions.length, 'partition')}.\n`)
  return 0
}

function parseConfigs(given: readonly string[]): Record<string, string> {
  const configs: Record<string, string> = {}
  for (const text of given) {
    const at = text.indexOf('=')
    if (at <= 0) throw new UsageError(`--config takes KEY=VALUE, such as retention.ms=86400000, not "${text}".`)
    const name = text.slice(0, at)
    if (Object.hasOwn(configs, name)) throw new UsageError(`--config ${name} is given twice.`)
    configs[name] = text.slice(at + 1)
  }
  return configs
}
