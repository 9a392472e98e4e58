import { expect, test } from 'vitest'
import { CommitHistory, type CommitHistoryOptions } from '../../../sdk/offsets/commit-history.ts'
import { type CoordinatorRecord, encodeCoordinatorBatch } from '../../../sdk/offsets/coordinator-record.ts'
import { offsetCommitRecord, offsetTombstone } from '../../../sdk/offsets/offset-commit-record.ts'
import { encodeBatch } from '../../../sdk/record/batch-builder.ts'
import { stampBatch } from '../../../sdk/record/batch-stamp.ts'
import { RecordBatch } from '../../../sdk/record/record-batch.ts'
import { encodeControlRecord } from '../../../sdk/topic/control-record.ts'

function commit(offset: number, place: { group?: string; topic?: string; partition?: number } = {}): CoordinatorRecord {
  const { group = 'g', topic = 't', partition = 0 } = place
  return offsetCommitRecord(
    { group, topic, partition },
    { offset, leaderEpoch: 4, metadata: `m${offset}`, commitTimestampMs: 1000 + offset, topicId: null },
  )
}

/** A history fed with batches whose offsets count up from 0. */
function createHistory(options?: CommitHistoryOptions) {
  const history = new CommitHistory(options)
  let baseOffset = 0
  const replay = (bytes: Buffer) => {
    stampBatch(bytes, { baseOffset, partitionLeaderEpoch: 0 })
    const batch = new RecordBatch(bytes)
    baseOffset = batch.nextOffset
    history.replayBatch(7, batch)
  }
  const marker = (type: 'Commit' | 'Abort') =>
    replay(
      encodeBatch([encodeControlRecord({ type, coordinatorEpoch: 0 })], {
        producerId: 42,
        isControl: true,
        isTransactional: true,
      }),
    )
  return {
    history,
    replay: (record: CoordinatorRecord, timestampMs = 1) => replay(encodeCoordinatorBatch([record], timestampMs)),
    replayInTransaction: (record: CoordinatorRecord) =>
      replay(encodeBatch([record], { producerId: 42, isTransactional: true })),
    marker,
    offsets: () => history.entries('g', 't', 0).map(({ offset }) => offset),
  }
}

test('commits and tombstones stand in a line, oldest first', () => {
  const { history, replay } = createHistory()
  replay(commit(5))
  replay(offsetTombstone('g', 't', 0), 99)
  replay(commit(2))
  expect(history.entries('g', 't', 0)).toEqual([
    { kind: 'commit', offset: 5, leaderEpoch: 4, timestampMs: 1005, metadata: 'm5', topicId: null, logOffset: 0 },
    { kind: 'tombstone', offset: null, timestampMs: 99, metadata: null, logOffset: 1 },
    { kind: 'commit', offset: 2, leaderEpoch: 4, timestampMs: 1002, metadata: 'm2', topicId: null, logOffset: 2 },
  ])
  expect(history.entries('g', 't', 1)).toEqual([])
})

test('every partition of a group has a line of its own', () => {
  const { history, replay } = createHistory()
  replay(commit(1, { partition: 1 }))
  replay(commit(2, { topic: 'u' }))
  replay(commit(3, { group: 'h' }))
  expect(Array.from(history.partitionsOf('g'), ({ topic, partition }) => `${topic}-${partition}`)).toEqual([
    't-1',
    'u-0',
  ])
})

test('a transaction’s commits appear when it is committed, and never when it is aborted', () => {
  const { replayInTransaction, marker, offsets } = createHistory()
  replayInTransaction(commit(5))
  expect(offsets()).toEqual([])
  marker('Commit')
  expect(offsets()).toEqual([5])
  replayInTransaction(commit(9))
  marker('Abort')
  expect(offsets()).toEqual([5])
})

test('only what was asked for is kept, and only so much of it', () => {
  const { history, replay, offsets } = createHistory({ group: 'g', topic: 't', keepNewest: 2 })
  for (const offset of [1, 2, 3]) replay(commit(offset))
  replay(commit(4, { group: 'h' }))
  replay(commit(5, { topic: 'u' }))
  expect(offsets()).toEqual([2, 3])
  expect([history.entries('h', 't', 0), history.entries('g', 'u', 0)]).toEqual([[], []])
})
