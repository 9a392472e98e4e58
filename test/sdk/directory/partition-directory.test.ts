import { expect, test } from 'vitest'
import {
  deletedName,
  parsePartitionDirectory,
  partitionDirectoryName,
  readPartitionMetadata,
  writePartitionMetadata,
} from '../../../sdk/directory/partition-directory.ts'
import { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'

const HEX = '0123456789abcdef0123456789abcdef'

test.each([
  ['payments-0', 'payments', 0, 'live'],
  ['a-b-c-12', 'a-b-c', 12, 'live'],
  ['a--3', 'a-', 3, 'live'],
  ['__cluster_metadata-0', '__cluster_metadata', 0, 'live'],
  [`x.${HEX}-delete-0`, `x.${HEX}-delete`, 0, 'live'],
  [`payments-0.${HEX}-delete`, 'payments', 0, 'delete'],
  [`a-b-4.${HEX}-stray`, 'a-b', 4, 'stray'],
  [`payments-0.${HEX}-future`, 'payments', 0, 'future'],
])('%s is %s, partition %i, %s', (name, topic, partition, kind) => {
  expect(parsePartitionDirectory(name)).toEqual({ topic, partition, kind })
})

test.each([
  'payments',
  '-0',
  'payments-',
  'payments-x',
  'payments-00',
  'payments-01',
  'payments--1x',
  'payments-99999999999',
  'lost+found',
  '.lock',
  `payments-0.${HEX}-deleted`,
])('%s is no partition', (name) => {
  expect(parsePartitionDirectory(name)).toBeUndefined()
})

test('the name of a deleted partition is read back, and one of a long topic is cut to what disks take', () => {
  const { random } = new MemoryEnvironment()
  expect(parsePartitionDirectory(deletedName('payments', 3, random))).toEqual({
    topic: 'payments',
    partition: 3,
    kind: 'delete',
  })
  const long = deletedName('t'.repeat(249), 11, random)
  expect(long).toHaveLength(255)
  expect(parsePartitionDirectory(long)).toMatchObject({ partition: 11, kind: 'delete' })
  expect(partitionDirectoryName('t'.repeat(249), 99_999)).toHaveLength(255)
})

test('partition.metadata is written as Kafka writes it, whole or not at all, and read back', () => {
  const environment = new MemoryEnvironment()
  const { files } = environment
  files.makeDirectory('/p-0')
  files.syncDirectory('/')
  expect(readPartitionMetadata(files, '/p-0')).toBeUndefined()
  writePartitionMetadata(files, '/p-0', 'y_oDLzgGSICjavLUCNOL_g')
  const bytes = Buffer.alloc(100)
  const length = files.open('/p-0/partition.metadata', { write: false }).read(bytes, 0)
  expect(bytes.toString('utf8', 0, length)).toBe('version: 0\ntopic_id: y_oDLzgGSICjavLUCNOL_g')
  for (const seed of [1, 2, 3, 4]) {
    const { files: after } = environment.crash({ keepUnsynced: seed, reorder: true })
    expect([undefined, 'y_oDLzgGSICjavLUCNOL_g']).toContain(readPartitionMetadata(after, '/p-0'))
  }
  files.syncDirectory('/p-0')
  expect(readPartitionMetadata(environment.crash().files, '/p-0')).toBe('y_oDLzgGSICjavLUCNOL_g')
  files.open('/p-0/partition.metadata', { write: true }).truncate(20)
  expect(() => readPartitionMetadata(files, '/p-0')).toThrow(expect.objectContaining({ code: 'STORAGE_ERROR' }))
})
