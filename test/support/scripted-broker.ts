/**
 * A broker in a few lines of memory, for tests of the client: it keeps topics, records and commits, writes down every
 * request, gives members what the test says, and can be made to answer otherwise (`override`).
 */
import type * as port from '../../sdk/broker/broker.ts'
import { TopicWatchers } from '../../sdk/broker/topic-watchers.ts'
import { TidemarkError } from '../../sdk/errors.ts'
import { encodeBatch, type RecordInput } from '../../sdk/record/batch-builder.ts'
import { stampBatch } from '../../sdk/record/batch-stamp.ts'
import { RecordBatch } from '../../sdk/record/record-batch.ts'

/** The requests of the port. */
export type RequestName = Exclude<
  keyof port.Broker,
  'kind' | 'createsTopics' | 'servesOthers' | 'onTopicsChanged' | 'onSilence' | 'close'
>
type Method<Name extends RequestName> = port.Broker[Name]
type RequestOf<Name extends RequestName> = Parameters<Method<Name>>[0]
type AnswerOf<Name extends RequestName> = ReturnType<Method<Name>>
type Handler<Name extends RequestName> = (request: RequestOf<Name>, usual: () => AnswerOf<Name>) => AnswerOf<Name>

interface ScriptedPartition {
  readonly batches: Buffer[]
  start: number
  end: number
  leaderEpoch: number
  aborted: { producerId: number; firstOffset: number }[]
}

interface ScriptedMember {
  epoch: number
  assignment: readonly port.TopicPartition[]
  /** The answer to its next heartbeat carries the assignment. */
  isNews: boolean
}

const NOTHING = Buffer.alloc(0)

export class ScriptedBroker implements port.Broker {
  kind: port.Broker['kind'] = 'owner'
  createsTopics = true
  servesOthers = false
  heartbeatIntervalMs = 5_000
  readonly requests: { readonly name: RequestName; readonly request: unknown }[] = []
  readonly topics = new Map<string, ScriptedPartition[]>()
  readonly commits = new Map<string, port.OffsetCommitRequest['offsets'][number]>()
  readonly members = new Map<string, ScriptedMember>()
  readonly #overrides = new Map<RequestName, Handler<never>>()
  readonly #waiting = new Set<() => void>()
  readonly #watchers = new TopicWatchers()

  /** Answers a request otherwise from now on. */
  override<Name extends RequestName>(name: Name, handler: Handler<Name>): void {
    this.#overrides.set(name, handler as unknown as Handler<never>)
  }

  restore(name: RequestName): void {
    this.#overrides.delete(name)
  }

  /** Every request of a name so far. */
  seen<Name extends RequestName>(name: Name): RequestOf<Name>[] {
    return this.requests.filter((each) => each.name === name).map((each) => each.request as RequestOf<Name>)
  }

  addTopic(name: string, partitions = 1): void {
    const fresh = () => ({ batches: [], start: 0, end: 0, leaderEpoch: 0, aborted: [] })
    this.topics.set(name, Array.from({ length: partitions }, fresh))
  }

  partition(topic: string, partition: number): ScriptedPartition {
    return this.topics.get(topic)![partition]!
  }

  /** Appends records as one batch; a string is a record with this value. Returns the base offset. */
  append(
    topic: string,
    partition: number,
    records: readonly (string | RecordInput)[],
    options: Parameters<typeof encodeBatch>[1] = {},
  ): number {
    const inputs = records.map((each) =>
      typeof each === 'string' ? { key: null, value: Buffer.from(each), timestampMs: 1 } : each,
    )
    return this.appendBatch(topic, partition, encodeBatch(inputs, options))
  }

  appendBatch(topic: string, partition: number, batch: Buffer): number {
    const log = this.partition(topic, partition)
    const baseOffset = log.end
    stampBatch(batch, { baseOffset, partitionLeaderEpoch: log.leaderEpoch })
    log.batches.push(batch)
    log.end = new RecordBatch(batch).nextOffset
    this.wake()
    return baseOffset
  }

  /** Gives a member other partitions, which its next heartbeat tells it. */
  assign(
    memberId: string,
    partitions: readonly port.TopicPartition[],
    epoch = this.members.get(memberId)!.epoch,
  ): void {
    this.members.set(memberId, { epoch, assignment: partitions, isNews: true })
  }

  committed(topic: string, partition: number): number | undefined {
    return this.commits.get(`${topic}-${partition}`)?.offset
  }

