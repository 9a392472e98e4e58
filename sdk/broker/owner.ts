import { DataDirectory } from '../directory/data-directory.ts'
import { warnOfMount } from '../directory/mount-warning.ts'
import type { Environment } from '../environment/environment.ts'
import type {
  AlterConsumerGroupOffsetsRequest,
  Broker,
  ConnectedProcess,
  ConsumerGroupDescribeRequest,
  ConsumerGroupDescribeResponse,
  ConsumerGroupHeartbeatRequest,
  ConsumerGroupHeartbeatResponse,
  CountRecordsRequest,
  CountRecordsResponse,
  CreatePartitionsRequest,
  CreateTopicsRequest,
  CreateTopicsResponse,
  DeleteGroupsRequest,
  DeleteTopicsRequest,
  DescribeClusterResponse,
  DescribeConfigsRequest,
  DescribeConfigsResponse,
  EndTxnRequest,
  EndTxnResponse,
  FetchRequest,
  FetchResponse,
  IncrementalAlterConfigsRequest,
  InitProducerIdRequest,
  InitProducerIdResponse,
  ListGroupsRequest,
  ListGroupsResponse,
  ListOffsetsRequest,
  ListOffsetsResponse,
  MetadataRequest,
  MetadataResponse,
  OffsetCommitRequest,
  OffsetCommitResponse,
  OffsetDeleteRequest,
  OffsetFetchRequest,
  OffsetFetchResponse,
  OffsetForLeaderEpochRequest,
  OffsetForLeaderEpochResponse,
  ProduceRequest,
  ProduceResponse,
  Survives,
  TopicsChanged,
  TxnOffsetCommitRequest,
} from './broker.ts'
import { CompactionWatch } from './compaction-watch.ts'
import { DirectoryRecovery } from './directory-recovery.ts'
import { Door } from './door.ts'
import { PROTOCOL } from './door-message.ts'
import { LedPartitions } from './led-partitions.ts'
import { countRecords, listOffsets, offsetForLeaderEpoch } from './log-requests.ts'
import { MetadataLog } from './metadata-log.ts'
import { OwnerGroups } from './owner-groups.ts'
import { OwnerRecords } from './owner-records.ts'
import { OwnerTopics } from './owner-topics.ts'
import { OwnerTransactions } from './owner-transactions.ts'
import { ProducerIds } from './producer-ids.ts'
import type { RecoveryNote } from './recovery-note.ts'
import { RetentionWatch } from './retention-watch.ts'
import { describeTopics } from './topic-descriptions.ts'
import { TopicWatchers } from './topic-watchers.ts'

export interface OwnerOptions {
  /** How long to wait for another owner to go, milliseconds. */
  readonly waitMs: number
  readonly signal?: AbortSignal | undefined
  /** One try, whatever `waitMs` says. */
  readonly triesOnce?: boolean | undefined
  /** For topics that do not say otherwise by `flush.messages`. */
  readonly survives: Survives
  /** Who this is, for whoever asks who owns the directory. Default 'tidemark'. */
  readonly clientId?: string | undefined
}

/** The broker of a directory that this process owns. */
export class Owner implements Broker {
  readonly kind = 'owner'
  readonly createsTopics = true
  /** Called when a neighbour's request shows that the directory is lost. What this process asks itself tells it itself. */
  onLost: () => void = () => {}
  readonly #directory: DataDirectory
  readonly #metadata: MetadataLog
  readonly #partitions: LedPartitions
  readonly #records: OwnerRecords
  readonly #groups: OwnerGroups
  readonly #topics: OwnerTopics
  readonly #producerIds: ProducerIds
  readonly #transactions: OwnerTransactions
  readonly #retention: RetentionWatch
  readonly #watchers = new TopicWatchers()
  readonly #recovery: DirectoryRecovery
  readonly #compaction: CompactionWatch
  readonly #door: Door
  readonly #self: ConnectedProcess

