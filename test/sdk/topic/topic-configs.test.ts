import { expect, test } from 'vitest'
import { DEFAULT_LOG_CONFIG } from '../../../sdk/log/log-config.ts'
import {
  checkTopicConfigs,
  configsOfNewTopic,
  describeTopicConfigs,
  parseLogConfig,
  TIDEMARK_TOPIC_DEFAULTS,
  TOPIC_CONFIGS,
} from '../../../sdk/topic/topic-configs.ts'

const invalidConfig = (message: RegExp | string) =>
  expect.objectContaining({ code: 'INVALID_CONFIG', message: expect.stringMatching(message) })

/** What LogConfig of Kafka 4.3.1 said to each, true where it took it. */
const KAFKA_SAYS: [name: string, value: string, accepted: boolean][] = [
  ['segment.bytes', '100', false],
  ['segment.bytes', '1048575', false],
  ['segment.bytes', '1048576', true],
  ['segment.bytes', ' 1048576 ', true],
  ['segment.bytes', '+1048576', true],
  ['segment.bytes', '2147483648', false],
  ['segment.bytes', '1.5', false],
  ['segment.bytes', '', false],
  ['cleanup.policy', '', true],
  ['cleanup.policy', 'delete,compact', true],
  ['cleanup.policy', ' compact , delete ', true],
  ['cleanup.policy', 'Compact', false],
  ['cleanup.policy', 'delete,delete', true],
  ['cleanup.policy', 'delete,', false],
  ['retention.ms', '-2', false],
  ['retention.ms', '-1', true],
  ['retention.bytes', '-5', true],
  ['min.cleanable.dirty.ratio', '1.5', false],
  ['min.cleanable.dirty.ratio', '0.25f', true],
  ['min.cleanable.dirty.ratio', '1e-1', true],
  ['preallocate', 'TRUE', true],
  ['preallocate', 'yes', false],
  ['compression.type', 'lz4', true],
  ['compression.type', 'LZ4', false],
  ['compression.type', 'none', false],
  ['compression.type', 'uncompressed', true],
  ['compression.gzip.level', '0', false],
  ['compression.gzip.level', '-1', true],
  ['compression.gzip.level', '10', false],
  ['compression.zstd.level', '-131073', false],
  ['compression.zstd.level', '-131072', true],
  ['message.timestamp.type', 'createtime', false],
  ['leader.replication.throttled.replicas', '*', true],
  ['leader.replication.throttled.replicas', 'none', false],
  ['leader.replication.throttled.replicas', '0:1,1:2', true],
  ['leader.replication.throttled.replicas', '*,0:1', false],
  ['follower.replication.throttled.replicas', '', true],
  ['follower.replication.throttled.replicas', '0:1,', true],
  ['nope', '1', false],
  ['message.downconversion.enable', 'true', false],
  ['message.format.version', '3.0', false],
  ['flush.ms', '9223372036854775807', true],
  ['flush.ms', '9223372036854775808', false],
  ['min.insync.replicas', '0', false],
  ['max.compaction.lag.ms', '0', false],
  ['segment.ms', '0', false],
  ['internal.segment.bytes', '10', true],
  ['local.retention.ms', '-3', false],
  ['segment.jitter.ms', '-1', false],
]

test('values are taken and refused as Kafka 4.3 does', () => {
  for (const [name, value, accepted] of KAFKA_SAYS) {
    const check = () => checkTopicConfigs({ [name]: value })
    if (accepted) expect(check, `${name}=${value}`).not.toThrow()
    else expect(check, `${name}=${value}`).toThrow(invalidConfig(name.replaceAll('.', '\\.')))
  }
})

test('a refusal names the config, the value and what is allowed', () => {
  expect(() => checkTopicConfigs({ 'segment.bytes': '100' })).toThrow(
    'Invalid value 100 for the config segment.bytes: it must be an integer of at least 1048576 (32 bits).',
  )
  expect(() => checkTopicConfigs({ 'compression.gzip.level': 'x' })).toThrow(
    'Invalid value x for the config compression.gzip.level: it must be an integer from 1 to 9, or -1.',
  )
  expect(() => checkTopicConfigs({ 'retention.ms': 5 as unknown as string })).toThrow(
    'Invalid value 5 for the config retention.ms: it must be a string with an integer of at least -1 (64 bits).',
  )
  expect(() => checkTopicConfigs({ toString: '1' })).toThrow('There is no topic config "toString".')
})

