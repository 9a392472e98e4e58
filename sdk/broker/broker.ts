/**
 * The port: what a client may ask of "somewhere that keeps topics". Requests are named after Kafka's APIs, values after
 * their fields. An owner of a directory, a follower of its files, a neighbour process or a cluster answer them alike.
 *
 * A request that fails as a whole rejects with a `TidemarkError`; one that can fail per partition answers each partition
 * with its own `error`. Requests and answers are plain data, so they can cross a socket; record batches stay bytes.
 */
import type { ErrorCode } from '../errors.ts'
import type {
  DescribedGroup,
  GroupDescription,
  GroupState,
  GroupType,
  ListedGroup,
  MemberDescription,
} from '../group/group-description.ts'
import type { HeartbeatRequest, HeartbeatResponse } from '../group/heartbeat-request.ts'
import type { AlterOffsetsRequest } from '../group/offset-alteration.ts'

/** What outlives what: `power-loss` means flushed to the disk, `process-crash` that the kernel has the bytes. */
export type Survives = 'power-loss' | 'process-crash'
/** Whether a reader also gets records of transactions that are open or were aborted. */
export type Isolation = 'read_uncommitted' | 'read_committed'

export interface PartitionError {
  readonly code: ErrorCode
  readonly message: string
}

/** Names a partition. */
export interface TopicPartition {
  /** Its name. */
  readonly topic: string
  /** From 0 on. */
  readonly partition: number
}

/** Every answer about one partition. */
export interface PartitionAnswer extends TopicPartition {
  readonly error: PartitionError | null
}

export type TopicsChanged = (names: readonly string[] | null) => void

export interface Broker {
  readonly kind: 'owner' | 'follower' | 'neighbour' | 'cluster'
  /** Whether a topic that is sent to or consumed may be created as declared. Never on a cluster. */
  readonly createsTopics: boolean
  /** Whether other processes wait for the event loop of this one, which answers them. */
  readonly servesOthers: boolean

  /**
   * Calls back when topics may have come, grown, gone or been configured: an owner at once, others when they see it; with
   * their names, or null where nobody knows which. Be quick, and do not throw. Returns how to stop that.
   */
  onTopicsChanged(changed: TopicsChanged): () => void

  /**
   * Calls back when whoever answers has said nothing for seconds although something was asked, at once where that is so: a
   * neighbour whose owner is stopped. What was asked still waits. Returns how to stop that.
   */
  onSilence(begun: () => void): () => void

  /** Who owns what is asked, and who else is connected to it. */
  describeCluster(request: DescribeClusterRequest): Promise<DescribeClusterResponse>
  metadata(request: MetadataRequest): Promise<MetadataResponse>
  createTopics(request: CreateTopicsRequest): Promise<CreateTopicsResponse>
  createPartitions(request: CreatePartitionsRequest): Promise<void>
  deleteTopics(request: DeleteTopicsRequest): Promise<void>
  describeConfigs(request: DescribeConfigsRequest): Promise<DescribeConfigsResponse>
  /** Sets (`value`) or removes (`null`) topic configs. */
  incrementalAlterConfigs(request: IncrementalAlterConfigsRequest): Promise<void>

  /**
   * A producer id that nobody ever had, for whoever sends batches that can be told apart. A batch that carries id, epoch and
   * sequence may be sent again, also to another broker of the same directory: one of the last five of its partition is
   * answered with the offset it has, and not stored again.
   */
  initProducerId(request: InitProducerIdRequest): Promise<InitProducerIdResponse>
  /** The kernel has the bytes when the call returns its promise (owner); it resolves when they survive what is asked. */
  produce(request: ProduceRequest): Promise<ProduceResponse>
  /**
   * Commits or aborts a producer's open transaction. Whoever asks again, perhaps another broker of the same directory, gets
   * the same answer. Rejects with PRODUCER_FENCED where it was aborted before: after its timeout, or since its owner is gone.
   */
  endTxn(request: EndTxnRequest): Promise<EndTxnResponse>
  fetch(request: FetchRequest): Promise<FetchResponse>
  listOffsets(request: ListOffsetsRequest): Promise<ListOffsetsResponse>
  offsetForLeaderEpoch(request: OffsetForLeaderEpochRequest): Promise<OffsetForLeaderEpochResponse>
  /** Kafka has no such API: a lag by offsets counts what compaction and transactions left holes for. */
  countRecords(request: CountRecordsRequest): Promise<CountRecordsResponse>

