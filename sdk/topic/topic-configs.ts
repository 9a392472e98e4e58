import { TidemarkError } from '../errors.ts'
import { DEFAULT_LOG_CONFIG, type LogConfig } from '../log/log-config.ts'
import { boolean, type ConfigType, double, int, long, oneOf, someOf, throttledReplicas } from './config-type.ts'

/** What a log does without configs is written down where logs are; here stands what else a broker knows. */
const DEFAULT = DEFAULT_LOG_CONFIG

/** One topic config of Kafka 4.3: how its text is read, and the text that counts where none is given. */
export interface TopicConfig<T = unknown> {
  readonly type: ConfigType<T>
  readonly defaultValue: string
}

/**
 * Every topic config of Kafka 4.3 with its default. Tidemark keeps those it has no use for (replication, tiered
 * storage, compression levels): a broker that starts on the directory will use them.
 */
export const TOPIC_CONFIGS = {
  'cleanup.policy': config(someOf('compact', 'delete'), [...DEFAULT.cleanupPolicy].join(',')),
  'compression.gzip.level': config(int(1, 9, -1), '-1'),
  'compression.lz4.level': config(int(1, 17), '9'),
  'compression.type': config(
    oneOf('uncompressed', 'zstd', 'lz4', 'snappy', 'gzip', 'producer'),
    DEFAULT.compressionType,
  ),
  'compression.zstd.level': config(int(-131_072, 22), '3'),
  'delete.retention.ms': config(long(0), text(DEFAULT.deleteRetentionMs)),
  'file.delete.delay.ms': config(long(0), text(DEFAULT.fileDeleteDelayMs)),
  'flush.messages': config(long(1), text(DEFAULT.flushMessages)),
  'flush.ms': config(long(0), text(DEFAULT.flushMs)),
  'follower.replication.throttled.replicas': config(throttledReplicas, ''),
  'index.interval.bytes': config(int(0), text(DEFAULT.indexIntervalBytes)),
  'leader.replication.throttled.replicas': config(throttledReplicas, ''),
  'local.retention.bytes': config(long(-2), '-2'),
  'local.retention.ms': config(long(-2), '-2'),
  'max.compaction.lag.ms': config(long(1), text(DEFAULT.maxCompactionLagMs)),
  'max.message.bytes': config(int(0), text(DEFAULT.maxMessageBytes)),
  'message.timestamp.after.max.ms': config(long(0), text(DEFAULT.messageTimestampAfterMaxMs)),
  'message.timestamp.before.max.ms': config(long(0), text(DEFAULT.messageTimestampBeforeMaxMs)),
  'message.timestamp.type': config(oneOf('CreateTime', 'LogAppendTime'), DEFAULT.messageTimestampType),
  'min.cleanable.dirty.ratio': config(double(0, 1), text(DEFAULT.minCleanableDirtyRatio)),
  'min.compaction.lag.ms': config(long(0), text(DEFAULT.minCompactionLagMs)),
  'min.insync.replicas': config(int(1), '1'),
  preallocate: config(boolean, 'false'),
  'remote.log.copy.disable': config(boolean, 'false'),
  'remote.log.delete.on.disable': config(boolean, 'false'),
  'remote.storage.enable': config(boolean, 'false'),
  'retention.bytes': config(long(), text(DEFAULT.retentionBytes)),
  'retention.ms': config(long(-1), text(DEFAULT.retentionMs)),
  'segment.bytes': config(int(1_048_576), text(DEFAULT.segmentBytes)),
  'segment.index.bytes': config(int(4), text(DEFAULT.segmentIndexBytes)),
  'segment.jitter.ms': config(long(0), '0'),
  'segment.ms': config(long(1), text(DEFAULT.segmentMs)),
  'unclean.leader.election.enable': config(boolean, 'false'),
} as const

export type TopicConfigName = keyof typeof TOPIC_CONFIGS

/** Kafka's own, for tests: a segment size without the minimum of 1 MiB. Never listed; a broker honours it too. */
export const INTERNAL_SEGMENT_BYTES = 'internal.segment.bytes'
const internalSegmentBytes = int(0)

/** "Nothing expires unless asked": what a topic is created with besides what was given, and read with by an owner. */
export const TIDEMARK_TOPIC_DEFAULTS: Readonly<Record<string, string>> = { 'retention.ms': '-1' }

/** Configs by name, as records or as the metadata log's map. */
export type Configs = ReadonlyMap<string, string> | Readonly<Record<string, string>>

/** The configs to write for a new topic. Throws INVALID_CONFIG. */
export function configsOfNewTopic(given: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  checkTopicConfigs(given)
  return { ...TIDEMARK_TOPIC_DEFAULTS, ...given }
}

/**
 * Whether a topic may take these configs (null: fall back to the default) on top of the `present` ones, by Kafka's rules.
 * Throws INVALID_CONFIG, which names the config, the value and what is allowed.
 */
