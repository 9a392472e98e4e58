import { expect, test } from 'vitest'
import { OFFSETS_TOPIC_CONFIGS, OFFSETS_TOPIC_PARTITIONS } from '../../../sdk/topic/internal-topics.ts'
import { checkTopicConfigs } from '../../../sdk/topic/topic-configs.ts'
import { checkPartitionCount, createTopicRecords } from '../../../sdk/topic/topic-records.ts'

const HOME = { nodeId: 1, directoryId: 'SdkUZlp8RL-JFk6MdJsTlg' }
const TOPIC_ID = 'y_oDLzgGSICjavLUCNOL_g'

test('a topic is created by its record, then its configs, then its partitions', () => {
  const records = createTopicRecords(
    { name: 'a', topicId: TOPIC_ID, partitions: 2, configs: { 'retention.ms': '-1' } },
    HOME,
  )
  expect(records.map(({ type }) => type)).toEqual(['Topic', 'Config', 'Partition', 'Partition'])
})

test('a topic has 1 to 10,000 partitions', () => {
  for (const count of [1, 50, 10_000]) expect(() => checkPartitionCount(count, 'a')).not.toThrow()
  for (const count of [0, -1, 1.5, 10_001, Number.NaN]) {
    expect(() => checkPartitionCount(count, 'a'), String(count)).toThrow(
      expect.objectContaining({ code: 'INVALID_PARTITIONS', topic: 'a' }),
    )
  }
})

test('the offsets topic is the one Kafka creates', () => {
  expect(OFFSETS_TOPIC_PARTITIONS).toBe(50)
  expect(OFFSETS_TOPIC_CONFIGS).toEqual({
    'cleanup.policy': 'compact',
    'compression.type': 'producer',
    'segment.bytes': '104857600',
  })
  expect(() => checkTopicConfigs(OFFSETS_TOPIC_CONFIGS)).not.toThrow()
})
