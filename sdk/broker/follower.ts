import { findOwner } from '../directory/directory-owner.ts'
import { DirectoryReader } from '../directory/directory-reader.ts'
import type { Environment } from '../environment/environment.ts'
import { TidemarkError } from '../errors.ts'
import { fetchOffsets } from '../group/offset-fetch.ts'
import type { LogView } from '../log/log-view.ts'
import { describeTopicConfigs, isCompacted } from '../topic/topic-configs.ts'
import { noSuchTopic } from '../topic/topic-name.ts'
import type {
  Broker,
  ConsumerGroupDescribeRequest,
  ConsumerGroupDescribeResponse,
  CountRecordsRequest,
  CountRecordsResponse,
  DescribeClusterResponse,
  DescribeConfigsRequest,
  DescribeConfigsResponse,
  FetchRequest,
  FetchResponse,
  ListGroupsRequest,
  ListGroupsResponse,
  ListOffsetsRequest,
  ListOffsetsResponse,
  MetadataRequest,
  MetadataResponse,
  OffsetFetchRequest,
  OffsetFetchResponse,
  OffsetForLeaderEpochRequest,
  OffsetForLeaderEpochResponse,
  TopicsChanged,
} from './broker.ts'
import { fetchWhenReady } from './fetch-wait.ts'
import { FollowerState } from './follower-state.ts'
import { countRecords, type FindLog, fetchPartitions, listOffsets, offsetForLeaderEpoch } from './log-requests.ts'
import { Neighbour } from './neighbour.ts'
import { describeTopics } from './topic-descriptions.ts'
import { topicShapes } from './topic-shapes.ts'
import { TopicWatchers } from './topic-watchers.ts'

/** How often a waiting fetch looks at the files of its partitions again. */
const LOOK_AGAIN_MS = 50
/** How often, at least, the whole directory is listed: it costs a read per partition. New log starts are seen so late. */
const DIRECTORY_MAX_AGE_MS = 1_000

/**
 * The broker of a directory that somebody else owns, or nobody: a running program's, a crashed one's, a real broker's, a
 * copy. Reads the files, writes nothing, takes no lock. Requests that would write reject with READ_ONLY.
 */
export class Follower implements Broker {
  readonly kind = 'follower'
  readonly createsTopics = false
  readonly servesOthers = false
  readonly recovery = []
  readonly #environment: Environment
  readonly #reader: DirectoryReader
  readonly #state: FollowerState
  /** Fetches that wait. */
  readonly #waiting = new Set<() => void>()
  readonly #watchers = new TopicWatchers()
  /** When the directory was listed, and up to where the metadata had been replayed then. */
  #lookedAtMs = Number.NEGATIVE_INFINITY
  #seenOffset = -1
  #isClosed = false

  private constructor(environment: Environment, reader: DirectoryReader) {
    this.#environment = environment
    this.#reader = reader
    this.#state = new FollowerState(environment, reader)
  }

  /** @throws {TidemarkError} NOT_A_DATA_DIRECTORY, STORAGE_ERROR. */
  static open(environment: Environment, path: string): Follower {
    return new Follower(environment, DirectoryReader.open(environment, path))
  }

  onSilence(): () => void {
    return () => {}
  }

  /** Seen by whoever looks for records. */
  onTopicsChanged(changed: TopicsChanged): () => void {
    return this.#watchers.add(changed)
  }

