/** Every request of the port and its answer as they cross a local socket. `tsc` keeps it in step with the port. */
import type { AlteredOffset } from '../group/offset-alteration.ts'
import type { StoredBatches } from '../log/log-view.ts'
import type { CommittedPosition } from '../offsets/reset-metadata.ts'
import type {
  Broker,
  CommittedOffset,
  FetchedPartition,
  FetchRequest,
  InitProducerIdResponse,
  OffsetCommitResponse,
  PartitionAnswer,
  PartitionError,
  TopicMetadata,
  TopicPartition,
} from './broker.ts'
import {
  bytes,
  bytesOr,
  count,
  errorCode,
  flag,
  integer,
  listOf,
  mapOf,
  nothing,
  nullable,
  object,
  oneOf,
  optional,
  type Shape,
  text,
  textOr,
} from './shape.ts'
import { storedRecords } from './stored-records.ts'

/** The requests of the port, by their names. */
export type Api = {
  [K in keyof Broker]: Broker[K] extends (request: infer R) => Promise<unknown>
    ? unknown extends R
      ? never
      : K
    : never
}[keyof Broker]
export type RequestOf<A extends Api> = Parameters<Broker[A]>[0]
export type AnswerOf<A extends Api> = Awaited<ReturnType<Broker[A]>>

/** A signal stays where it is: that it fired is a message of its own. */
export type SentRequest<A extends Api> = Omit<RequestOf<A>, keyof Pick<FetchRequest, 'signal'>> &
  (A extends 'fetch' ? { readonly fromFiles?: boolean | undefined } : unknown)
export type SentAnswer<A extends Api> = A extends 'fetch' ? SentFetchResponse : AnswerOf<A>

/** Where the request says `fromFiles`, not all records are sent: of some it is said where they are. */
export interface SentFetchResponse {
  readonly partitions: readonly SentPartition[]
}
export interface SentPartition extends Omit<FetchedPartition, 'records'> {
  readonly records: Uint8Array | StoredBatches
}

interface ApiShapes<A extends Api> {
  /**
   * Whether to ask twice is the same as to ask once, so that what an owner did not answer may be asked of the next one.
   * `numbered`: where the broker knows a batch again by its producer's sequence; `identified`: where it is told by ids which
   * topics are meant. What is not repeated rejects with NETWORK_EXCEPTION: done again it might undo what others did since.
   * ARCHITECTURE.md says of each that changes something why.
   */
  readonly repeats: boolean | 'numbered' | 'identified'
  readonly request: Shape<SentRequest<A>>
  readonly answer: Shape<SentAnswer<A>>
}

const place = { topic: text, partition: integer }
const partition = object<TopicPartition>(place)
const producer = { producerId: integer, producerEpoch: integer }
const producerIdentity = object<InitProducerIdResponse>(producer)
const transaction = { transactionalId: text, ...producer }
const error = nullable(object<PartitionError>({ code: errorCode, message: text }))
const commit = {
  group: text,
  memberId: text,
  memberEpoch: integer,
  offsets: listOf(object({ ...place, offset: integer, leaderEpoch: integer, metadata: text })),
}
const committed = object<OffsetCommitResponse>({ partitions: listOf(object<PartitionAnswer>({ ...place, error })) })
const isolation = oneOf('read_uncommitted', 'read_committed')
const survives = oneOf('power-loss', 'process-crash')
const groupType = oneOf('classic', 'consumer', 'share', 'streams')
const groupState = oneOf(
  'Empty',
  'Assigning',
  'Reconciling',
  'Stable',
  'PreparingRebalance',
  'CompletingRebalance',
  'Dead',
)
const at = textOr(
  oneOf('earliest', 'latest', 'max-timestamp'),
  object<{ timestampMs: number }>({ timestampMs: integer }),
)
const position = object<CommittedPosition>({ offset: integer, leaderEpoch: integer, metadata: text })
const connectedProcess = object({ pid: nullable(count), clientId: nullable(text), sinceMs: nullable(integer) })

