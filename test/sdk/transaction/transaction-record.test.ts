import { expect, test } from 'vitest'
import {
  decodeTransaction,
  decodeTransactionKey,
  encodeTransaction,
  encodeTransactionKey,
  type Transaction,
} from '../../../sdk/transaction/transaction-record.ts'

/** As Kafka 4.3.1 wrote them, at transaction.version 2. */
const KEY = '00000005656e646564'
const VALUES = {
  Empty: '0001000000000000000000000000ea600000000001a20e47a298ffffffffffffffff0100080000000000000000',
  Ongoing:
    '0001000000000000000000000000ea6001020274020000000000000001a20e47a31f000001a20e47a31f020008000000000000000002020002',
  PrepareCommit:
    '0001000000000000000000010000ea6002020274020000000000000001a20e47a33b000001a20e47a31f020008000000000000000002020002',
  CompleteCommit: '0001000000000000000000010000ea600401000001a20e47a33e000001a20e47a31f020008000000000000000002020002',
  PrepareAbort:
    '0001000000000000000000030000ea6003020274020000000000000001a20e47a41c000001a20e47a413020008000000000000000002020002',
  CompleteAbort: '0001000000000000000000030000ea600501000001a20e47a41e000001a20e47a413020008000000000000000002020002',
} as const

test('what Kafka wrote is read, and written again with the same bytes', () => {
  expect(decodeTransactionKey(Buffer.from(KEY, 'hex'))).toBe('ended')
  expect(encodeTransactionKey('ended').toString('hex')).toBe(KEY)
  for (const [state, hex] of Object.entries(VALUES)) {
    const transaction = decodeTransaction(Buffer.from(hex, 'hex'))
    expect(transaction.state).toBe(state)
    expect(encodeTransaction(transaction, 1).toString('hex'), state).toBe(hex)
  }
  expect(decodeTransaction(Buffer.from(VALUES.PrepareCommit, 'hex'))).toEqual({
    producerId: 0,
    producerEpoch: 1,
    timeoutMs: 60_000,
    state: 'PrepareCommit',
    partitions: new Map([['t', [0]]]),
    lastUpdateTimestampMs: 0x1a20e47a33b,
    startTimestampMs: 0x1a20e47a31f,
    previousProducerId: 0,
    nextProducerId: -1,
    clientTransactionVersion: 2,
  })
})

test('version 0, before transaction.version 1, has no tags and comes back as it was', () => {
  const transaction: Transaction = {
    producerId: 7,
    producerEpoch: 3,
    timeoutMs: 1_000,
    state: 'Ongoing',
    partitions: new Map([
      ['a', [0, 2]],
      ['b', [1]],
    ]),
    lastUpdateTimestampMs: 2,
    startTimestampMs: 1,
    previousProducerId: -1,
    nextProducerId: -1,
    clientTransactionVersion: 0,
  }
  for (const version of [0, 1] as const) {
    const bytes = encodeTransaction(transaction, version)
    expect(bytes.readInt16BE(0)).toBe(version)
    expect(decodeTransaction(bytes)).toEqual(transaction)
  }
})

test('what is no transaction is told', () => {
  expect(() => decodeTransactionKey(null)).toThrow('no key')
  expect(decodeTransactionKey(Buffer.from('0009', 'hex'))).toBeUndefined()
  expect(() => decodeTransaction(Buffer.from('0002', 'hex'))).toThrow('a newer Kafka wrote it')
  const bytes = Buffer.from(VALUES.Ongoing, 'hex')
  for (let length = 2; length < bytes.length; length++) {
    expect(() => decodeTransaction(bytes.subarray(0, length)), `${length} bytes`).toThrow()
  }
  bytes[16] = 9
  expect(() => decodeTransaction(bytes)).toThrow('the state 9')
})