  /** Joins (epoch 0), keeps, reconciles and leaves (−1) a group: KIP-848. */
  consumerGroupHeartbeat(request: ConsumerGroupHeartbeatRequest): Promise<ConsumerGroupHeartbeatResponse>
  listGroups(request: ListGroupsRequest): Promise<ListGroupsResponse>
  consumerGroupDescribe(request: ConsumerGroupDescribeRequest): Promise<ConsumerGroupDescribeResponse>
  deleteGroups(request: DeleteGroupsRequest): Promise<void>

  /** An owner has appended the commit to `__consumer_offsets` when the call returns its promise. */
  offsetCommit(request: OffsetCommitRequest): Promise<OffsetCommitResponse>
  /** The same as a part of a transaction: it counts once that is committed. */
  txnOffsetCommit(request: TxnOffsetCommitRequest): Promise<OffsetCommitResponse>
  offsetFetch(request: OffsetFetchRequest): Promise<OffsetFetchResponse>
  offsetDelete(request: OffsetDeleteRequest): Promise<void>
  /** Kafka's tools commit and delete as nobody's member; here it is one step, which can take the members with it. */
  alterConsumerGroupOffsets(request: AlterConsumerGroupOffsetsRequest): Promise<void>

  close(): Promise<void>
}

// Processes

export type DescribeClusterRequest = Readonly<Record<never, never>>
/** Who works with a directory. */
export interface DescribeClusterResponse {
  /** As Kafka's tools print it; null where nobody knows. */
  readonly clusterId: string | null
  /** Who owns the directory; null where nobody does. */
  readonly owner: ConnectedProcess | null
  /** Those that work through the owner, longest first; null where only the owner knows and it was not asked. */
  readonly neighbours: readonly ConnectedProcess[] | null
}
/** A process, or a thread of one, that works with a directory. */
export interface ConnectedProcess {
  /** Its process id, as that process sees it; null where nobody knows. */
  readonly pid: number | null
  /** The `clientId` that its program gave to `open`; null where only the process itself knows. */
  readonly clientId: string | null
  /** Since when it owns the directory or is connected, milliseconds since 1970; null where nobody knows. */
  readonly sinceMs: number | null
}

// Topics

export interface MetadataRequest {
  /** null: every topic. Unknown names are left out of the answer. */
  readonly topics: readonly string[] | null
}
export interface MetadataResponse {
  readonly clusterId: string | null
  readonly topics: readonly TopicMetadata[]
}
/** A topic as the broker knows it. */
export interface TopicMetadata {
  /** What it is called. */
  readonly name: string
  /** 22 characters of base64url, as Kafka prints it. */
  readonly topicId: string
  /** Whether it is one of Kafka's own, such as `__consumer_offsets`. */
  readonly internal: boolean
  /** Every partition, with the epoch of whoever writes it now. */
  readonly partitions: readonly { readonly partition: number; readonly leaderEpoch: number }[]
}

