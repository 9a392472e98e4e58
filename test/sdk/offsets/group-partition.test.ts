import { expect, test } from 'vitest'
import { groupPartition, javaHash } from '../../../sdk/offsets/group-partition.ts'

test('hashes are Java’s, over UTF-16 units', () => {
  const vectors: [string, number][] = [
    ['billing', -109829509],
    ['', 0],
    ['a', 97],
    ['orders-service', 23943117],
    ['группа', 1749938458],
    ['polygenelubricants', -2147483648],
    ['my-group', -1906497762],
  ]
  for (const [text, hash] of vectors) expect(javaHash(text), text).toBe(hash)
})

test('groups are in the partitions Kafka puts them in', () => {
  const vectors: [string, number][] = [
    ['billing', 9],
    ['', 0],
    ['a', 47],
    ['orders-service', 17],
    ['группа', 8],
    ['polygenelubricants', 0],
    ['test', 48],
    ['my-group', 12],
    ['grüße', 23],
    ['😀', 49],
  ]
  for (const [group, partition] of vectors) expect(groupPartition(group), group).toBe(partition)
})

test('another number of partitions counts where the topic has it', () => {
  expect(groupPartition('billing', 1)).toBe(0)
  expect(groupPartition('a', 10)).toBe(7)
})
