import { expect, test } from 'vitest'
import { classicGroupRecord } from '../../../sdk/offsets/classic-group-record.ts'
import { type CoordinatorRecord, encodeCoordinatorBatch } from '../../../sdk/offsets/coordinator-record.ts'
import { offsetCommitRecord, offsetTombstone } from '../../../sdk/offsets/offset-commit-record.ts'
import { OffsetsTable } from '../../../sdk/offsets/offsets-table.ts'
import { encodeBatch } from '../../../sdk/record/batch-builder.ts'
import { stampBatch } from '../../../sdk/record/batch-stamp.ts'
import { RecordBatch } from '../../../sdk/record/record-batch.ts'
import { encodeControlRecord } from '../../../sdk/topic/control-record.ts'
import { seededRandom } from '../../support/seeded-random.ts'

const TOPIC_ID = 'y_oDLzgGSICjavLUCNOL_g'
const OTHER_ID = 'oZqPUgZBQnG0GvZ1c3xP3Q'

/** A commit of group `g` to partition 0 of `t`, unless told otherwise. */
function commit(
  offset: number,
  place: { group?: string; topic?: string; partition?: number; topicId?: string | null } = {},
): CoordinatorRecord {
  const { group = 'g', topic = 't', partition = 0, topicId = TOPIC_ID } = place
  return offsetCommitRecord(
    { group, topic, partition },
    { offset, leaderEpoch: 0, metadata: `m${offset}`, commitTimestampMs: 1000 + offset, topicId },
  )
}

/** A table that replays one record after the other into partition 7, their offsets counting up from 0. */
function createLog(): { table: OffsetsTable; append: (record: CoordinatorRecord, producerId?: number) => void } {
  const table = new OffsetsTable()
  let logOffset = 0
  return {
    table,
    append: (record, producerId = -1) =>
      table.replay(record, { offsetsPartition: 7, producerId, logOffset: logOffset++ }),
  }
}

test('the last commit counts, with everything it said', () => {
  const { table, append } = createLog()
  append(commit(5))
  append(commit(9))
  append(commit(7))
  expect(table.get('g', 't', 0)).toEqual({
    topic: 't',
    partition: 0,
    offset: 7,
    leaderEpoch: 0,
    metadata: 'm7',
    commitTimestampMs: 1007,
    expireTimestampMs: null,
    topicId: TOPIC_ID,
    logOffset: 2,
  })
  expect(table.get('g', 't', 1)).toBeUndefined()
  expect(table.get('other', 't', 0)).toBeUndefined()
})

test('groups and their partitions are listed, the partitions by topic and number', () => {
  const { table, append } = createLog()
  for (const [topic, partition] of [
    ['b', 1],
    ['b', 0],
    ['a', 10],
    ['a', 9],
  ] as const)
    append(commit(1, { topic, partition }))
  append(commit(1, { group: 'h' }))
  expect(table.groups().sort()).toEqual(['g', 'h'])
  expect(table.partitionsOf('g').map(({ topic, partition }) => `${topic}-${partition}`)).toEqual([
    'a-9',
    'a-10',
    'b-0',
    'b-1',
  ])
  expect(table.partitionsOf('nobody')).toEqual([])
})

test('a tombstone forgets the commit, and the last one the group', () => {
  const { table, append } = createLog()
  append(commit(5))
  append(offsetTombstone('g', 't', 0))
  append(offsetTombstone('g', 't', 0))
  expect(table.get('g', 't', 0)).toBeUndefined()
  expect([table.groups(), table.hasGroup('g')]).toEqual([[], false])
})

test('records of other kinds, known or not, are passed over', () => {
  const { table, append } = createLog()
  append(classicGroupRecord('g', null))
  append({ key: Buffer.from('00050002673100046d656d41', 'hex'), value: Buffer.from('ffff', 'hex') })
  append({ key: Buffer.from('00ff', 'hex'), value: Buffer.from('00', 'hex') })
  expect(table.groups()).toEqual([])
})

test('a commit in a transaction waits for its marker', () => {
  const { table, append } = createLog()
  append(commit(5))
  append(commit(9), 42)
  expect([table.get('g', 't', 0)?.offset, table.pendingFor('g', 't', 0), table.pendingFor('g', 't', 1)]).toEqual([
    5,
    true,
    false,
  ])
  table.replayMarker(7, 42, 'commit')
  expect([table.get('g', 't', 0)?.offset, table.pendingFor('g', 't', 0)]).toEqual([9, false])
})

test('an aborted transaction’s commit never counts', () => {
  const { table, append } = createLog()
  append(commit(9, { group: 'h' }), 42)
  expect(table.groups()).toEqual(['h'])
  table.replayMarker(7, 42, 'abort')
  expect([table.groups(), table.hasGroup('h')]).toEqual([[], false])
})

