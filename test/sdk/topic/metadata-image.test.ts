import { expect, test } from 'vitest'
import { TidemarkError } from '../../../sdk/errors.ts'
import { RecordBatch } from '../../../sdk/record/record-batch.ts'
import { encodeControlBatch, encodeMetadataBatch } from '../../../sdk/topic/metadata-batch.ts'
import { MetadataImage } from '../../../sdk/topic/metadata-image.ts'
import type { MetadataRecord } from '../../../sdk/topic/metadata-record.ts'
import {
  addPartitionsRecords,
  configRecords,
  createTopicRecords,
  raiseLeaderEpochRecord,
  removeTopicRecords,
} from '../../../sdk/topic/topic-records.ts'

const HOME = { nodeId: 1, directoryId: 'SdkUZlp8RL-JFk6MdJsTlg' }
const TOPIC_ID = 'y_oDLzgGSICjavLUCNOL_g'
const OTHER_ID = 'oZqPUgZBQnG0GvZ1c3xP3Q'

const corrupt = (message: RegExp) =>
  expect.objectContaining({ code: 'CORRUPT_BATCH', message: expect.stringMatching(message) })

/** An image that replayed `records` from offset 0 on. */
function createImage(records: readonly MetadataRecord[] = []): MetadataImage {
  const image = new MetadataImage()
  replayAll(image, records)
  return image
}

function replayAll(image: MetadataImage, records: readonly MetadataRecord[]): void {
  for (const record of records) image.replay(record, image.replayedOffset + 1)
}

function payments(partitions = 2, configs: Record<string, string> = { 'retention.ms': '-1' }): MetadataRecord[] {
  return createTopicRecords({ name: 'payments', topicId: TOPIC_ID, partitions, configs }, HOME)
}

test('a created topic is found by id and by name, with its partitions and configs', () => {
  const image = createImage(payments())
  const topic = image.topicByName('payments')
  expect(topic).toBe(image.topicById(TOPIC_ID))
  expect([...(topic?.partitions.keys() ?? [])]).toEqual([0, 1])
  expect(topic?.partitions.get(1)).toMatchObject({
    partition: 1,
    leader: 1,
    isr: [1],
    replicas: [1],
    leaderEpoch: 0,
    directories: [HOME.directoryId],
  })
  expect([...image.configs('payments')]).toEqual([['retention.ms', '-1']])
  expect(image.topics()).toHaveLength(1)
  expect(image.replayedOffset).toBe(3)
})

test('partitions are added and configs changed and removed', () => {
  const image = createImage(payments())
  replayAll(image, addPartitionsRecords(TOPIC_ID, { from: 2, to: 4 }, HOME))
  replayAll(image, configRecords('payments', { 'segment.ms': '1', 'retention.ms': null }))
  expect(image.topicByName('payments')?.partitions.size).toBe(4)
  expect([...image.configs('payments')]).toEqual([['segment.ms', '1']])
})

test('every change raises the partition epoch; one that names a leader raises the leader epoch, even for the same leader', () => {
  const image = createImage(payments(1))
  const change = { type: 'PartitionChange', partition: 0, topicId: TOPIC_ID } as const
  const epochs = () => {
    const { leaderEpoch, partitionEpoch } = image.topicById(TOPIC_ID)!.partitions.get(0)!
    return [leaderEpoch, partitionEpoch]
  }
  expect(epochs()).toEqual([0, 0])
  replayAll(image, [{ ...change, isr: [] }])
  expect(epochs()).toEqual([0, 1])
  replayAll(image, [{ ...change, leader: -1 }])
  expect(epochs()).toEqual([1, 2])
  replayAll(image, [raiseLeaderEpochRecord(image.topicById(TOPIC_ID)!.partitions.get(0)!, HOME)])
  expect(epochs()).toEqual([2, 3])
  replayAll(image, [raiseLeaderEpochRecord(image.topicById(TOPIC_ID)!.partitions.get(0)!, HOME)])
  expect(epochs()).toEqual([3, 4])
})

test('raising the epoch of a partition that a broker left without leader and replicas in sync mends it', () => {
  const image = createImage(payments(1))
  replayAll(image, [
    {
      type: 'PartitionChange',
      partition: 0,
      topicId: TOPIC_ID,
      isr: [],
      leader: -1,
      eligibleLeaderReplicas: [1],
      lastKnownElr: [1],
      leaderRecoveryState: 1,
    },
  ])
  const stopped = image.topicById(TOPIC_ID)!.partitions.get(0)!
  expect(stopped).toMatchObject({ leader: -1, isr: [], eligibleLeaderReplicas: [1] })
  replayAll(image, [raiseLeaderEpochRecord(stopped, HOME)])
  expect(image.topicById(TOPIC_ID)!.partitions.get(0)).toMatchObject({
    leader: 1,
    isr: [1],
    leaderRecoveryState: 0,
    eligibleLeaderReplicas: [],
    lastKnownElr: [],
    leaderEpoch: 2,
  })
})

test('a healthy partition’s epoch is raised by a record with nothing but the leader', () => {
  const partition = createImage(payments(1)).topicById(TOPIC_ID)!.partitions.get(0)!
  const record = Object.entries(raiseLeaderEpochRecord(partition, HOME)).filter(([, value]) => value !== undefined)
  expect(Object.fromEntries(record)).toEqual({ type: 'PartitionChange', partition: 0, topicId: TOPIC_ID, leader: 1 })
})

