import { expect, test } from 'vitest'
import { TidemarkError } from '../../../sdk/errors.ts'
import { RecordBatch } from '../../../sdk/record/record-batch.ts'
import { encodeMetadataBatch } from '../../../sdk/topic/metadata-batch.ts'
import type { MetadataRecord, PartitionChangeRecord, PartitionRecord } from '../../../sdk/topic/metadata-record.ts'
import { decodeMetadataRecord, encodeMetadataRecord } from '../../../sdk/topic/metadata-record-codec.ts'
import { addPartitionsRecords } from '../../../sdk/topic/topic-records.ts'
import { seededRandom } from '../../support/seeded-random.ts'

type Known = Exclude<MetadataRecord, { type: 'Unknown' }>

const TOPIC_ID = 'y_oDLzgGSICjavLUCNOL_g'
const DIRECTORY_ID = 'SdkUZlp8RL-JFk6MdJsTlg'
const TIMESTAMP_MS = 1_700_000_000_000

const FEATURE: Known = { type: 'FeatureLevel', name: 'metadata.version', level: 25 }
const TOPIC: Known = { type: 'Topic', name: 'payments', topicId: TOPIC_ID }
const CONFIG = { type: 'Config', resourceType: 2, resourceName: 'payments', name: 'retention.ms' } as const
const LED = addPartitionsRecords(TOPIC_ID, { from: 0, to: 1 }, { nodeId: 1, directoryId: DIRECTORY_ID })[0]!
const LEADERLESS: PartitionRecord = { ...LED, leader: -1 }

/** Kafka's bytes, and the version of them. */
const VECTORS: [Known, number, string][] = [
  [FEATURE, 0, '010c00116d657461646174612e76657273696f6e001900'],
  [TOPIC, 0, '010200097061796d656e7473cbfa032f38064880a36af2d408d38bfe00'],
  [{ ...CONFIG, value: '604800000' }, 0, '01040002097061796d656e74730d726574656e74696f6e2e6d730a36303438303030303000'],
  [{ ...CONFIG, value: null }, 0, '01040002097061796d656e74730d726574656e74696f6e2e6d730000'],
  [
    LEADERLESS,
    1,
    '01030100000000cbfa032f38064880a36af2d408d38bfe020000000102000000010101ffffffff00000000000000000249d914665a7c44bf89164e8c749b139600',
  ],
  [
    LED,
    2,
    '01030200000000cbfa032f38064880a36af2d408d38bfe0200000001020000000101010000000100000000000000000249d914665a7c44bf89164e8c749b139600',
  ],
  [{ type: 'RemoveTopic', topicId: TOPIC_ID }, 0, '010900cbfa032f38064880a36af2d408d38bfe00'],
  [
    { type: 'ProducerIds', brokerId: 1, brokerEpoch: 5, nextProducerId: 1000 },
    0,
    '010f0000000001000000000000000500000000000003e800',
  ],
]

test('records are written byte for byte as Kafka writes them', () => {
  for (const [record, version, hex] of VECTORS) {
    expect(encodeMetadataRecord(record, version).toString('hex'), record.type).toBe(hex)
  }
})

test('Kafka’s records are read', () => {
  for (const [record, , hex] of VECTORS) expect(decodeMetadataRecord(Buffer.from(hex, 'hex'))).toEqual(record)
})

test('a batch of the metadata log is Kafka’s, byte for byte', () => {
  const batch = encodeMetadataBatch([FEATURE, TOPIC, LEADERLESS as Known], TIMESTAMP_MS, { partitionLeaderEpoch: 1 })
  expect(batch.toString('hex')).toBe(
    '0000000000000000000000bd0000000102f975f18a0000000000020000018bcfe568000000018bcfe56800ffffffffffffffffffffffffffff000000033a000000012e010c00116d657461646174612e76657273696f6e0019000046000002013a010200097061796d656e7473cbfa032f38064880a36af2d408d38bfe0000900100000401820101030100000000cbfa032f38064880a36af2d408d38bfe020000000102000000010101ffffffff00000000000000000249d914665a7c44bf89164e8c749b13960000',
  )
  expect(new RecordBatch(batch).isValid()).toBe(true)
})

test('a partition is written with its directories, and with version 2 only when it has eligible leader replicas', () => {
  expect(encodeMetadataRecord(LED)[2]).toBe(1)
  const withElr: PartitionRecord = { ...LED, isr: [], eligibleLeaderReplicas: [1], lastKnownElr: [1] }
  expect(encodeMetadataRecord(withElr)[2]).toBe(2)
  expect(decodeMetadataRecord(encodeMetadataRecord(withElr))).toEqual(withElr)
})

test('a partition of version 0 has no directories', () => {
  expect(decodeMetadataRecord(encodeMetadataRecord(LED, 0))).toEqual({ ...LED, directories: [] })
})

test('a change carries only what changed', () => {
  const change: PartitionChangeRecord = { type: 'PartitionChange', partition: 3, topicId: TOPIC_ID, leader: 1 }
  const bytes = encodeMetadataRecord(change)
  expect(bytes.toString('hex')).toBe('01050000000003cbfa032f38064880a36af2d408d38bfe01010400000001')
  expect(decodeMetadataRecord(bytes)).toEqual(change)
  expect(encodeMetadataRecord({ ...change, directories: [DIRECTORY_ID] })[2]).toBe(1)
  expect(encodeMetadataRecord({ ...change, eligibleLeaderReplicas: [] })[2]).toBe(2)
})