  private constructor(
    environment: Environment,
    directory: DataDirectory,
    metadata: MetadataLog,
    { survives, clientId = 'tidemark' }: OwnerOptions,
  ) {
    this.#directory = directory
    this.#metadata = metadata
    this.#partitions = new LedPartitions(environment, directory, metadata, {
      defaultSurvives: survives,
      onOpened: () => this.#records.wake(),
    })
    this.#producerIds = new ProducerIds(metadata)
    this.#groups = new OwnerGroups(environment, metadata, this.#partitions, () => this.#topics)
    this.#transactions = new OwnerTransactions(environment, directory, {
      metadata,
      partitions: this.#partitions,
      groups: this.#groups,
      producerIds: this.#producerIds,
      topics: () => this.#topics,
    })
    this.#records = new OwnerRecords(environment, directory, {
      partitions: this.#partitions,
      producerIds: this.#producerIds,
      transactions: this.#transactions,
    })
    this.#topics = new OwnerTopics(environment, directory, metadata, this.#partitions, (topic) =>
      this.#groups.topicDeleted(topic),
    )
    this.#retention = new RetentionWatch(environment, metadata, this.#partitions)
    this.#recovery = new DirectoryRecovery(environment, directory, metadata)
    this.#compaction = new CompactionWatch(environment, directory, metadata, this.#partitions)
    const { pid } = environment.process
    this.#self = { pid, clientId, sinceMs: environment.clock.nowMs() }
    this.#door = new Door(environment, this, {
      hello: { protocol: PROTOCOL, pid, clientId, survives, isVisitor: false },
      onOwnershipLost: () => this.onLost(),
      locate: (request, minBytes) => this.#records.locate(request, minBytes),
    })
  }

  /**
   * Takes the directory, creating it where there is none, mends what a crash left, and empties the groups of the owner
   * before.
   *
   * @throws {TidemarkError} DIRECTORY_IN_USE, NOT_A_DATA_DIRECTORY, STORAGE_ERROR, CORRUPT_BATCH, UNSUPPORTED, ABORTED.
   */
  static async open(environment: Environment, path: string, options: OwnerOptions): Promise<Owner> {
    const directory = await DataDirectory.open(environment, path, options)
    try {
      warnOfMount(environment, path)
      const metadata = await MetadataLog.open(environment, directory)
      const owner = new Owner(environment, directory, metadata, options)
      await owner.#recover()
      await owner.#groups.load()
      await owner.#transactions.load()
      owner.#retention.start()
      owner.#compaction.start()
      directory.listen(owner.#door.accept)
      return owner
    } catch (error) {
      await directory.close().catch(() => {})
      throw error
    }
  }

  get servesOthers(): boolean {
    return this.#door.hasNeighbours
  }

  /** What opening the directory and, since then, its logs had to mend. */
  get recovery(): readonly RecoveryNote[] {
    return this.#recovery.notes
  }

  onSilence(): () => void {
    return () => {}
  }

  onTopicsChanged(changed: TopicsChanged): () => void {
    return this.#watchers.add(changed)
  }

  async describeCluster(): Promise<DescribeClusterResponse> {
    return { clusterId: this.#directory.clusterId, owner: this.#self, neighbours: this.#door.neighbours }
  }

  async metadata(request: MetadataRequest): Promise<MetadataResponse> {
    return { clusterId: this.#directory.clusterId, topics: describeTopics(this.#metadata.image, request.topics) }
  }

  createTopics(request: CreateTopicsRequest): Promise<CreateTopicsResponse> {
    return this.#changing(
      request.topics.map(({ name }) => name),
      this.#topics.create(request),
    )
  }

  createPartitions(request: CreatePartitionsRequest): Promise<void> {
    return this.#changing([request.topic], this.#topics.grow(request))
  }

  async deleteTopics(request: DeleteTopicsRequest): Promise<void> {
    await this.#changing(request.topics, this.#topics.delete(request)).finally(() => this.#records.wake())
  }

  async describeConfigs({ topics }: DescribeConfigsRequest): Promise<DescribeConfigsResponse> {
    return { topics: topics.map((name) => ({ name, configs: this.#topics.configs(name) })) }
  }

  incrementalAlterConfigs(request: IncrementalAlterConfigsRequest): Promise<void> {
    return this.#changing([request.topic], this.#topics.configure(request))
  }

  async initProducerId(request: InitProducerIdRequest): Promise<InitProducerIdResponse> {
    const { transactionalId, transactionTimeoutMs } = request
    if (transactionalId !== null) return await this.#transactions.init(transactionalId, transactionTimeoutMs)
    return { producerId: await this.#producerIds.take(), producerEpoch: 0 }
  }

  endTxn(request: EndTxnRequest): Promise<EndTxnResponse> {
    return this.#transactions.end(request)
  }

  txnOffsetCommit(request: TxnOffsetCommitRequest): Promise<OffsetCommitResponse> {
    return this.#transactions.commitOffsets(request)
  }

  produce(request: ProduceRequest): Promise<ProduceResponse> {
    return this.#records.produce(request)
  }

  fetch(request: FetchRequest): Promise<FetchResponse> {
    return this.#records.fetch(request)
  }

  async listOffsets(request: ListOffsetsRequest): Promise<ListOffsetsResponse> {
    return listOffsets(this.#partitions.find, request)
  }

  async offsetForLeaderEpoch(request: OffsetForLeaderEpochRequest): Promise<OffsetForLeaderEpochResponse> {
    return offsetForLeaderEpoch(this.#partitions.find, request)
  }

  async countRecords(request: CountRecordsRequest): Promise<CountRecordsResponse> {
    return countRecords(this.#partitions.find, request)
  }

  consumerGroupHeartbeat(request: ConsumerGroupHeartbeatRequest): Promise<ConsumerGroupHeartbeatResponse> {
    return this.#groups.heartbeat(request)
  }

  async listGroups(request: ListGroupsRequest): Promise<ListGroupsResponse> {
    return this.#groups.coordinator.list(request)
  }

  async consumerGroupDescribe(request: ConsumerGroupDescribeRequest): Promise<ConsumerGroupDescribeResponse> {
    return this.#groups.coordinator.describe(request)
  }

  deleteGroups(request: DeleteGroupsRequest): Promise<void> {
    return this.#groups.deleteGroups(request)
  }

  offsetCommit(request: OffsetCommitRequest): Promise<OffsetCommitResponse> {
    return this.#groups.commit(request)
  }

  async offsetFetch(request: OffsetFetchRequest): Promise<OffsetFetchResponse> {
    return this.#groups.coordinator.fetch(request)
  }

  offsetDelete(request: OffsetDeleteRequest): Promise<void> {
    return this.#groups.deleteOffsets(request)
  }

  alterConsumerGroupOffsets(request: AlterConsumerGroupOffsetsRequest): Promise<void> {
    return this.#groups.alterOffsets(request)
  }

  async close(): Promise<void> {
    await this.#door.close()
    this.#retention.stop()
    const compacted = this.#compaction.stop()
    this.#transactions.close()
    this.#groups.close()
    this.#partitions.close()
    this.#records.close()
    await compacted
    await this.#directory.close()
  }

  /** A change that fails may have gone half its way. */
  async #changing<T>(names: readonly string[], change: Promise<T>): Promise<T> {
    try {
      return await change
    } finally {
      this.#watchers.tell(names)
    }
  }

  async #recover(): Promise<void> {
    await this.#topics.finishDeletions()
    this.#recovery.restoreVanished(this.#partitions)
    this.#recovery.recoverLogs(this.#partitions)
  }
}