test('a removed topic takes its configs along, and its name is free again', () => {
  const image = createImage(payments())
  replayAll(image, removeTopicRecords(TOPIC_ID))
  expect(image.topicByName('payments')).toBeUndefined()
  expect(image.topicById(TOPIC_ID)).toBeUndefined()
  expect(image.configs('payments').size).toBe(0)
  replayAll(image, createTopicRecords({ name: 'payments', topicId: OTHER_ID, partitions: 1, configs: {} }, HOME))
  expect(image.topicByName('payments')?.topicId).toBe(OTHER_ID)
})

test('what a transaction holds counts only from its end on', () => {
  const image = createImage([{ type: 'FeatureLevel', name: 'metadata.version', level: 25 }])
  replayAll(image, [{ type: 'BeginTransaction', name: 'Bootstrap records' }, ...payments()])
  expect(image.topicByName('payments')).toBeUndefined()
  expect([image.isInTransaction, image.appliedOffset, image.replayedOffset]).toEqual([true, 0, 5])
  replayAll(image, [{ type: 'EndTransaction' }])
  expect(image.topicByName('payments')?.partitions.size).toBe(2)
  expect([image.isInTransaction, image.appliedOffset, image.replayedOffset]).toEqual([false, 6, 6])
})

test('an aborted transaction leaves nothing', () => {
  const image = createImage([
    { type: 'BeginTransaction', name: null },
    ...payments(),
    { type: 'AbortTransaction', reason: 'no' },
  ])
  expect(image.topics()).toEqual([])
  expect([image.isInTransaction, image.appliedOffset]).toEqual([false, 5])
})

test('features, producer ids, broker configs and unknown records are kept', () => {
  const image = createImage([
    { type: 'FeatureLevel', name: 'group.version', level: 1 },
    { type: 'FeatureLevel', name: 'share.version', level: 1 },
    { type: 'FeatureLevel', name: 'share.version', level: 0 },
    { type: 'ProducerIds', brokerId: 1, brokerEpoch: 5, nextProducerId: 1000 },
    { type: 'Config', resourceType: 4, resourceName: '', name: 'min.insync.replicas', value: '1' },
    { type: 'Unknown', apiKey: 17, version: 2 },
    { type: 'Unknown', apiKey: 17, version: 2 },
    { type: 'NoOp' },
  ])
  expect([...image.features]).toEqual([['group.version', 1]])
  expect(image.nextProducerId).toBe(1000)
  expect([...image.brokerConfigs('')]).toEqual([['min.insync.replicas', '1']])
  expect([...image.unknownRecords]).toEqual([[17, 2]])
})

test('eligible leader replicas are forgotten when told', () => {
  const image = createImage(payments())
  const change = { type: 'PartitionChange', topicId: TOPIC_ID, eligibleLeaderReplicas: [1] } as const
  replayAll(image, [
    { ...change, partition: 0 },
    { type: 'ClearElr', topic: 'payments' },
  ])
  const partitions = image.topicById(TOPIC_ID)!.partitions
  expect(partitions.get(0)).toMatchObject({ eligibleLeaderReplicas: [], partitionEpoch: 2, leaderEpoch: 0 })
  expect(partitions.get(1)).toMatchObject({ partitionEpoch: 0 })
})

test('batches are replayed with their epoch, control batches too, and none twice', () => {
  const image = new MetadataImage()
  const control = new RecordBatch(
    encodeControlBatch([{ type: 'KRaftVersion', level: 1 }], 1, { baseOffset: 0, partitionLeaderEpoch: 3 }),
  )
  const data = new RecordBatch(encodeMetadataBatch(payments() as never, 1, { baseOffset: 1, partitionLeaderEpoch: 4 }))
  for (const batch of [control, data, control, data]) image.replayBatch(batch)
  expect([image.kraftVersion, image.raftEpoch, image.replayedOffset, image.topics().length]).toEqual([1, 4, 4, 1])
})

test('a batch that reaches back below what was replayed adds only the rest', () => {
  const image = createImage(payments(1))
  const overlapping = [...payments(1), ...addPartitionsRecords(TOPIC_ID, { from: 1, to: 2 }, HOME)]
  image.replayBatch(new RecordBatch(encodeMetadataBatch(overlapping as never, 1, { baseOffset: 0 })))
  expect(image.topicById(TOPIC_ID)?.partitions.size).toBe(2)
  expect(image.replayedOffset).toBe(3)
})

test('records that contradict the image are damage, told with their offset', () => {
  const partition = addPartitionsRecords(TOPIC_ID, { from: 0, to: 1 }, HOME)[0]!
  expect(() => createImage([{ type: 'NoOp' }, partition])).toThrow(
    corrupt(/at offset 1: .*topic id y_oDLz.* does not exist/),
  )
  expect(() => createImage(removeTopicRecords(TOPIC_ID))).toThrow(corrupt(/does not exist/))
  expect(() => createImage([...payments(), ...payments()])).toThrow(corrupt(/topic payments, which exists/))
  expect(() => createImage([...payments(1), { type: 'PartitionChange', partition: 1, topicId: TOPIC_ID }])).toThrow(
    corrupt(/partition 1 of payments/),
  )
  expect(() => createImage([{ type: 'EndTransaction' }])).toThrow(corrupt(/never began/))
  const begin: MetadataRecord = { type: 'BeginTransaction', name: null }
  expect(() => createImage([begin, begin])).toThrow(corrupt(/inside another/))
})

test('a forged topic name that would lead out of the directory is damage', () => {
  for (const name of ['../../etc', '..', 'a/b', '']) {
    expect(() => createImage([{ type: 'Topic', name, topicId: TOPIC_ID }]), name).toThrow(TidemarkError)
  }
})