  async describeCluster(): Promise<DescribeClusterResponse> {
    const unasked = this.describeUnasked()
    if (unasked.owner === null) return unasked
    const visitor = await Neighbour.visit(this.#environment, this.#reader.path)
    try {
      if (visitor !== undefined) return await visitor.describeCluster({})
    } catch {
      // It does not answer after all.
    } finally {
      await visitor?.close()
    }
    return unasked
  }

  /** What can be told of an owner that is not asked. @throws {TidemarkError} UNSUPPORTED, STORAGE_ERROR. */
  describeUnasked(): DescribeClusterResponse {
    const { clusterId } = this.#reader.meta
    const holder = findOwner(this.#environment, this.#reader.path)
    if (holder === undefined) return { clusterId, owner: null, neighbours: [] }
    return { clusterId, owner: { pid: holder.pid ?? null, clientId: null, sinceMs: null }, neighbours: null }
  }

  async metadata({ topics }: MetadataRequest): Promise<MetadataResponse> {
    return { clusterId: this.#reader.meta.clusterId, topics: describeTopics(this.#known.image(), topics) }
  }

  async describeConfigs({ topics }: DescribeConfigsRequest): Promise<DescribeConfigsResponse> {
    const image = this.#known.image()
    return {
      topics: topics.map((name) => {
        if (image.topicByName(name) === undefined) throw noSuchTopic(name)
        return { name, configs: describeTopicConfigs(image.configs(name)) }
      }),
    }
  }

  async fetch(request: FetchRequest): Promise<FetchResponse> {
    return await fetchWhenReady(
      request,
      this.#environment.timers,
      () => fetchPartitions(this.#finder(), request),
      (changed) => this.#lookAgain(changed),
    )
  }

  async listOffsets(request: ListOffsetsRequest): Promise<ListOffsetsResponse> {
    return listOffsets(this.#finder(), request)
  }

  async offsetForLeaderEpoch(request: OffsetForLeaderEpochRequest): Promise<OffsetForLeaderEpochResponse> {
    return offsetForLeaderEpoch(this.#finder(), request)
  }

  async countRecords(request: CountRecordsRequest): Promise<CountRecordsResponse> {
    return countRecords(this.#finder(), request)
  }

  async listGroups({ types }: ListGroupsRequest): Promise<ListGroupsResponse> {
    return { groups: this.#known.groups().list(types) }
  }

  async consumerGroupDescribe({ groups }: ConsumerGroupDescribeRequest): Promise<ConsumerGroupDescribeResponse> {
    const image = this.#known.image()
    const table = this.#known.groups()
    return { groups: groups.map((group) => table.describe(group, (topicId) => image.topicById(topicId)?.name)) }
  }

  async offsetFetch(request: OffsetFetchRequest): Promise<OffsetFetchResponse> {
    const topics = topicShapes(this.#known.image())
    return { partitions: fetchOffsets(this.#known.offsetsOf(request.group), request, topics) }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    for (const changed of [...this.#waiting]) changed()
    this.#reader.close()
  }

  createTopics = refuse
  createPartitions = refuse
  deleteTopics = refuse
  incrementalAlterConfigs = refuse
  initProducerId = refuse
  produce = refuse
  endTxn = refuse
  consumerGroupHeartbeat = refuse
  offsetCommit = refuse
  txnOffsetCommit = refuse
  offsetDelete = refuse
  alterConsumerGroupOffsets = refuse
  deleteGroups = refuse

  /** Finds logs as they are on the disk at this moment. */
  #finder(): FindLog {
    const image = this.#known.image()
    const nowMs = this.#environment.clock.monotonicMs()
    const hasNews = this.#seenOffset >= 0 && image.replayedOffset !== this.#seenOffset
    let isFresh = image.replayedOffset === this.#seenOffset && nowMs < this.#lookedAtMs + DIRECTORY_MAX_AGE_MS
    const look = () => {
      this.#reader.refresh()
      this.#seenOffset = image.replayedOffset
      this.#lookedAtMs = nowMs
    }
    if (!isFresh) look()
    const refreshed = new Set<LogView>()
    if (hasNews) this.#watchers.tell(null)
    return (topic, partition) => {
      const known = image.topicByName(topic)?.partitions.get(partition)
      if (known === undefined) return undefined
      if (isFresh && this.#reader.find(topic, partition) === undefined) {
        isFresh = false
        look()
      }
      const existing = this.#reader.find(topic, partition)
      // The directory of a topic that had this name before and is about to be removed.
      if (existing?.topicId !== undefined && existing.topicId !== known.topicId) return 'empty'
      const log = this.#reader.log(topic, partition, isCompacted(image.configs(topic)))
      if (log === undefined) return 'empty'
      // A request may ask for the same partition many times: groups share topics.
      if (!refreshed.has(log)) log.refresh()
      refreshed.add(log)
      return log
    }
  }

  #lookAgain(changed: () => void): () => void {
    const look = () => {
      timer = this.#environment.timers.after(LOOK_AGAIN_MS, look)
      changed()
    }
    let timer = this.#environment.timers.after(LOOK_AGAIN_MS, look)
    this.#waiting.add(changed)
    return () => {
      this.#waiting.delete(changed)
      timer.cancel()
    }
  }

  /** Throws CLOSED. */
  get #known(): FollowerState {
    if (this.#isClosed) throw new TidemarkError('CLOSED', `${this.#reader.path} has been closed.`)
    return this.#state
  }
}

async function refuse(): Promise<never> {
  const message =
    'The directory was opened for reading only. Open it without readOnly: that works beside the process that owns it, too.'
  throw new TidemarkError('READ_ONLY', message)
}
