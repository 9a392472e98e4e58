import { expect, test } from 'vitest'
import { Partitioner, partitionOfKey, STICKY_BYTES } from '../../../sdk/topic/partitioner.ts'

/** A partitioner whose random numbers are `numbers`, one after the other. */
function createPartitioner(numbers: number[]): Partitioner {
  return new Partitioner({ number: () => numbers.shift() ?? 0 })
}

test('a key always goes to (hash & 0x7fffffff) mod n, even with a negative hash and a partition count that is no power of two', () => {
  // −973932308 & 0x7fffffff = 1173551340
  expect(partitionOfKey(Buffer.from('21'), 7)).toBe(1173551340 % 7)
  expect(createPartitioner([]).partition(Buffer.from('21'), 10, 7)).toBe(1173551340 % 7)
  expect(partitionOfKey(Buffer.from('abc'), 3)).toBe(479470107 % 3)
  expect(partitionOfKey(Buffer.alloc(0), 5)).toBe(275646681 % 5)
})

test('records without a key stick to a partition until 16,384 bytes went there', () => {
  const partitioner = createPartitioner([0.5, 0.99, 0.1])
  const seen: number[] = []
  for (let sent = 0; sent < 3 * STICKY_BYTES; sent += 4096) seen.push(partitioner.partition(null, 4096, 10))
  expect(seen).toEqual([5, 5, 5, 5, 9, 9, 9, 9, 1, 1, 1, 1])
})

test('records with a key neither move the sticky partition nor count for it', () => {
  const partitioner = createPartitioner([0.5, 0.2])
  expect(partitioner.partition(null, STICKY_BYTES - 1, 10)).toBe(5)
  partitioner.partition(Buffer.from('k'), STICKY_BYTES, 10)
  expect(partitioner.partition(null, 1, 10)).toBe(5)
  expect(partitioner.partition(null, 1, 10)).toBe(2)
})

test('the sticky partition is chosen anew when the topic has become smaller (deleted and created again)', () => {
  const partitioner = createPartitioner([0.95, 0.5])
  expect(partitioner.partition(null, 1, 10)).toBe(9)
  expect(partitioner.partition(null, 1, 3)).toBe(1)
})