export interface CreateTopicsRequest {
  readonly topics: readonly {
    readonly name: string
    /**
     * A random id, by which the topic is known again: whoever asks a second time, perhaps another broker of the same
     * directory, gets the same answer. Default: the broker chooses, as a cluster always does.
     */
    readonly topicId?: string | undefined
    readonly partitions: number
    readonly configs: Readonly<Record<string, string>>
  }[]
  readonly validateOnly?: boolean
}
export interface CreateTopicsResponse {
  readonly topics: readonly {
    readonly name: string
    readonly topicId: string | null
    readonly error: PartitionError | null
  }[]
}
export interface CreatePartitionsRequest {
  readonly topic: string
  /** The new total, more than now. */
  readonly totalCount: number
}
export interface DeleteTopicsRequest {
  readonly topics: readonly string[]
  /**
   * Which topics of these names are meant, in the same order; null: whichever there is. One that is gone is no error, and
   * another that has got its name stays.
   */
  readonly topicIds?: readonly (string | null)[] | undefined
}
export interface DescribeConfigsRequest {
  readonly topics: readonly string[]
}
export interface DescribeConfigsResponse {
  readonly topics: readonly {
    readonly name: string
    readonly configs: readonly { readonly name: string; readonly value: string; readonly isDefault: boolean }[]
  }[]
}
export interface IncrementalAlterConfigsRequest {
  readonly topic: string
  readonly configs: Readonly<Record<string, string | null>>
}

// Records

export interface InitProducerIdRequest {
  /**
   * null: batches are told apart, and that is all. A name: batches with the answer's id and epoch may be parts of
   * transactions, one open at a time. Whoever had the name before is fenced, and its open transaction aborted.
   */
  readonly transactionalId: string | null
  /** A transaction that is open for longer is aborted. Kafka's default is a minute. */
  readonly transactionTimeoutMs: number
}
export interface InitProducerIdResponse {
  readonly producerId: number
  /** A producer may go on with higher ones by itself: what it sent with lower ones is refused from then on. */
  readonly producerEpoch: number
}

export interface EndTxnRequest {
  readonly transactionalId: string
  readonly producerId: number
  readonly producerEpoch: number
  readonly result: 'commit' | 'abort'
}
/** What the next transaction is sent with. A new epoch begins with sequence 0. */
export type EndTxnResponse = InitProducerIdResponse

export interface ProduceRequest {
  /** Of batches that are parts of its open transaction, or begin one. Nothing is flushed before that ends. */
  readonly transactionalId?: string | undefined
  readonly partitions: readonly (TopicPartition & {
    /**
     * Exactly one record batch, baseOffset 0. The broker assigns offset and leader epoch in place, so leave it alone until
     * the answer is there.
     *
     * With a producer id its sequences follow those of the batch before, in this partition and epoch; a new epoch begins
     * with 0. Else OUT_OF_ORDER_SEQUENCE: it was not stored, and what came before it was not either.
     */
    readonly records: Uint8Array
  })[]
}
export interface ProduceResponse {
  readonly partitions: readonly (PartitionAnswer & {
    readonly baseOffset: number
    /** −1 unless the topic's timestamps are LogAppendTime. */
    readonly logAppendTimeMs: number
    readonly logStartOffset: number
    readonly survives: Survives
  })[]
}

export interface FetchRequest {
  readonly partitions: readonly (TopicPartition & { readonly fetchOffset: number; readonly maxBytes: number })[]
  /** Waits this long for `minBytes` before it answers with what there is. */
  readonly maxWaitMs: number
  readonly minBytes: number
  readonly maxBytes: number
  readonly isolation: Isolation
  /** Ends the wait early; the answer is then what there is. */
  readonly signal?: AbortSignal
}
export interface FetchResponse {
  readonly partitions: readonly FetchedPartition[]
}
export interface FetchedPartition extends PartitionAnswer {
  /**
   * Where the error is CORRUPT_BATCH: the first offset that can be read again behind the damage, if any. Without an error:
   * where to go on, since compaction left nothing before it.
   */
  readonly nextReadableOffset?: number | undefined
  readonly highWatermark: number
  readonly lastStableOffset: number
  readonly logStartOffset: number
  /** Whole batches. The first may begin before `fetchOffset`; the first is whole even if larger than `maxBytes`. */
  readonly records: Uint8Array
  readonly abortedTransactions: readonly { readonly producerId: number; readonly firstOffset: number }[]
}

