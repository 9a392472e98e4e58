import { expect, test } from 'vitest'
import { murmur2 } from '../../../sdk/topic/murmur2.ts'

test('hashes are those of Kafka’s producer', () => {
  const vectors: [string, number][] = [
    ['21', -973932308],
    ['foobar', -790332482],
    ['abc', 479470107],
    ['', 275646681],
    ['a-little-bit-long-string', -985981536],
    ['key-1', 193331640],
  ]
  for (const [text, hash] of vectors) expect(murmur2(Buffer.from(text)), text).toBe(hash)
})

test('a view into a larger buffer hashes like its own bytes', () => {
  expect(murmur2(Buffer.from('xxfoobarxx').subarray(2, 8))).toBe(-790332482)
})