export function checkTopicConfigs(changes: Readonly<Record<string, string | null>>, present: Configs = {}): void {
  const merged = new Map(entries(present))
  for (const [name, value] of Object.entries(changes)) {
    merged.delete(name)
    if (value === null) continue
    merged.set(name, value)
    if (name === INTERNAL_SEGMENT_BYTES) parse(name, internalSegmentBytes, value)
    else if (isTopicConfigName(name)) parse<unknown>(name, TOPIC_CONFIGS[name].type, value)
    else throw new TidemarkError('INVALID_CONFIG', `There is no topic config ${JSON.stringify(name)}.`)
  }
  const [min, max] = [effective('min.compaction.lag.ms', merged), effective('max.compaction.lag.ms', merged)]
  if (min > max) {
    const message = `min.compaction.lag.ms (${min}) must not exceed max.compaction.lag.ms (${max}).`
    throw new TidemarkError('INVALID_CONFIG', message)
  }
  if (effective('remote.storage.enable', merged)) {
    const message =
      'Invalid value true for the config remote.storage.enable: it must be false, there is no tiered storage here.'
    throw new TidemarkError('INVALID_CONFIG', message)
  }
}

/** Every config as a broker describes it, by name: those set for the topic and the defaults of all others. */
export function describeTopicConfigs(configs: Configs): { name: string; value: string; isDefault: boolean }[] {
  const set = new Map(entries(configs))
  const names = new Set([...Object.keys(TOPIC_CONFIGS), ...set.keys()])
  return [...names].sort().map((name) => {
    const value = set.get(name)
    if (value !== undefined) return { name, value, isDefault: false }
    return { name, value: TOPIC_CONFIGS[name as TopicConfigName].defaultValue, isDefault: true }
  })
}

/** Whether offsets without a record are right in a topic with these configs. */
export function isCompacted(configs: ReadonlyMap<string, string>): boolean {
  return configs.get('cleanup.policy')?.includes('compact') ?? false
}

/**
 * What a partition log needs of a topic's configs, in order of precedence from the last to the first argument, Kafka's
 * defaults at the end. Names it does not know are passed over: a newer broker may have written them. Java's greatest
 * long becomes Infinity. Throws INVALID_CONFIG for a value that Kafka would refuse.
 */
export function parseLogConfig(...configs: readonly Configs[]): LogConfig {
  const merged = new Map(configs.flatMap((each) => [...entries(each)]))
  const internal = merged.get(INTERNAL_SEGMENT_BYTES)
  return {
    segmentBytes:
      internal === undefined
        ? effective('segment.bytes', merged)
        : parse(INTERNAL_SEGMENT_BYTES, internalSegmentBytes, internal),
    segmentMs: effective('segment.ms', merged),
    indexIntervalBytes: effective('index.interval.bytes', merged),
    segmentIndexBytes: effective('segment.index.bytes', merged),
    retentionMs: effective('retention.ms', merged),
    retentionBytes: effective('retention.bytes', merged),
    maxMessageBytes: effective('max.message.bytes', merged),
    messageTimestampType: effective('message.timestamp.type', merged),
    messageTimestampAfterMaxMs: effective('message.timestamp.after.max.ms', merged),
    messageTimestampBeforeMaxMs: effective('message.timestamp.before.max.ms', merged),
    cleanupPolicy: effective('cleanup.policy', merged),
    flushMessages: effective('flush.messages', merged),
    flushMs: effective('flush.ms', merged),
    compressionType: effective('compression.type', merged),
    deleteRetentionMs: effective('delete.retention.ms', merged),
    minCleanableDirtyRatio: effective('min.cleanable.dirty.ratio', merged),
    minCompactionLagMs: effective('min.compaction.lag.ms', merged),
    maxCompactionLagMs: effective('max.compaction.lag.ms', merged),
    fileDeleteDelayMs: effective('file.delete.delay.ms', merged),
  }
}

function isTopicConfigName(name: string): name is TopicConfigName {
  return Object.hasOwn(TOPIC_CONFIGS, name)
}

type Effective<N extends TopicConfigName> = (typeof TOPIC_CONFIGS)[N] extends TopicConfig<infer T> ? T : never

function effective<N extends TopicConfigName>(name: N, configs: ReadonlyMap<string, string>): Effective<N> {
  const { type, defaultValue } = TOPIC_CONFIGS[name] as TopicConfig<Effective<N>>
  return parse(name, type, configs.get(name) ?? defaultValue)
}

function parse<T>(name: string, type: ConfigType<T>, value: unknown): T {
  const parsed = typeof value === 'string' ? type.parse(value.trim()) : undefined
  if (parsed !== undefined) return parsed
  const asked = typeof value === 'string' ? type.expected : `a string with ${type.expected}`
  throw new TidemarkError(
    'INVALID_CONFIG',
    `Invalid value ${String(value)} for the config ${name}: it must be ${asked}.`,
  )
}

/** Java's greatest long stands for "never" or "no limit". */
function text(number: number): string {
  return number === Number.POSITIVE_INFINITY ? '9223372036854775807' : String(number)
}

function config<T>(type: ConfigType<T>, defaultValue: string): TopicConfig<T> {
  return { type, defaultValue }
}

function entries(configs: Configs): Iterable<[string, string]> {
  return configs instanceof Map ? configs.entries() : Object.entries(configs)
}
