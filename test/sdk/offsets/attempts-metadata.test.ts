import { expect, test } from 'vitest'
import {
  ATTEMPTS_METADATA_MAX_LENGTH,
  attemptsMetadata,
  parseAttemptsMetadata,
} from '../../../sdk/offsets/attempts-metadata.ts'
import { checkResetMetadata, parseResetMetadata, resetMetadata } from '../../../sdk/offsets/reset-metadata.ts'

test('attempts come back from the text as they were', () => {
  const attempts = new Map([
    [1900, { count: 1, hasFailed: false }],
    [1851, { count: 2, hasFailed: true }],
    [1860, { count: 1, hasFailed: true }],
  ])
  expect(attemptsMetadata(attempts)).toBe('{"tidemark":"attempts","of":{"1851":2,"1860":1,"1900":-1}}')
  expect(parseAttemptsMetadata(attemptsMetadata(attempts))).toEqual(attempts)
})

test('where nothing is tried again nothing is written', () => {
  expect(attemptsMetadata(new Map())).toBe('')
})

test('of more records than fit, those under way and those with the most attempts are kept', () => {
  const noted = (n: number) => ({ count: n === 4_321 ? 9 : 1, hasFailed: n !== 4_500 })
  const attempts = new Map(Array.from({ length: 5_000 }, (_, n) => [1_000_000_000 + n, noted(n)]))
  const metadata = attemptsMetadata(attempts)
  expect(metadata.length).toBeLessThanOrEqual(ATTEMPTS_METADATA_MAX_LENGTH)
  const kept = parseAttemptsMetadata(metadata)
  expect(kept.get(1_000_004_321)?.count).toBe(9)
  expect(kept.get(1_000_004_500)).toEqual({ count: 1, hasFailed: false })
  expect(kept.size).toBeGreaterThan(100)
})

test('a reset has room for the fullest text, twice in a row', () => {
  const metadata = attemptsMetadata(
    new Map(Array.from({ length: 5_000 }, (_, n) => [n, { count: 12, hasFailed: false }])),
  )
  const place = { topic: 't', partition: 0 }
  const first = { offset: 5, leaderEpoch: 0, metadata: resetMetadata({ offset: 17, leaderEpoch: 3, metadata }) }
  const second = resetMetadata(first)
  for (const each of [first.metadata, second]) checkResetMetadata(each, place)
  expect(parseResetMetadata(second)).toEqual(first)
  expect(parseResetMetadata(first.metadata)?.metadata).toBe(metadata)
})

test.each([
  '',
  'worker 3',
  '{',
  '{"tidemark":"reset","before":null}',
  '{"tidemark":"attempts"}',
  '{"tidemark":"attempts","of":null}',
  '{"tidemark":"attempts","of":{"x":2,"-1":3,"5":0,"6":"2","7":1.5,"8":-0.5}}',
  'null',
])('%j tells of no attempts', (metadata) => {
  expect(parseAttemptsMetadata(metadata).size).toBe(0)
})
