/** Requests to a broker as tests want to write them. */
import type {
  Broker,
  ConsumerGroupHeartbeatRequest,
  ConsumerGroupHeartbeatResponse,
  FetchedPartition,
  FetchRequest,
  ListOffsetsRequest,
  OffsetCommitRequest,
  ProduceResponse,
} from '../../../sdk/broker/broker.ts'
import { fromPartitionError } from '../../../sdk/broker/partition-error.ts'
import { type BuildOptions, encodeBatch, type RecordInput } from '../../../sdk/record/batch-builder.ts'
import type { CodecName } from '../../../sdk/record/compression.ts'
import { RecordBatch } from '../../../sdk/record/record-batch.ts'

/** Before any test's now. */
const PAST_MS = 1_700_000_000_000

export type Produced = ProduceResponse['partitions'][number]

export async function create(
  broker: Broker,
  name: string,
  partitions = 1,
  configs: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { topicId, error } = (await broker.createTopics({ topics: [{ name, partitions, configs }] })).topics[0]!
  if (error !== null) throw fromPartitionError(error)
  return topicId!
}

export function batch(
  values: readonly (string | RecordInput)[],
  options: BuildOptions & { readonly codec?: CodecName } = {},
): Buffer {
  const records = values.map((value) => {
    return typeof value === 'string' ? { key: null, value: Buffer.from(value), timestampMs: PAST_MS } : value
  })
  return encodeBatch(records, options)
}

export async function produce(
  broker: Broker,
  topic: string,
  records: Buffer | string,
  partition = 0,
): Promise<Produced> {
  const bytes = typeof records === 'string' ? batch([records]) : records
  return (await broker.produce({ partitions: [{ topic, partition, records: bytes }] })).partitions[0]!
}

/** The offset of the first record; throws where the broker refuses. */
export async function send(broker: Broker, topic: string, records: Buffer | string, partition = 0): Promise<number> {
  const { error, baseOffset } = await produce(broker, topic, records, partition)
  if (error !== null) throw fromPartitionError(error, { topic, partition })
  return baseOffset
}

export async function fetch(
  broker: Broker,
  topic: string,
  options: Partial<FetchRequest> & {
    readonly offset?: number
    readonly partition?: number
    readonly partitionBytes?: number
  } = {},
): Promise<FetchedPartition> {
  const { offset: fetchOffset = 0, partition = 0, partitionBytes: maxBytes = 1_000_000, ...request } = options
  const partitions = [{ topic, partition, fetchOffset, maxBytes }]
  const answer = await broker.fetch({
    partitions,
    maxWaitMs: 0,
    minBytes: 1,
    maxBytes: 10_000_000,
    isolation: 'read_uncommitted',
    ...request,
  })
  return answer.partitions[0]!
}

export function batchesOf({ records }: Pick<FetchedPartition, 'records'>): RecordBatch[] {
  const bytes = Buffer.from(records.buffer, records.byteOffset, records.byteLength)
  const batches: RecordBatch[] = []
  for (let at = 0; at < bytes.length; ) {
    const found = new RecordBatch(bytes, at)
    found.checkValid({ topic: '?', partition: -1 })
    batches.push(found)
    at += found.sizeBytes
  }
  return batches
}

/** `offset=value` of every record. */
export function valuesOf(answer: Pick<FetchedPartition, 'records'>): string[] {
  return batchesOf(answer).flatMap((each) => each.records().map(({ offset, value }) => `${offset}=${value}`))
}

/** Everything from `offset` on, with as many fetches as it takes. */
export async function readAll(broker: Broker, topic: string, partition = 0, offset = 0): Promise<string[]> {
  const values: string[] = []
  for (let next = offset; ; ) {
    const answer = await fetch(broker, topic, { partition, offset: next })
    if (answer.error !== null) throw fromPartitionError(answer.error, { topic, partition, offset: next })
    const last = batchesOf(answer).at(-1)
    if (last === undefined) return values
    values.push(...valuesOf(answer))
    next = last.nextOffset
  }
}

export async function offsetAt(
  broker: Broker,
  topic: string,
  at: ListOffsetsRequest['partitions'][number]['at'],
  options: { readonly partition?: number; readonly isolation?: ListOffsetsRequest['isolation'] } = {},
) {
  const { partition = 0, isolation = 'read_uncommitted' } = options
  const {
    topic: _,
    partition: __,
    ...answer
  } = (await broker.listOffsets({ isolation, partitions: [{ topic, partition, at }] })).partitions[0]!
  return answer
}

export async function epochEnd(broker: Broker, topic: string, leaderEpoch: number, partition = 0) {
  const {
    topic: _,
    partition: __,
    ...answer
  } = (await broker.offsetForLeaderEpoch({ partitions: [{ topic, partition, leaderEpoch }] })).partitions[0]!
  return answer
}

type Commit = Partial<OffsetCommitRequest['offsets'][number]> & { readonly offset: number }

/** Throws the first refusal. */
export async function commit(
  broker: Broker,
  group: string,
  topic: string,
  offset: number | Commit,
  request: Partial<OffsetCommitRequest> = {},
): Promise<void> {
  const wanted = typeof offset === 'number' ? { offset } : offset
  const offsets = [{ topic, partition: 0, leaderEpoch: -1, metadata: '', ...wanted }]
  const { partitions } = await broker.offsetCommit({
    group,
    memberId: '',
    memberEpoch: -1,
    survives: 'power-loss',
    offsets,
    ...request,
  })
  for (const { error } of partitions) if (error !== null) throw fromPartitionError(error)
}

/** `topic-partition@offset` of everything the group has committed. */
export async function committed(broker: Broker, group: string): Promise<string[]> {
  const { partitions } = await broker.offsetFetch({ group, partitions: null })
  return partitions.map(({ topic, partition, offset }) => `${topic}-${partition}@${offset}`)
}

export async function beat(
  broker: Broker,
  group: string,
  memberId: string,
  request: Partial<ConsumerGroupHeartbeatRequest> = {},
): Promise<ConsumerGroupHeartbeatResponse> {
  return await broker.consumerGroupHeartbeat({
    group,
    memberId,
    memberEpoch: 0,
    clientId: 'test',
    clientHost: '/127.0.0.1',
    rebalanceTimeoutMs: 300_000,
    subscribedTopicNames: null,
    owned: [],
    ...request,
  })
}

/** The number of a member's id, in the form of one. */
export function member(number: number): string {
  return `member${number}`.padEnd(22, 'A')
}