test('configs that contradict each other are refused, together with those present', () => {
  const present = new Map([['min.compaction.lag.ms', '5000']])
  expect(() => checkTopicConfigs({ 'max.compaction.lag.ms': '4000' }, present)).toThrow(
    invalidConfig(/min\.compaction\.lag\.ms \(5000\) must not exceed max\.compaction\.lag\.ms \(4000\)/),
  )
  expect(() =>
    checkTopicConfigs({ 'max.compaction.lag.ms': '4000', 'min.compaction.lag.ms': null }, present),
  ).not.toThrow()
})

test('tiered storage is refused: a broker without it would not start', () => {
  expect(() => checkTopicConfigs({ 'remote.storage.enable': 'true' })).toThrow(invalidConfig(/no tiered storage/))
})

test('a config can be removed whatever it is called, and unknown ones that are present do not disturb a change', () => {
  expect(() => checkTopicConfigs({ 'remote.copy.lag.ms': null })).not.toThrow()
  expect(() => checkTopicConfigs({ 'retention.ms': '1' }, { 'remote.copy.lag.ms': '7' })).not.toThrow()
})

test('every default is valid', () => {
  for (const [name, { defaultValue }] of Object.entries(TOPIC_CONFIGS)) {
    expect(() => checkTopicConfigs({ [name]: defaultValue }), name).not.toThrow()
  }
})

test('without configs a log has Kafka’s defaults', () => {
  expect(parseLogConfig({})).toEqual(DEFAULT_LOG_CONFIG)
  const texts = Object.fromEntries(
    Object.entries(TOPIC_CONFIGS).map(([name, { defaultValue }]) => [name, defaultValue]),
  )
  // As kafka-configs --describe --all prints them.
  expect(texts).toMatchObject({
    'cleanup.policy': 'delete',
    'flush.messages': '9223372036854775807',
    'max.message.bytes': '1048588',
    'min.cleanable.dirty.ratio': '0.5',
    'retention.bytes': '-1',
    'retention.ms': '604800000',
    'segment.bytes': '1073741824',
  })
})

test('a log takes the last configs given, from records and from maps, and passes unknown names over', () => {
  const config = parseLogConfig(TIDEMARK_TOPIC_DEFAULTS, new Map([['segment.bytes', ' 2000000']]), {
    'cleanup.policy': 'compact, delete',
    'message.timestamp.type': 'LogAppendTime',
    'flush.messages': '1',
    'flush.ms': '9223372036854775807',
    'min.cleanable.dirty.ratio': '.25',
    'remote.copy.lag.ms': 'whatever',
  })
  expect(config).toEqual({
    ...DEFAULT_LOG_CONFIG,
    retentionMs: -1,
    segmentBytes: 2_000_000,
    cleanupPolicy: new Set(['compact', 'delete']),
    messageTimestampType: 'LogAppendTime',
    flushMessages: 1,
    flushMs: Number.POSITIVE_INFINITY,
    minCleanableDirtyRatio: 0.25,
  })
  expect(parseLogConfig(TIDEMARK_TOPIC_DEFAULTS, { 'retention.ms': '60000' }).retentionMs).toBe(60_000)
})

test('an empty cleanup policy keeps everything', () => {
  expect(parseLogConfig({ 'cleanup.policy': '' }).cleanupPolicy).toEqual(new Set())
})

test('Kafka’s internal segment size goes before segment.bytes, without its minimum', () => {
  expect(parseLogConfig({ 'segment.bytes': '1048576', 'internal.segment.bytes': '4096' }).segmentBytes).toBe(4096)
})

test('a stored value that Kafka would refuse is refused', () => {
  expect(() => parseLogConfig({ 'segment.bytes': '100' })).toThrow(invalidConfig(/segment\.bytes/))
})

test('a new topic keeps its records for ever unless asked otherwise', () => {
  expect(configsOfNewTopic({})).toEqual({ 'retention.ms': '-1' })
  expect(configsOfNewTopic({ 'retention.ms': '5', 'segment.ms': '7' })).toEqual({
    'retention.ms': '5',
    'segment.ms': '7',
  })
  expect(() => configsOfNewTopic({ nope: '1' })).toThrow(invalidConfig(/"nope"/))
})

test('a description lists every config once, those set and the defaults of the others', () => {
  const described = describeTopicConfigs(
    new Map([
      ['retention.ms', '-1'],
      ['from.the.future', 'x'],
    ]),
  )
  expect(described).toHaveLength(Object.keys(TOPIC_CONFIGS).length + 1)
  expect(described).toContainEqual({ name: 'retention.ms', value: '-1', isDefault: false })
  expect(described).toContainEqual({ name: 'from.the.future', value: 'x', isDefault: false })
  expect(described).toContainEqual({ name: 'segment.bytes', value: '1073741824', isDefault: true })
  expect(described.map(({ name }) => name)).toEqual(described.map(({ name }) => name).sort())
})