export interface ListOffsetsRequest {
  readonly isolation: Isolation
  readonly partitions: readonly (TopicPartition & {
    /** A timestamp asks for the first record at or after it; offset −1 in the answer if there is none. */
    readonly at: 'earliest' | 'latest' | 'max-timestamp' | { readonly timestampMs: number }
  })[]
}
export interface ListOffsetsResponse {
  readonly partitions: readonly (PartitionAnswer & {
    readonly offset: number
    readonly timestampMs: number
    readonly leaderEpoch: number
  })[]
}

export interface OffsetForLeaderEpochRequest {
  readonly partitions: readonly (TopicPartition & { readonly leaderEpoch: number })[]
}
export interface OffsetForLeaderEpochResponse {
  /** Epoch and end offset are −1 where the epoch is not known: higher than any. */
  readonly partitions: readonly (PartitionAnswer & { readonly leaderEpoch: number; readonly endOffset: number })[]
}

export interface CountRecordsRequest {
  readonly partitions: readonly (TopicPartition & { readonly fromOffset: number; readonly toOffset: number })[]
}
export interface CountRecordsResponse {
  /** Records with offsets from `fromOffset` up to, not including, `toOffset`; null where nobody can tell. */
  readonly partitions: readonly (PartitionAnswer & { readonly records: number | null })[]
}

// Groups

export type { DescribedGroup, GroupDescription, GroupState, GroupType, ListedGroup, MemberDescription }
export type ConsumerGroupHeartbeatRequest = HeartbeatRequest
export type ConsumerGroupHeartbeatResponse = HeartbeatResponse

export interface ListGroupsRequest {
  readonly types?: readonly GroupType[]
}
export interface ListGroupsResponse {
  readonly groups: readonly ListedGroup[]
}
export interface ConsumerGroupDescribeRequest {
  readonly groups: readonly string[]
}
export interface ConsumerGroupDescribeResponse {
  /** Unknown groups are answered with `error` GROUP_NOT_FOUND. */
  readonly groups: readonly DescribedGroup[]
}
export interface DeleteGroupsRequest {
  readonly groups: readonly string[]
}

export interface OffsetCommitRequest {
  readonly group: string
  /** '' and −1: not a member; allowed while the group has none. */
  readonly memberId: string
  readonly memberEpoch: number
  /** When the answer comes: once the kernel has the commit, or once it is flushed. It is flushed soon either way. */
  readonly survives: Survives
  readonly offsets: readonly (TopicPartition & {
    /** The next offset to read. */
    readonly offset: number
    /** The true epoch of the last processed record, or −1. */
    readonly leaderEpoch: number
    readonly metadata: string
  })[]
}
export interface TxnOffsetCommitRequest extends Omit<OffsetCommitRequest, 'survives'> {
  readonly transactionalId: string
  readonly producerId: number
  readonly producerEpoch: number
}
export interface OffsetCommitResponse {
  readonly partitions: readonly PartitionAnswer[]
}
export interface OffsetFetchRequest {
  readonly group: string
  /** null: every partition the group has committed. */
  readonly partitions: readonly TopicPartition[] | null
  readonly requireStable?: boolean
}
export interface OffsetFetchResponse {
  /** Partitions without a commit are left out. */
  readonly partitions: readonly (PartitionAnswer & CommittedOffset)[]
}
export interface CommittedOffset {
  readonly offset: number
  readonly leaderEpoch: number
  readonly metadata: string
  /** null where the broker does not tell (a cluster's OffsetFetch). */
  readonly commitTimestampMs: number | null
  readonly topicId: string | null
}
export interface OffsetDeleteRequest {
  readonly group: string
  readonly partitions: readonly TopicPartition[]
}
/** Of all partitions or, where it rejects, of none: NON_EMPTY_GROUP, GROUP_MOVED. A cluster moves no members: UNSUPPORTED. */
export type AlterConsumerGroupOffsetsRequest = AlterOffsetsRequest