test('unknown record types are kept with their number and version', () => {
  expect(decodeMetadataRecord(Buffer.from('01000301020304', 'hex'))).toEqual({ type: 'Unknown', apiKey: 0, version: 3 })
  expect(decodeMetadataRecord(Buffer.from('01ff7f00', 'hex'))).toEqual({ type: 'Unknown', apiKey: 16383, version: 0 })
})

test('tagged fields of a newer schema are passed over', () => {
  const withTag = Buffer.from('010900cbfa032f38064880a36af2d408d38bfe0109020000', 'hex')
  expect(decodeMetadataRecord(withTag)).toEqual({ type: 'RemoveTopic', topicId: TOPIC_ID })
})

test('a known record in a version that is not understood says so', () => {
  const newer = Buffer.from(VECTORS[4]![2], 'hex')
  newer[2] = 3
  expect(() => decodeMetadataRecord(newer)).toThrow(expect.objectContaining({ code: 'UNSUPPORTED' }))
  expect(() => decodeMetadataRecord(Buffer.from('020c00', 'hex'))).toThrow(/frame version 2/)
})

test('bytes behind a record, a cut one and a missing value are damage', () => {
  const bytes = encodeMetadataRecord(TOPIC)
  const corrupt = expect.objectContaining({ code: 'CORRUPT_BATCH' })
  expect(() => decodeMetadataRecord(Buffer.concat([bytes, Buffer.from([0])]))).toThrow(corrupt)
  for (let end = 0; end < bytes.length; end++)
    expect(() => decodeMetadataRecord(bytes.subarray(0, end))).toThrow(corrupt)
  expect(() => decodeMetadataRecord(null)).toThrow(corrupt)
})

test('whatever is written reads back', () => {
  const seed = 20_261_124
  const random = seededRandom(seed)
  const below = (limit: number) => Math.floor(random() * limit)
  const text = () => Array.from({ length: below(200) }, () => String.fromCodePoint(32 + below(0x2000))).join('')
  const ids = () => Array.from({ length: below(5) }, () => below(100) - 1)
  const id = () => Buffer.from(Array.from({ length: 16 }, () => below(256))).toString('base64url')
  const maybe = <T>(value: T): T | undefined => (random() < 0.5 ? value : undefined)
  const makers: (() => Known)[] = [
    () => ({ type: 'FeatureLevel', name: text(), level: below(30) }),
    () => ({ type: 'Topic', name: text(), topicId: id() }),
    () => ({
      type: 'Config',
      resourceType: below(100),
      resourceName: text(),
      name: text(),
      value: maybe(text()) ?? null,
    }),
    () => ({ type: 'ProducerIds', brokerId: below(9), brokerEpoch: below(2 ** 50), nextProducerId: below(2 ** 50) }),
    () => ({ type: 'NoOp' }),
    () => ({ type: 'BeginTransaction', name: maybe(text()) ?? null }),
    () => ({ type: 'AbortTransaction', reason: maybe(text()) ?? null }),
    () => ({ type: 'EndTransaction' }),
    () => ({ type: 'ClearElr', topic: text() }),
    () => ({
      ...LED,
      partition: below(10_000),
      topicId: id(),
      replicas: ids(),
      isr: ids(),
      removingReplicas: ids(),
      addingReplicas: ids(),
      leader: below(9) - 1,
      leaderRecoveryState: below(2),
      leaderEpoch: below(2 ** 31),
      partitionEpoch: below(2 ** 31),
      directories: Array.from({ length: below(3) }, id),
      eligibleLeaderReplicas: ids(),
      lastKnownElr: ids(),
    }),
    () => ({
      type: 'PartitionChange',
      partition: below(10_000),
      topicId: id(),
      isr: maybe(ids()),
      leader: maybe(below(9) - 1),
      replicas: maybe(ids()),
      removingReplicas: maybe(ids()),
      addingReplicas: maybe(ids()),
      leaderRecoveryState: maybe(below(2)),
      directories: maybe(Array.from({ length: below(3) }, id)),
      eligibleLeaderReplicas: maybe(ids()),
      lastKnownElr: maybe(ids()),
    }),
  ]
  for (let round = 0; round < 3000; round++) {
    const record = makers[below(makers.length)]!()
    expect(decodeMetadataRecord(encodeMetadataRecord(record)), `seed ${seed}, round ${round}`).toEqual(record)
  }
})

test('damaged bytes never end in anything but a TidemarkError', () => {
  const seed = 848
  const random = seededRandom(seed)
  for (let round = 0; round < 20_000; round++) {
    const bytes = Buffer.from(VECTORS[Math.floor(random() * VECTORS.length)]![2], 'hex')
    for (let flips = 1 + Math.floor(random() * 3); flips > 0; flips--)
      bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256)
    const cut = random() < 0.3 ? bytes.subarray(0, Math.floor(random() * bytes.length)) : bytes
    try {
      decodeMetadataRecord(cut)
    } catch (error) {
      expect(error, `seed ${seed}, round ${round}, ${cut.toString('hex')}`).toBeInstanceOf(TidemarkError)
    }
  }
})