test('an ordinary commit between a transactional one and its marker wins, since it stands later in the log', () => {
  const { table, append } = createLog()
  append(commit(9), 42)
  append(commit(5))
  table.replayMarker(7, 42, 'commit')
  expect(table.get('g', 't', 0)?.offset).toBe(5)
})

test('a marker ends a transaction only in its own partition of the offsets topic', () => {
  const table = new OffsetsTable()
  table.replay(commit(1, { group: 'g' }), { offsetsPartition: 3, producerId: 42, logOffset: 0 })
  table.replay(commit(2, { group: 'h' }), { offsetsPartition: 4, producerId: 42, logOffset: 0 })
  table.replayMarker(3, 42, 'commit')
  expect(table.get('g', 't', 0)?.offset).toBe(1)
  expect(table.get('h', 't', 0)).toBeUndefined()
  table.replayMarker(4, 42, 'abort')
  expect(table.hasGroup('h')).toBe(false)
})

test('a tombstone also forgets what is pending', () => {
  const { table, append } = createLog()
  append(commit(9), 42)
  append(offsetTombstone('g', 't', 0))
  table.replayMarker(7, 42, 'commit')
  expect(table.get('g', 't', 0)).toBeUndefined()
})

test('batches are replayed with their producer and their markers', () => {
  const table = new OffsetsTable()
  const replay = (bytes: Buffer, baseOffset: number) => {
    stampBatch(bytes, { baseOffset, partitionLeaderEpoch: 0 })
    table.replayBatch(7, new RecordBatch(bytes))
  }
  const marker = { ...encodeControlRecord({ type: 'Commit', coordinatorEpoch: 0 }), timestampMs: 1 }
  replay(encodeCoordinatorBatch([commit(1), commit(2, { partition: 1 })], 1), 0)
  replay(encodeBatch([commit(8)], { producerId: 42, producerEpoch: 0, baseSequence: 0, isTransactional: true }), 2)
  expect(table.get('g', 't', 0)?.offset).toBe(1)
  replay(encodeBatch([marker], { producerId: 42, producerEpoch: 0, isTransactional: true, isControl: true }), 3)
  expect(table.partitionsOf('g').map(({ offset, logOffset }) => [offset, logOffset])).toEqual([
    [8, 2],
    [2, 1],
  ])
})

test('deleting a topic asks for tombstones of its commits, pending ones too, but not of another topic’s with that name', () => {
  const { table, append } = createLog()
  append(commit(1))
  append(commit(1, { partition: 1, topicId: null }))
  append(commit(1, { partition: 2, topicId: OTHER_ID }))
  append(commit(1, { topic: 'u' }))
  append(commit(1, { group: 'h' }), 42)
  const tombstones = table.tombstonesOfTopic('t', TOPIC_ID)
  expect(tombstones).toEqual([
    { group: 'g', records: [offsetTombstone('g', 't', 0), offsetTombstone('g', 't', 1)] },
    { group: 'h', records: [offsetTombstone('h', 't', 0)] },
  ])
  for (const { records } of tombstones) for (const record of records) append(record)
  table.replayMarker(7, 42, 'commit')
  expect(table.partitionsOf('g').map(({ topic, partition }) => `${topic}-${partition}`)).toEqual(['t-2', 'u-0'])
  expect(table.hasGroup('h')).toBe(false)
})

test('deleting a group asks for a tombstone of each of its commits, pending ones too', () => {
  const { table, append } = createLog()
  append(commit(1))
  append(commit(2), 42)
  append(commit(2, { topic: 'u' }), 42)
  append(commit(1, { group: 'h' }))
  expect(table.tombstonesOfGroup('g')).toEqual([offsetTombstone('g', 't', 0), offsetTombstone('g', 'u', 0)])
})

test('replaying the same log again gives the same table', () => {
  const seed = 1
  const random = seededRandom(seed)
  const below = (limit: number) => Math.floor(random() * limit)
  const steps = Array.from({ length: 2000 }, (_, logOffset) => {
    const [group, partition, producerId] = [`g${below(3)}`, below(3), random() < 0.3 ? below(2) : -1]
    const kind = random()
    return (table: OffsetsTable) => {
      if (kind < 0.1) table.replayMarker(7, Math.max(0, producerId), kind < 0.05 ? 'commit' : 'abort')
      else if (kind < 0.2)
        table.replay(offsetTombstone(group, 't', partition), { offsetsPartition: 7, producerId: -1, logOffset })
      else table.replay(commit(logOffset, { group, partition }), { offsetsPartition: 7, producerId, logOffset })
    }
  })
  const [first, second] = [new OffsetsTable(), new OffsetsTable()]
  for (const step of steps) step(first)
  for (const step of steps) step(second)
  const content = (table: OffsetsTable) =>
    table
      .groups()
      .sort()
      .map((group) => [group, table.partitionsOf(group)])
  expect(content(second), `seed ${seed}`).toEqual(content(first))
})
