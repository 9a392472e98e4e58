import { expect, test } from 'vitest'
import {
  planReset,
  type ResetPartition,
  type ResetTarget,
  resetCommits,
  resetMetadata,
} from '../../../sdk/inspect/reset-plan.ts'

function place(committed: number | null, logStartOffset = 10, logEndOffset = 100): ResetPartition {
  const before = committed === null ? null : { offset: committed, leaderEpoch: 3, metadata: 'm' }
  return { topic: 't', partition: 0, committed: before, logStartOffset, logEndOffset }
}

function change(target: ResetTarget, partition: ResetPartition) {
  return planReset('g', target, [partition]).changes[0]!
}

test('to earliest delivers again what was read and is still there', () => {
  expect(change('earliest', place(40))).toMatchObject({ after: 10, redelivered: 30, skipped: 0, isUnchanged: false })
})

test('to latest skips what was not read', () => {
  expect(change('latest', place(40))).toMatchObject({ after: 100, redelivered: 0, skipped: 60 })
})

test('a group that never committed has read nothing', () => {
  expect(change('earliest', place(null))).toMatchObject({ before: null, after: 10, redelivered: 0, skipped: 0 })
  expect(change('latest', place(null))).toMatchObject({ after: 100, redelivered: 0, skipped: 90 })
})

test('an offset outside the log becomes the nearest one inside, and says so', () => {
  expect(change({ offset: 500 }, place(40))).toMatchObject({ after: 100, outside: 500, skipped: 60 })
  expect(change({ offset: 3 }, place(40))).toMatchObject({ after: 10, outside: 3, redelivered: 30 })
  expect(change({ offset: 50 }, place(40))).toMatchObject({ after: 50, outside: null, skipped: 10 })
})

test('a commit outside the log counts only for what is inside', () => {
  expect(change('earliest', place(4))).toMatchObject({ after: 10, redelivered: 0, skipped: 0, isUnchanged: false })
  expect(change('earliest', place(140))).toMatchObject({ after: 10, redelivered: 90, skipped: 0 })
  expect(change('latest', place(140))).toMatchObject({ after: 100, redelivered: 0, skipped: 0, isUnchanged: false })
})

test('commits leave out what stays, have no epoch, and remember what was before', () => {
  const plan = planReset('g', { offset: 50 }, [
    place(50),
    { ...place(40), partition: 1 },
    { ...place(null), partition: 2 },
  ])
  expect(resetCommits(plan)).toEqual([
    {
      topic: 't',
      partition: 1,
      offset: 50,
      leaderEpoch: -1,
      metadata: '{"tidemark":"reset","before":{"offset":40,"leaderEpoch":3,"metadata":"m"}}',
    },
    { topic: 't', partition: 2, offset: 50, leaderEpoch: -1, metadata: '{"tidemark":"reset","before":null}' },
  ])
})

test('metadata never exceeds 4,096 UTF-16 units: the metadata of before goes first', () => {
  const rest = JSON.stringify({ tidemark: 'reset', before: { offset: 1, leaderEpoch: -1, metadata: '' } }).length
  const fits = resetMetadata({ offset: 1, leaderEpoch: -1, metadata: 'é'.repeat(4096 - rest) })
  expect(fits).toHaveLength(4096)
  const tooLong = resetMetadata({ offset: 1, leaderEpoch: -1, metadata: 'é'.repeat(4097 - rest) })
  expect(tooLong).toBe('{"tidemark":"reset","before":{"offset":1,"leaderEpoch":-1}}')
  // Characters that JSON escapes count as they are written.
  expect(resetMetadata({ offset: 1, leaderEpoch: -1, metadata: '"'.repeat(2100) }).length).toBeLessThanOrEqual(4096)
})
