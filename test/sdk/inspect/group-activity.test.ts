import { expect, test } from 'vitest'
import { encodeCurrentAssignment, MEMBER_STATE } from '../../../sdk/group/current-assignment-record.ts'
import { encodeGroupEpoch } from '../../../sdk/group/group-epoch-record.ts'
import { partitionId } from '../../../sdk/group/partition-id.ts'
import { GroupActivity } from '../../../sdk/inspect/group-activity.ts'
import { encodeCoordinatorBatch } from '../../../sdk/offsets/coordinator-record.ts'
import { encodeRecordKey, RECORD_TYPES } from '../../../sdk/offsets/record-key.ts'
import { stampBatch } from '../../../sdk/record/batch-stamp.ts'
import { RecordBatch } from '../../../sdk/record/record-batch.ts'

const TOPIC_ID = 'ioJY1WQMR2mpUturAYXWwA'

function held(...partitions: number[]) {
  const assigned = new Map(partitions.map((partition) => [partitionId(TOPIC_ID, partition), 1]))
  const state = MEMBER_STATE.stable
  return { memberEpoch: 1, previousMemberEpoch: 0, state, assigned, pendingRevocation: new Map() }
}

function createActivity() {
  const activity = new GroupActivity()
  let baseOffset = 0
  const replay = (timestampMs: number, key: Buffer, value: Buffer | null) => {
    const bytes = encodeCoordinatorBatch([{ key, value }], timestampMs)
    stampBatch(bytes, { baseOffset: baseOffset++, partitionLeaderEpoch: 0 })
    activity.replayBatch(new RecordBatch(bytes))
  }
  return {
    activity,
    /** The member has these partitions from now on; null: it left. */
    member(atMs: number, group: string, memberId: string, record: ReturnType<typeof held> | null) {
      const type = RECORD_TYPES.ConsumerGroupCurrentMemberAssignment
      const value = record && encodeCurrentAssignment(record)
      replay(atMs, encodeRecordKey({ kind: 'member', type, group, memberId }), value)
    },
    divided(atMs: number, group: string, epoch: number) {
      const type = RECORD_TYPES.ConsumerGroupMetadata
      replay(atMs, encodeRecordKey({ kind: 'group', type, group }), encodeGroupEpoch({ epoch, metadataHash: 0n }))
    },
  }
}

test('a partition is given up whenever a member leaves that holds it then', () => {
  const { activity, member } = createActivity()
  member(10, 'g', 'a', held(0, 1))
  member(11, 'g', 'b', held(2))
  member(20, 'g', 'a', held(0))
  member(30, 'g', 'a', null)
  member(40, 'g', 'c', held(0))
  member(50, 'g', 'c', null)
  member(60, 'g', 'b', null)
  // Whoever left already has nothing more to give up, and other groups are others.
  member(70, 'g', 'a', null)
  member(80, 'h', 'a', null)
  const { departures } = activity.of('g')
  expect(departures.map(({ atMs, partitions }) => [atMs, ...partitions])).toEqual([
    [30, partitionId(TOPIC_ID, 0)],
    [50, partitionId(TOPIC_ID, 0)],
    [60, partitionId(TOPIC_ID, 2)],
  ])
  expect(departures.map(({ fromLogOffset, toLogOffset }) => [fromLogOffset, toLogOffset])).toEqual([
    [0, 3],
    [4, 5],
    [1, 6],
  ])
  expect(activity.of('h').departures).toEqual([])
})

test('the last time that partitions were divided anew is known, if there was one', () => {
  const { activity, divided } = createActivity()
  divided(10, 'g', 1)
  divided(20, 'g', 2)
  expect(activity.of('g').dividedAtMs).toBe(20)
  expect(activity.of('nobody').dividedAtMs).toBeNull()
})
