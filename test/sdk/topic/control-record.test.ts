import { expect, test } from 'vitest'
import { TidemarkError } from '../../../sdk/errors.ts'
import { RecordBatch } from '../../../sdk/record/record-batch.ts'
import { type ControlRecord, decodeControlRecord, encodeControlRecord } from '../../../sdk/topic/control-record.ts'
import { decodeControlBatch, encodeControlBatch } from '../../../sdk/topic/metadata-batch.ts'
import { seededRandom } from '../../support/seeded-random.ts'

type Known = Exclude<ControlRecord, { type: 'Unknown' }>

const DIRECTORY_ID = 'SdkUZlp8RL-JFk6MdJsTlg'
const VOTERS: Known = {
  type: 'KRaftVoters',
  voters: [
    {
      id: 1,
      directoryId: DIRECTORY_ID,
      endpoints: [{ name: 'CONTROLLER', host: 'localhost', port: 9093 }],
      minVersion: 0,
      maxVersion: 1,
    },
  ],
}
const RECORDS: Known[] = [
  { type: 'Abort', coordinatorEpoch: 3 },
  { type: 'Commit', coordinatorEpoch: 0 },
  {
    type: 'LeaderChange',
    leaderId: 1,
    voters: [{ id: 1, directoryId: null }],
    grantingVoters: [{ id: 1, directoryId: null }],
  },
  { type: 'LeaderChange', leaderId: 1, voters: [{ id: 1, directoryId: DIRECTORY_ID }], grantingVoters: [] },
  { type: 'SnapshotHeader', lastContainedLogTimestampMs: 1_700_000_000_000 },
  { type: 'SnapshotFooter' },
  { type: 'KRaftVersion', level: 1 },
  VOTERS,
]

test('a leader change is Kafka’s, byte for byte', () => {
  const { key, value } = encodeControlRecord(RECORDS[2]!)
  expect(key.toString('hex')).toBe('00000002')
  expect(value.toString('hex')).toBe('00000000000102000000010002000000010000')
})

test('the header batch of a snapshot with voters is Kafka’s, byte for byte', () => {
  const batch = encodeControlBatch([RECORDS[4]!, RECORDS[6]!, VOTERS], 1_700_000_000_000, { partitionLeaderEpoch: 0 })
  expect(batch.toString('hex')).toBe(
    '00000000000000000000009a0000000002d58cea2b0020000000020000018bcfe568000000018bcfe56800ffffffffffffffffffffffffffff000000032a00000008000000031600000000018bcfe5680000001e00000208000000050a000000010000820100000408000000066e0000020000000149d914665a7c44bf89164e8c749b1396020b434f4e54524f4c4c45520a6c6f63616c686f73742385000000000100000000',
  )
})

test('the transaction marker Kafka wrote is read', () => {
  const marker =
    '0000000000000002000000420000000002f36ff2e1003000000000000001a20c1ae9cb000001a20c1ae9cb00000000000000050001ffffffff000000012000000008000000010c00000000000000'
  const batch = new RecordBatch(Buffer.from(marker, 'hex'))
  expect(decodeControlBatch(batch)).toEqual([{ type: 'Commit', coordinatorEpoch: 0 }])
})

test('every control record reads back', () => {
  for (const record of RECORDS) {
    const { key, value } = encodeControlRecord(record)
    expect(decodeControlRecord(key, value)).toEqual(record)
  }
})

test('control types that are not known are passed over, whatever their value', () => {
  expect(decodeControlRecord(Buffer.from('0000002a', 'hex'), Buffer.alloc(0))).toEqual({
    type: 'Unknown',
    controlType: 42,
  })
})

test('damaged control records never end in anything but a TidemarkError', () => {
  const seed = 11
  const random = seededRandom(seed)
  for (let round = 0; round < 10_000; round++) {
    const { key, value } = encodeControlRecord(RECORDS[Math.floor(random() * RECORDS.length)]!)
    const damaged = random() < 0.2 ? key : value
    damaged[Math.floor(random() * damaged.length)] = Math.floor(random() * 256)
    const cut = value.subarray(0, random() < 0.3 ? Math.floor(random() * value.length) : value.length)
    try {
      decodeControlRecord(random() < 0.01 ? null : key, cut)
    } catch (error) {
      expect(error, `seed ${seed}, round ${round}`).toBeInstanceOf(TidemarkError)
    }
  }
})