  wake(): void {
    for (const callback of [...this.#waiting]) callback()
  }

  onSilence(): () => void {
    return () => {}
  }

  onTopicsChanged(changed: port.TopicsChanged): () => void {
    return this.#watchers.add(changed)
  }

  topicsChanged(): void {
    this.#watchers.tell(null)
  }

  describeCluster = this.#request('describeCluster', async () => ({ clusterId: null, owner: null, neighbours: null }))

  metadata = this.#request('metadata', async ({ topics }) => ({
    clusterId: null,
    topics: [...this.topics].flatMap(([name, partitions]) => {
      if (topics !== null && !topics.includes(name)) return []
      const described = partitions.map(({ leaderEpoch }, partition) => ({ partition, leaderEpoch }))
      return [{ name, topicId: name.padEnd(22, 'A'), internal: false, partitions: described }]
    }),
  }))

  createTopics = this.#request('createTopics', async ({ topics }) => ({
    topics: topics.map(({ name, partitions }) => {
      if (this.topics.has(name))
        return { name, topicId: null, error: { code: 'TOPIC_EXISTS' as const, message: `${name} exists.` } }
      this.addTopic(name, partitions)
      return { name, topicId: name.padEnd(22, 'A'), error: null }
    }),
  }))

  createPartitions = this.#request('createPartitions', async () => {})
  deleteTopics = this.#request('deleteTopics', async ({ topics }) => {
    for (const topic of topics) this.topics.delete(topic)
  })
  describeConfigs = this.#request('describeConfigs', async ({ topics }) => ({
    topics: topics.map((name) => ({
      name,
      configs: [{ name: 'max.message.bytes', value: '1048588', isDefault: true }],
    })),
  }))
  incrementalAlterConfigs = this.#request('incrementalAlterConfigs', async () => {})

  initProducerId = this.#request('initProducerId', async () => ({
    producerId: this.seen('initProducerId').length,
    producerEpoch: 0,
  }))

  produce = this.#request('produce', async ({ partitions }) => ({
    partitions: partitions.map(({ topic, partition, records }) => {
      const baseOffset = this.appendBatch(topic, partition, Buffer.from(records))
      return {
        topic,
        partition,
        error: null,
        baseOffset,
        logAppendTimeMs: -1,
        logStartOffset: 0,
        survives: 'power-loss' as const,
      }
    }),
  }))

  fetch = this.#request('fetch', async (request) => {
    for (;;) {
      const partitions = request.partitions.map((wanted) => this.#read(wanted))
      const isReady = partitions.some(({ records, error }) => records.length > 0 || error !== null)
      if (isReady || request.maxWaitMs === 0 || request.signal?.aborted === true) return { partitions }
      await new Promise<void>((resolve) => {
        const go = () => {
          this.#waiting.delete(go)
          request.signal?.removeEventListener('abort', go)
          resolve()
        }
        this.#waiting.add(go)
        request.signal?.addEventListener('abort', go)
      })
    }
  })

  listOffsets = this.#request('listOffsets', async ({ partitions }) => ({
    partitions: partitions.map(({ topic, partition, at }) => {
      const log = this.topics.get(topic)?.[partition]
      const place = { topic, partition, timestampMs: -1, leaderEpoch: -1 }
      if (log === undefined)
        return { ...place, offset: -1, error: { code: 'UNKNOWN_TOPIC' as const, message: `No ${topic}.` } }
      if (typeof at === 'object') return { ...place, error: null, offset: this.#firstSince(log, at.timestampMs) }
      return { ...place, error: null, offset: at === 'earliest' ? log.start : log.end }
    }),
  }))

  countRecords = this.#request('countRecords', async ({ partitions }) => ({
    partitions: partitions.map(({ topic, partition, fromOffset, toOffset }) => {
      const batches = this.partition(topic, partition).batches.map((batch) => new RecordBatch(batch))
      const records = batches.flatMap((batch) => (batch.isControl ? [] : batch.records()))
      const there = records.filter(({ offset }) => offset >= fromOffset && offset < toOffset)
      return { topic, partition, error: null, records: there.length }
    }),
  }))

  offsetForLeaderEpoch = this.#request('offsetForLeaderEpoch', async ({ partitions }) => ({
    partitions: partitions.map(({ topic, partition, leaderEpoch }) => {
      const log = this.partition(topic, partition)
      const end = leaderEpoch > log.leaderEpoch ? -1 : log.end
      return { topic, partition, error: null, leaderEpoch: end < 0 ? -1 : leaderEpoch, endOffset: end }
    }),
  }))

  consumerGroupHeartbeat = this.#request('consumerGroupHeartbeat', async (request) => {
    const { memberId, memberEpoch } = request
    if (memberEpoch < 0) {
      this.members.delete(memberId)
      return { memberId, memberEpoch, heartbeatIntervalMs: 0, assignment: null }
    }
    const known = this.members.get(memberId)
    if (known === undefined && memberEpoch !== 0) throw new TidemarkError('UNKNOWN_MEMBER_ID')
    const everything = (request.subscribedTopicNames ?? []).flatMap((topic) => {
      return (this.topics.get(topic) ?? []).map((_, partition) => ({ topic, partition }))
    })
    const member = known ?? { epoch: 1, assignment: everything, isNews: true }
    const assignment = member.isNews || memberEpoch === 0 ? member.assignment : null
    this.members.set(memberId, { ...member, isNews: false })
    return { memberId, memberEpoch: member.epoch, heartbeatIntervalMs: this.heartbeatIntervalMs, assignment }
  })

  listGroups = this.#request('listGroups', async () => ({
    groups: [{ group: 'g', type: 'consumer' as const, protocolType: 'consumer', state: 'Stable' as const }],
  }))

  consumerGroupDescribe = this.#request('consumerGroupDescribe', async ({ groups }) => ({
    groups: groups.map((group) => ({
      error: null,
      group,
      type: 'consumer' as const,
      state: 'Stable' as const,
      groupEpoch: 1,
      assignmentEpoch: 1,
      assignor: 'uniform',
      members: [...this.members].map(([memberId, { epoch, assignment }]) => ({
        memberId,
        instanceId: null,
        memberEpoch: epoch,
        clientId: 'tidemark',
        clientHost: '/127.0.0.1',
        subscribedTopicNames: [],
        assignment,
        targetAssignment: assignment,
      })),
    })),
  }))

  deleteGroups = this.#request('deleteGroups', async () => {})

  offsetCommit = this.#request('offsetCommit', async ({ offsets }) => ({
    partitions: offsets.map((commit) => {
      this.commits.set(`${commit.topic}-${commit.partition}`, commit)
      return { topic: commit.topic, partition: commit.partition, error: null }
    }),
  }))

  txnOffsetCommit = this.#request('txnOffsetCommit', async ({ offsets }) => ({
    partitions: offsets.map(({ topic, partition }) => ({ topic, partition, error: null })),
  }))

  endTxn = this.#request('endTxn', async ({ producerId, producerEpoch }) => ({
    producerId,
    producerEpoch: producerEpoch + 1,
  }))

  offsetFetch = this.#request('offsetFetch', async ({ partitions }) => ({
    partitions: [...this.commits.values()]
      .filter(
        (commit) =>
          partitions === null ||
          partitions.some((each) => each.topic === commit.topic && each.partition === commit.partition),
      )
      .map((commit) => ({ ...commit, error: null, commitTimestampMs: 1, topicId: null })),
  }))

  offsetDelete = this.#request('offsetDelete', async () => {})

  alterConsumerGroupOffsets = this.#request('alterConsumerGroupOffsets', async () => {})

  async close(): Promise<void> {}

  #request<Name extends RequestName>(name: Name, usual: (request: RequestOf<Name>) => AnswerOf<Name>): Method<Name> {
    const answer = (request: RequestOf<Name>): AnswerOf<Name> => {
      this.requests.push({ name, request })
      const handler = this.#overrides.get(name) as unknown as Handler<Name> | undefined
      return handler === undefined ? usual(request) : handler(request, () => usual(request))
    }
    return answer as unknown as Method<Name>
  }

  #read({ topic, partition, fetchOffset, maxBytes }: port.FetchRequest['partitions'][number]): port.FetchedPartition {
    const log = this.topics.get(topic)?.[partition]
    const end = log?.end ?? -1
    const answer = {
      topic,
      partition,
      error: null,
      highWatermark: end,
      lastStableOffset: end,
      logStartOffset: log?.start ?? -1,
      records: NOTHING,
      abortedTransactions: log?.aborted ?? [],
    }
    if (log === undefined)
      return { ...answer, error: { code: 'UNKNOWN_TOPIC', message: `There is no topic ${topic}.` } }
    if (fetchOffset < log.start || fetchOffset > log.end) {
      return { ...answer, error: { code: 'OFFSET_OUT_OF_RANGE', message: `${fetchOffset} is out of range.` } }
    }
    const wanted: Buffer[] = []
    let size = 0
    for (const batch of log.batches) {
      if (new RecordBatch(batch).nextOffset <= fetchOffset) continue
      if (wanted.length > 0 && size + batch.length > maxBytes) break
      wanted.push(batch)
      size += batch.length
    }
    return { ...answer, records: Buffer.concat(wanted) }
  }

  #firstSince({ batches }: ScriptedPartition, timestampMs: number): number {
    for (const batch of batches) {
      for (const record of new RecordBatch(batch).records()) if (record.timestampMs >= timestampMs) return record.offset
    }
    return -1
  }
}