export const PORT_SHAPES: { readonly [A in Api]: ApiShapes<A> } = {
  metadata: {
    repeats: true,
    request: object<SentRequest<'metadata'>>({ topics: nullable(listOf(text)) }),
    answer: object<AnswerOf<'metadata'>>({
      clusterId: nullable(text),
      topics: listOf(
        object<TopicMetadata>({
          name: text,
          topicId: text,
          internal: flag,
          partitions: listOf(object({ partition: count, leaderEpoch: integer })),
        }),
      ),
    }),
  },
  createTopics: {
    repeats: 'identified',
    request: object<SentRequest<'createTopics'>>({
      topics: listOf(object({ name: text, topicId: optional(text), partitions: integer, configs: mapOf(text) })),
      validateOnly: optional(flag),
    }),
    answer: object<AnswerOf<'createTopics'>>({
      topics: listOf(object({ name: text, topicId: nullable(text), error })),
    }),
  },
  createPartitions: {
    repeats: true,
    request: object<SentRequest<'createPartitions'>>({ topic: text, totalCount: integer }),
    answer: nothing,
  },
  deleteTopics: {
    repeats: 'identified',
    request: object<SentRequest<'deleteTopics'>>({ topics: listOf(text), topicIds: optional(listOf(nullable(text))) }),
    answer: nothing,
  },
  describeConfigs: {
    repeats: true,
    request: object<SentRequest<'describeConfigs'>>({ topics: listOf(text) }),
    answer: object<AnswerOf<'describeConfigs'>>({
      topics: listOf(object({ name: text, configs: listOf(object({ name: text, value: text, isDefault: flag })) })),
    }),
  },
  incrementalAlterConfigs: {
    repeats: true,
    request: object<SentRequest<'incrementalAlterConfigs'>>({ topic: text, configs: mapOf(nullable(text)) }),
    answer: nothing,
  },

  initProducerId: {
    repeats: true,
    request: object<SentRequest<'initProducerId'>>({ transactionalId: nullable(text), transactionTimeoutMs: integer }),
    answer: producerIdentity,
  },
  produce: {
    repeats: 'numbered',
    request: object<SentRequest<'produce'>>({
      transactionalId: optional(text),
      partitions: listOf(object({ ...place, records: bytes })),
    }),
    answer: object<AnswerOf<'produce'>>({
      partitions: listOf(
        object({ ...place, error, baseOffset: integer, logAppendTimeMs: integer, logStartOffset: integer, survives }),
      ),
    }),
  },
  endTxn: {
    repeats: true,
    request: object<SentRequest<'endTxn'>>({ ...transaction, result: oneOf('commit', 'abort') }),
    answer: producerIdentity,
  },
  fetch: {
    repeats: true,
    request: object<SentRequest<'fetch'>>({
      partitions: listOf(object({ ...place, fetchOffset: integer, maxBytes: count })),
      maxWaitMs: count,
      minBytes: count,
      maxBytes: count,
      isolation,
      fromFiles: optional(flag),
    }),
    answer: object<SentAnswer<'fetch'>>({
      partitions: listOf(
        object<SentPartition>({
          ...place,
          error,
          nextReadableOffset: optional(integer),
          highWatermark: integer,
          lastStableOffset: integer,
          logStartOffset: integer,
          records: bytesOr(storedRecords),
          abortedTransactions: listOf(object({ producerId: integer, firstOffset: integer })),
        }),
      ),
    }),
  },
  listOffsets: {
    repeats: true,
    request: object<SentRequest<'listOffsets'>>({ isolation, partitions: listOf(object({ ...place, at })) }),
    answer: object<AnswerOf<'listOffsets'>>({
      partitions: listOf(object({ ...place, error, offset: integer, timestampMs: integer, leaderEpoch: integer })),
    }),
  },
  offsetForLeaderEpoch: {
    repeats: true,
    request: object<SentRequest<'offsetForLeaderEpoch'>>({
      partitions: listOf(object({ ...place, leaderEpoch: integer })),
    }),
    answer: object<AnswerOf<'offsetForLeaderEpoch'>>({
      partitions: listOf(object({ ...place, error, leaderEpoch: integer, endOffset: integer })),
    }),
  },
  countRecords: {
    repeats: true,
    request: object<SentRequest<'countRecords'>>({
      partitions: listOf(object({ ...place, fromOffset: integer, toOffset: integer })),
    }),
    answer: object<AnswerOf<'countRecords'>>({
      partitions: listOf(object({ ...place, error, records: nullable(integer) })),
    }),
  },

  consumerGroupHeartbeat: {
    repeats: true,
    request: object<SentRequest<'consumerGroupHeartbeat'>>({
      group: text,
      memberId: text,
      memberEpoch: integer,
      instanceId: optional(nullable(text)),
      rackId: optional(nullable(text)),
      clientId: text,
      clientHost: text,
      rebalanceTimeoutMs: integer,
      subscribedTopicNames: nullable(listOf(text)),
      serverAssignor: optional(nullable(text)),
      owned: nullable(listOf(partition)),
    }),
    answer: object<AnswerOf<'consumerGroupHeartbeat'>>({
      memberId: text,
      memberEpoch: integer,
      heartbeatIntervalMs: count,
      assignment: nullable(listOf(partition)),
      moved: optional(listOf(partition)),
    }),
  },
  listGroups: {
    repeats: true,
    request: object<SentRequest<'listGroups'>>({ types: optional(listOf(groupType)) }),
    answer: object<AnswerOf<'listGroups'>>({
      groups: listOf(object({ group: text, type: groupType, protocolType: text, state: groupState })),
    }),
  },
  consumerGroupDescribe: {
    repeats: true,
    request: object<SentRequest<'consumerGroupDescribe'>>({ groups: listOf(text) }),
    answer: object<AnswerOf<'consumerGroupDescribe'>>({
      groups: listOf(
        object({
          group: text,
          type: groupType,
          state: groupState,
          groupEpoch: integer,
          assignmentEpoch: integer,
          assignor: text,
          members: listOf(
            object({
              memberId: text,
              instanceId: nullable(text),
              memberEpoch: integer,
              clientId: text,
              clientHost: text,
              subscribedTopicNames: listOf(text),
              assignment: listOf(partition),
              targetAssignment: listOf(partition),
            }),
          ),
          error,
        }),
      ),
    }),
  },
  deleteGroups: {
    repeats: false,
    request: object<SentRequest<'deleteGroups'>>({ groups: listOf(text) }),
    answer: nothing,
  },

  offsetCommit: {
    repeats: true,
    request: object<SentRequest<'offsetCommit'>>({ ...commit, survives }),
    answer: committed,
  },
  txnOffsetCommit: {
    repeats: true,
    request: object<SentRequest<'txnOffsetCommit'>>({ ...commit, ...transaction }),
    answer: committed,
  },
  offsetFetch: {
    repeats: true,
    request: object<SentRequest<'offsetFetch'>>({
      group: text,
      partitions: nullable(listOf(partition)),
      requireStable: optional(flag),
    }),
    answer: object<AnswerOf<'offsetFetch'>>({
      partitions: listOf(
        object<PartitionAnswer & CommittedOffset>({
          ...place,
          error,
          offset: integer,
          leaderEpoch: integer,
          metadata: text,
          commitTimestampMs: nullable(integer),
          topicId: nullable(text),
        }),
      ),
    }),
  },
  alterConsumerGroupOffsets: {
    repeats: false,
    request: object<SentRequest<'alterConsumerGroupOffsets'>>({
      group: text,
      offsets: listOf(
        object<AlteredOffset>({ ...place, expected: optional(nullable(position)), position: nullable(position) }),
      ),
      members: oneOf('refuse', 'move'),
    }),
    answer: nothing,
  },
  offsetDelete: {
    repeats: false,
    request: object<SentRequest<'offsetDelete'>>({ group: text, partitions: listOf(partition) }),
    answer: nothing,
  },

  describeCluster: {
    repeats: true,
    request: object<SentRequest<'describeCluster'>>({}),
    answer: object<AnswerOf<'describeCluster'>>({
      clusterId: nullable(text),
      owner: nullable(connectedProcess),
      neighbours: nullable(listOf(connectedProcess)),
    }),
  },
}

/** What a request and its answer look like, where it is not known which. */
export function shapesOf(api: Api): { readonly request: Shape<unknown>; readonly answer: Shape<unknown> } {
  return PORT_SHAPES[api] as { request: Shape<unknown>; answer: Shape<unknown> }
}
