import { expect, test } from 'vitest'
import {
  type CommittedPosition,
  checkResetMetadata,
  parseResetMetadata,
  partitionsOfReset,
  resetMetadata,
} from '../../../sdk/offsets/reset-metadata.ts'

const place = { topic: 't', partition: 0 }

test('what was before is kept as JSON, and read back', () => {
  const before = { offset: 40, leaderEpoch: 3, metadata: 'm' }
  expect(resetMetadata(before)).toBe('{"tidemark":"reset","before":{"offset":40,"leaderEpoch":3,"metadata":"m"}}')
  expect(resetMetadata(null)).toBe('{"tidemark":"reset","before":null}')
  expect(parseResetMetadata(resetMetadata(before))).toEqual(before)
  expect(parseResetMetadata(resetMetadata(null))).toBeNull()
})

test('a reset of several partitions says of how many, also where it is nested in another', () => {
  const before = { offset: 40, leaderEpoch: 3, metadata: '' }
  const metadata = resetMetadata(before, 3)
  expect(metadata).toBe('{"tidemark":"reset","of":3,"before":{"offset":40,"leaderEpoch":3,"metadata":""}}')
  expect(partitionsOfReset(metadata)).toBe(3)
  expect(parseResetMetadata(metadata)).toEqual(before)
  const first = { offset: 5, leaderEpoch: 0, metadata }
  expect(parseResetMetadata(resetMetadata(first, 2))).toEqual(first)
  expect([partitionsOfReset(resetMetadata(before)), partitionsOfReset('mine')]).toEqual([1, 0])
})

test.each([
  '',
  'mine',
  '{',
  '{"tidemark":"reset"',
  'null',
  '[]',
  '{"a":1}',
  '{"tidemark":"other","before":null}',
  '{"tidemark":"reset"}',
  '{"tidemark":"reset","before":7}',
  '{"tidemark":"reset","before":{}}',
  '{"tidemark":"reset","before":{"offset":-1,"leaderEpoch":0,"metadata":""}}',
  '{"tidemark":"reset","before":{"offset":1.5,"leaderEpoch":0,"metadata":""}}',
  '{"tidemark":"reset","before":{"offset":1,"leaderEpoch":-2,"metadata":""}}',
  '{"tidemark":"reset","before":{"offset":1,"leaderEpoch":0}}',
])('%s was written by no reset, and comes back through one byte for byte', (metadata) => {
  expect(parseResetMetadata(metadata)).toBeUndefined()
  const before = { offset: 7, leaderEpoch: -1, metadata }
  expect(parseResetMetadata(resetMetadata(before))).toEqual(before)
})

test('metadata that merely looks like a reset of ours comes back byte for byte', () => {
  for (const metadata of [
    '{"tidemark":"reset","before":null }',
    '{"before":null,"tidemark":"reset"}',
    '{"tidemark":"reset","before":null,"by":"me"}',
    '{"tidemark":"reset","of":1,"before":null}',
    '{"tidemark":"reset","before":null,"of":2}',
    '{"tidemark":"reset","before":{"offset":1,"leaderEpoch":0,"metadata":"","x":1e3}}',
    '{"tidemark":"reset","before":{"offset":1,"leaderEpoch":0,"metadata":"\\u0041"}}',
    '"\\\u2028é😀',
  ]) {
    const before = { offset: 7, leaderEpoch: 0, metadata }
    expect(parseResetMetadata(resetMetadata(before)), metadata).toEqual(before)
  }
})

test('fifty resets in a row fit into one commit, and every one of them can be read back', () => {
  const positions: CommittedPosition[] = [{ offset: 123_456, leaderEpoch: 2, metadata: 'the "first"' }]
  for (let n = 1; n <= 50; n++) {
    positions.push({ offset: n * 1000, leaderEpoch: n, metadata: resetMetadata(positions.at(-1)!) })
  }
  expect(positions.at(-1)!.metadata.length).toBeLessThanOrEqual(4096)
  for (let n = 50; n > 0; n--) expect(parseResetMetadata(positions[n]!.metadata)).toEqual(positions[n - 1])
})

test('what does not fit is refused instead of lost; 4,096 UTF-16 units are allowed', () => {
  const empty = resetMetadata({ offset: 1, leaderEpoch: -1, metadata: '' }).length
  const fits = resetMetadata({ offset: 1, leaderEpoch: -1, metadata: 'é'.repeat(4096 - empty) })
  checkResetMetadata(fits, place)
  const tooLong = resetMetadata({ offset: 1, leaderEpoch: -1, metadata: 'é'.repeat(4097 - empty) })
  expect(() => checkResetMetadata(tooLong, place)).toThrow(/t-0 .*does not fit.*\n.*undo earlier resets/s)
})
