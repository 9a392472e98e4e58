import { expect, test } from 'vitest'
import { TidemarkError } from '../../../sdk/errors.ts'
import { encodeControlBatch, encodeMetadataBatch } from '../../../sdk/topic/metadata-batch.ts'
import { MetadataImage } from '../../../sdk/topic/metadata-image.ts'
import { newestSnapshot, parseSnapshot, parseSnapshotName } from '../../../sdk/topic/metadata-snapshot.ts'
import { createTopicRecords } from '../../../sdk/topic/topic-records.ts'
import { seededRandom } from '../../support/seeded-random.ts'

const HOME = { nodeId: 1, directoryId: 'SdkUZlp8RL-JFk6MdJsTlg' }
/** `0-0.checkpoint` of node 1 as Kafka formats it. */
const FORMATTED = Buffer.from(
  '00000000000000000000009a0000000002d58cea2b0020000000020000018bcfe568000000018bcfe56800ffffffffffffffffffffffffffff000000032a00000008000000031600000000018bcfe5680000001e00000208000000050a000000010000820100000408000000066e0000020000000149d914665a7c44bf89164e8c749b1396020b434f4e54524f4c4c45520a6c6f63616c686f7374238500000000010000000000000000000000030000003f00000000028f6608e60020000000000000018bcfe568000000018bcfe56800ffffffffffffffffffffffffffff000000011a00000008000000040600000000',
  'hex',
)
const FORMATTED_NAME = '00000000000000000000-0000000000.checkpoint'

/** A snapshot of one topic. */
function createSnapshot(topic: string): Buffer {
  const records = createTopicRecords(
    { name: topic, topicId: 'y_oDLzgGSICjavLUCNOL_g', partitions: 2, configs: { 'retention.ms': '-1' } },
    HOME,
  )
  return Buffer.concat([
    encodeControlBatch(
      [
        { type: 'SnapshotHeader', lastContainedLogTimestampMs: 5 },
        { type: 'KRaftVersion', level: 1 },
      ],
      1,
      { baseOffset: 0 },
    ),
    encodeMetadataBatch(records, 1, { baseOffset: 2 }),
    encodeControlBatch([{ type: 'SnapshotFooter' }], 1, { baseOffset: 2 + records.length }),
  ])
}

test('the snapshot Kafka formats a directory with is read', () => {
  const snapshot = parseSnapshot(FORMATTED, FORMATTED_NAME)
  expect(snapshot).toMatchObject({ endOffset: 0, epoch: 0, records: [] })
  const image = MetadataImage.of(snapshot)
  expect(image).toMatchObject({ replayedOffset: -1, kraftVersion: 1, raftEpoch: 0 })
  expect(image.voters).toEqual([
    {
      id: 1,
      directoryId: HOME.directoryId,
      endpoints: [{ name: 'CONTROLLER', host: 'localhost', port: 9093 }],
      minVersion: 0,
      maxVersion: 1,
    },
  ])
})

test('the snapshot Kafka formats a directory with is written back byte for byte', () => {
  const timestampMs = 1_700_000_000_000
  const { controlRecords } = parseSnapshot(FORMATTED, FORMATTED_NAME)
  const known = controlRecords.filter((record) => record.type !== 'Unknown')
  const bytes = Buffer.concat([
    encodeControlBatch(known.slice(0, 3), timestampMs, { baseOffset: 0, partitionLeaderEpoch: 0 }),
    encodeControlBatch(known.slice(3), timestampMs, { baseOffset: 3, partitionLeaderEpoch: 0 }),
  ])
  expect(bytes.toString('hex')).toBe(FORMATTED.toString('hex'))
})

test('names tell end offset and epoch; other files are none', () => {
  expect(parseSnapshotName('00000000000000000042-0000000003.checkpoint')).toEqual({ endOffset: 42, epoch: 3 })
  for (const name of [
    '42-3.checkpoint',
    '00000000000000000042-0000000003.checkpoint.part',
    'bootstrap.checkpoint',
    '00000000000000000000.log',
  ]) {
    expect(parseSnapshotName(name), name).toBeUndefined()
  }
  expect(parseSnapshotName('99999999999999999999-0000000003.checkpoint')).toBeUndefined()
})

test('the log goes on behind a snapshot, whose own offsets count for nothing', () => {
  const image = MetadataImage.of(
    parseSnapshot(createSnapshot('payments'), '00000000000000000042-0000000003.checkpoint'),
  )
  expect(image).toMatchObject({ replayedOffset: 41, appliedOffset: 41, raftEpoch: 3 })
  expect(image.topicByName('payments')?.partitions.size).toBe(2)
  expect(image.configs('payments').get('retention.ms')).toBe('-1')
})

test('the newest whole snapshot is taken, torn and vanished ones and other files are passed over', () => {
  const files = new Map([
    [FORMATTED_NAME, FORMATTED],
    ['00000000000000000007-0000000001.checkpoint', createSnapshot('older')],
    ['00000000000000000042-0000000003.checkpoint', createSnapshot('newer')],
    ['00000000000000000099-0000000004.checkpoint', createSnapshot('torn').subarray(0, -5)],
    ['00000000000000000100-0000000004.checkpoint.part', createSnapshot('unfinished')],
    ['00000000000000000000.log', Buffer.alloc(10)],
  ])
  const names = [...files.keys(), '00000000000000000500-0000000005.checkpoint']
  expect(newestSnapshot(names, (name) => files.get(name))?.endOffset).toBe(42)
  expect(newestSnapshot([], () => undefined)).toBeUndefined()
})

test('a snapshot without header or footer is damaged, even if every batch is whole', () => {
  const whole = createSnapshot('payments')
  const footer = encodeControlBatch([{ type: 'SnapshotFooter' }], 1).length
  expect(() => parseSnapshot(whole.subarray(0, -footer), 'x.checkpoint')).toThrow(
    /x\.checkpoint is damaged: its footer is missing/,
  )
  expect(() => parseSnapshot(whole.subarray(-footer), 'x.checkpoint')).toThrow(/does not begin with a header/)
  expect(() => parseSnapshot(Buffer.alloc(0), 'x.checkpoint')).toThrow(/does not begin with a header/)
})

test('a damaged snapshot never ends in anything but CORRUPT_BATCH', () => {
  const seed = 42
  const random = seededRandom(seed)
  for (let round = 0; round < 2000; round++) {
    const bytes = Buffer.from(random() < 0.5 ? FORMATTED : createSnapshot('payments'))
    const at = Math.floor(random() * bytes.length)
    const before = bytes[at]
    bytes[at] = Math.floor(random() * 256)
    try {
      parseSnapshot(bytes, FORMATTED_NAME)
      // Base offset and leader epoch are not under the CRC, and count for nothing here.
    } catch (error) {
      expect(error, `seed ${seed}, round ${round}`).toBeInstanceOf(TidemarkError)
      expect(bytes[at], `seed ${seed}, round ${round}`).not.toBe(before)
    }
  }
})
