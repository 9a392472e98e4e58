import { expect, test } from 'vitest'
import { checkTakeover } from '../../../sdk/broker/takeover-check.ts'
import { TidemarkError } from '../../../sdk/errors.ts'
import { RecordBatch } from '../../../sdk/record/record-batch.ts'
import { bootstrapBatches } from '../../../sdk/topic/bootstrap-records.ts'
import type { ControlRecord } from '../../../sdk/topic/control-record.ts'
import { encodeControlBatch } from '../../../sdk/topic/metadata-batch.ts'
import { MetadataImage } from '../../../sdk/topic/metadata-image.ts'
import type { MetadataRecord } from '../../../sdk/topic/metadata-record.ts'
import { configRecords, createTopicRecords } from '../../../sdk/topic/topic-records.ts'

const HOME = { nodeId: 1, directoryId: 'SdkUZlp8RL-JFk6MdJsTlg' }
const OTHER_DIRECTORY = 'y_oDLzgGSICjavLUCNOL_g'
const topic = { name: 'payments', topicId: 'cbbfpWmNTrGGCxw9hPbpzA', partitions: 2, configs: {} }

/** What a broker that is alone leaves behind, and what `more` adds. */
function createImage(...more: readonly MetadataRecord[]): MetadataImage {
  const image = new MetadataImage()
  for (const batch of bootstrapBatches(HOME, 0)) image.replayBatch(new RecordBatch(batch))
  for (const record of [...createTopicRecords(topic, HOME), ...more]) image.replay(record, image.replayedOffset + 1)
  return image
}

function withControl(...records: Exclude<ControlRecord, { type: 'Unknown' }>[]): MetadataImage {
  const image = createImage()
  const batch = encodeControlBatch(records, 0, { baseOffset: image.replayedOffset + 1 })
  image.replayBatch(new RecordBatch(batch))
  return image
}

function change(fields: Partial<Extract<MetadataRecord, { type: 'PartitionChange' }>>): MetadataRecord {
  return { type: 'PartitionChange', topicId: topic.topicId, partition: 1, ...fields }
}

function feature(name: string, level: number): MetadataRecord {
  return { type: 'FeatureLevel', name, level }
}

function voter(id: number, directoryId = HOME.directoryId) {
  const endpoints = [{ name: 'CONTROLLER', host: 'localhost', port: 9093 }]
  return { id, directoryId, endpoints, minVersion: 0, maxVersion: 1 }
}

test('what one broker that was its own controller wrote is taken over, with every feature of Kafka 4.4', () => {
  const image = createImage(
    feature('metadata.version', 33),
    feature('eligible.leader.replicas.version', 1),
    feature('share.version', 2),
    feature('streams.version', 1),
    // As an orderly stop leaves it.
    change({ leader: -1, isr: [], eligibleLeaderReplicas: [1] }),
    change({ partition: 0, directories: ['AAAAAAAAAAAAAAAAAAAAAA'] }),
  )
  expect(() => checkTakeover(image, HOME, '/data')).not.toThrow()
  expect(() => checkTakeover(new MetadataImage(), HOME, '/data')).not.toThrow()
})

test.each<[string, MetadataImage, RegExp]>([
  [
    'several replicas',
    createImage(change({ replicas: [1, 2] })),
    /payments-1 has replicas on the brokers 1, 2\. .*kafka-reassign/,
  ],
  ['another broker', createImage(change({ replicas: [2] })), /payments-1 belongs to broker 2, and this is broker 1/],
  ['a move under way', createImage(change({ addingReplicas: [2] })), /payments-1 is being moved/],
  [
    'another log directory',
    createImage(change({ directories: [OTHER_DIRECTORY] })),
    /payments-1 is in another log directory/,
  ],
  ['several controllers', withControl({ type: 'KRaftVoters', voters: [voter(1), voter(2)] }), /controllers 1, 2/],
  [
    'a controller elsewhere',
    withControl({ type: 'KRaftVoters', voters: [voter(3)] }),
    /controllers 3, and it is node 1/,
  ],
  [
    'a foreign directory id',
    withControl({ type: 'KRaftVoters', voters: [voter(1, OTHER_DIRECTORY)] }),
    /Restore meta\.properties/,
  ],
  [
    'a newer quorum',
    withControl({ type: 'KRaftVersion', level: 2 }),
    /kraft\.version 2, and up to 1 is known.*newer Tidemark/,
  ],
  [
    'newer metadata',
    createImage(feature('metadata.version', 34)),
    /metadata\.version 34, and up to 33.*newer Tidemark/,
  ],
  ['very old metadata', createImage(feature('metadata.version', 16)), /older than Kafka 3\.7.*kafka-features/],
  ['an unknown feature', createImage(feature('tides.version', 1)), /the feature tides\.version, which is unknown/],
  [
    'an open transaction',
    createImage({ type: 'BeginTransaction', name: null }),
    /inside a transaction.*Start the broker once/,
  ],
  [
    'remote storage',
    createImage(...configRecords('payments', { 'remote.storage.enable': 'true' })),
    /payments keeps records in remote storage/,
  ],
])('%s: refused, and the message says what is in the way and that reading works', (_, image, message) => {
  const refusal = refusalOf(image)
  expect(refusal).toMatchObject({ code: 'UNSUPPORTED', message: expect.stringMatching(message) })
  expect(refusal?.message).toMatch(/^\/data cannot be opened for writing: .*open it with readOnly\.$/)
})

test('without a list of voters, those who elected the last leader count', () => {
  const others = { id: 2, directoryId: null }
  const image = new MetadataImage()
  const leader = { type: 'LeaderChange', leaderId: 2, voters: [others], grantingVoters: [others] } as const
  image.replayBatch(new RecordBatch(encodeControlBatch([leader], 0, { baseOffset: 0 })))
  expect(refusalOf(image)?.message).toMatch(/controllers 2, and it is node 1/)
})

function refusalOf(image: MetadataImage): TidemarkError | undefined {
  try {
    checkTakeover(image, HOME, '/data')
    return undefined
  } catch (error) {
    if (error instanceof TidemarkError) return error
    throw error
  }
}
