import { expect, test } from 'vitest'
import { RecordBatch } from '../../../sdk/record/record-batch.ts'
import { bootstrapBatches } from '../../../sdk/topic/bootstrap-records.ts'
import { decodeControlBatch } from '../../../sdk/topic/metadata-batch.ts'
import { MetadataImage } from '../../../sdk/topic/metadata-image.ts'

const HOME = { nodeId: 1, directoryId: 'SdkUZlp8RL-JFk6MdJsTlg' }

test('a fresh metadata log names its one voter and the features of Kafka 4.0', () => {
  const image = new MetadataImage()
  const batches = bootstrapBatches(HOME, 1_700_000_000_000).map((bytes) => new RecordBatch(bytes))
  for (const batch of batches) image.replayBatch(batch)
  expect(
    batches.map(({ baseOffset, nextOffset, isControl, partitionLeaderEpoch }) => [
      baseOffset,
      nextOffset,
      isControl,
      partitionLeaderEpoch,
    ]),
  ).toEqual([
    [0, 3, true, 0],
    [3, 6, false, 0],
  ])
  expect(decodeControlBatch(batches[0]!).map(({ type }) => type)).toEqual([
    'LeaderChange',
    'KRaftVersion',
    'KRaftVoters',
  ])
  expect(image.voters.map(({ id, directoryId }) => [id, directoryId])).toEqual([[1, HOME.directoryId]])
  expect(Object.fromEntries(image.features)).toEqual({
    'metadata.version': 25,
    'group.version': 1,
    'transaction.version': 2,
  })
  expect(image.raftEpoch).toBe(0)
})

test('the features of a bootstrap checkpoint take the place of the default ones', () => {
  const image = new MetadataImage()
  for (const bytes of bootstrapBatches(HOME, 1, [{ type: 'FeatureLevel', name: 'metadata.version', level: 30 }])) {
    image.replayBatch(new RecordBatch(bytes))
  }
  expect(Object.fromEntries(image.features)).toEqual({ 'metadata.version': 30 })
})
