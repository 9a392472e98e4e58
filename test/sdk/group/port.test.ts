import { expect, test } from 'vitest'
import type {
  ConsumerGroupDescribeRequest,
  ConsumerGroupDescribeResponse,
  ConsumerGroupHeartbeatRequest,
  ConsumerGroupHeartbeatResponse,
  ListGroupsRequest,
  ListGroupsResponse,
  OffsetCommitRequest,
  OffsetCommitResponse,
  OffsetDeleteRequest,
  OffsetFetchRequest,
  OffsetFetchResponse,
} from '../../../sdk/broker/broker.ts'
import { encodeCoordinatorBatch } from '../../../sdk/offsets/coordinator-record.ts'
import { encodeOffsetCommit, offsetCommitKey } from '../../../sdk/offsets/offset-commit-record.ts'
import { encodeBatch } from '../../../sdk/record/batch-builder.ts'
import { RecordBatch } from '../../../sdk/record/record-batch.ts'
import { encodeControlRecord } from '../../../sdk/topic/control-record.ts'
import { GroupMember, GroupWorld } from './support/group-world.ts'

/** Compiles only while the coordinator takes the port's requests and gives its answers as they are. */
interface GroupPort {
  heartbeat(request: ConsumerGroupHeartbeatRequest): ConsumerGroupHeartbeatResponse
  commit(request: OffsetCommitRequest): OffsetCommitResponse
  fetch(request: OffsetFetchRequest): OffsetFetchResponse
  deleteOffsets(request: OffsetDeleteRequest): void
  describe(request: ConsumerGroupDescribeRequest): ConsumerGroupDescribeResponse
  list(request: ListGroupsRequest): ListGroupsResponse
}

test('requests and answers are those of the port, so an owner hands them through', () => {
  const world = new GroupWorld()
  const port: GroupPort = world.coordinator
  expect(port.list({})).toEqual({ groups: [] })
})

test('batches replay as single records do, transactions included', () => {
  const world = new GroupWorld()
  world.createTopic('t', 1)
  const a = new GroupMember(world, 'a', { subscribedTopicNames: ['t'] })
  a.join()
  const { coordinator } = new GroupWorld()
  for (const { records } of world.batches) {
    coordinator.replayBatch(0, new RecordBatch(encodeCoordinatorBatch(records, world.wallMs)))
  }
  expect(coordinator.table.consumerGroups()).toEqual(world.coordinator.table.consumerGroups())

  const key = offsetCommitKey('g', 't', 0)
  const commit = {
    offset: 5,
    leaderEpoch: -1,
    metadata: '',
    commitTimestampMs: 1,
    expireTimestampMs: null,
    topicId: null,
  }
  const producer = { producerId: 9, producerEpoch: 0, baseSequence: 0, isTransactional: true }
  coordinator.replayBatch(0, new RecordBatch(encodeBatch([{ key, value: encodeOffsetCommit(commit) }], producer)))
  expect(coordinator.fetch({ group: 'g', partitions: null }).partitions).toEqual([])
  const marker = encodeControlRecord({ type: 'Commit', coordinatorEpoch: 0 })
  coordinator.replayBatch(0, new RecordBatch(encodeBatch([marker], { ...producer, isControl: true })))
  expect(coordinator.fetch({ group: 'g', partitions: null }).partitions).toMatchObject([{ offset: 5 }])
})
