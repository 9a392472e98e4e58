/** The requests that only read one partition's log, answered alike from an owner's log and from a follower's view. */
import { TidemarkError } from '../errors.ts'
import type { LogView } from '../log/log-view.ts'
import type {
  CountRecordsRequest,
  CountRecordsResponse,
  FetchedPartition,
  FetchRequest,
  ListOffsetsRequest,
  ListOffsetsResponse,
  OffsetForLeaderEpochRequest,
  OffsetForLeaderEpochResponse,
  TopicPartition,
} from './broker.ts'
import { toPartitionError, unknownTopic } from './partition-error.ts'

/** What is known of a partition: its log, `'empty'` where it exists but was never written, undefined where it does not exist. */
export type FindLog = (topic: string, partition: number) => LogView | 'empty' | undefined

const NOTHING = Buffer.alloc(0)

/** Answers one partition of a Fetch with what can be read right now. */
export function fetchPartition(
  find: FindLog,
  wanted: FetchRequest['partitions'][number],
  maxBytes: number,
): FetchedPartition {
  const { topic, partition, fetchOffset } = wanted
  const log = find(topic, partition)
  if (log === undefined) return { ...emptyFetch(wanted), error: unknownTopic(wanted) }
  if (log === 'empty') {
    if (fetchOffset === 0) return emptyFetch(wanted)
    const message = `Offset ${fetchOffset} of ${topic}-${partition} is outside the log, which is empty.`
    return { ...emptyFetch(wanted), error: { code: 'OFFSET_OUT_OF_RANGE', message } }
  }
  const ends = {
    topic,
    partition,
    highWatermark: log.highWatermark,
    lastStableOffset: log.highWatermark,
    logStartOffset: log.logStartOffset,
    abortedTransactions: [],
  }
  if (maxBytes <= 0) return { ...ends, error: null, records: NOTHING }
  try {
    const records = log.read(fetchOffset, Math.min(maxBytes, wanted.maxBytes), { limit: 'highWatermark' })
    return { ...ends, error: null, records }
  } catch (error) {
    const nextReadableOffset = (error as { nextReadableOffset?: number }).nextReadableOffset
    return { ...ends, error: toPartitionError(error), records: NOTHING, nextReadableOffset }
  }
}

function emptyFetch({ topic, partition }: TopicPartition): FetchedPartition {
  return {
    topic,
    partition,
    error: null,
    highWatermark: 0,
    lastStableOffset: 0,
    logStartOffset: 0,
    records: NOTHING,
    abortedTransactions: [],
  }
}

/** Answers every partition, first come first served within `maxBytes`. */
export function fetchPartitions(
  find: FindLog,
  request: FetchRequest,
): { partitions: FetchedPartition[]; sizeBytes: number } {
  let left = request.maxBytes
  const partitions = request.partitions.map((wanted) => {
    const answer = fetchPartition(find, wanted, Math.max(left, 0))
    left -= answer.records.length
    return answer
  })
  return { partitions, sizeBytes: request.maxBytes - left }
}

export function listOffsets(find: FindLog, request: ListOffsetsRequest): ListOffsetsResponse {
  return {
    partitions: request.partitions.map((wanted) => {
      const { topic, partition, at } = wanted
      const none = { topic, partition, error: null, offset: -1, timestampMs: -1, leaderEpoch: -1 }
      const log = find(topic, partition)
      if (log === undefined) return { ...none, error: unknownTopic(wanted) }
      if (log === 'empty') return typeof at === 'object' || at === 'max-timestamp' ? none : { ...none, offset: 0 }
      try {
        return { ...none, ...offsetAt(log, at) }
      } catch (error) {
        return { ...none, error: toPartitionError(error) }
      }
    }),
  }
}

function offsetAt(log: LogView, at: ListOffsetsRequest['partitions'][number]['at']) {
  if (at === 'earliest') return { offset: log.logStartOffset, leaderEpoch: log.latestEpoch ?? -1 }
  if (at === 'latest') return { offset: log.highWatermark, leaderEpoch: log.latestEpoch ?? -1 }
  if (at === 'max-timestamp') {
    const max = log.maxTimestamp()
    return max === undefined || max.offset < 0 ? {} : { offset: max.offset, timestampMs: max.timestampMs }
  }
  const found = log.offsetForTimestamp(at.timestampMs)
  // At or past the readable end counts as "none yet": a consumer that starts there would wait at the end anyway.
  return found === undefined || found.offset >= log.highWatermark ? {} : found
}

export function offsetForLeaderEpoch(
  find: FindLog,
  request: OffsetForLeaderEpochRequest,
): OffsetForLeaderEpochResponse {
  return {
    partitions: request.partitions.map((wanted) => {
      const { topic, partition } = wanted
      const log = find(topic, partition)
      if (log === undefined) return { topic, partition, error: unknownTopic(wanted), leaderEpoch: -1, endOffset: -1 }
      const answer = log === 'empty' ? { leaderEpoch: -1, endOffset: -1 } : log.endOffsetForEpoch(wanted.leaderEpoch)
      return { topic, partition, error: null, ...answer }
    }),
  }
}

export function countRecords(find: FindLog, request: CountRecordsRequest): CountRecordsResponse {
  return {
    partitions: request.partitions.map((wanted) => {
      const { topic, partition, fromOffset, toOffset } = wanted
      const log = find(topic, partition)
      if (log === undefined) return { topic, partition, error: unknownTopic(wanted), records: null }
      try {
        const records = log === 'empty' ? 0 : log.countRecords(fromOffset, toOffset)
        return { topic, partition, error: null, records }
      } catch (error) {
        return { topic, partition, error: toPartitionError(error), records: null }
      }
    }),
  }
}

/** Reads every batch from `fromOffset` up to the end, in slices of at most 1 MiB, without checking them. */
export function* readSlices(
  log: LogView,
  fromOffset: number,
  limit: 'highWatermark' | 'logEndOffset',
): Generator<Buffer> {
  const end = () => (limit === 'logEndOffset' ? log.logEndOffset : log.highWatermark)
  let offset = Math.max(fromOffset, log.logStartOffset)
  while (offset < end()) {
    let slice: Buffer
    try {
      slice = log.read(offset, READ_SLICE_BYTES, { limit })
    } catch (error) {
      const next = (error as { nextReadableOffset?: number }).nextReadableOffset
      if (!(error instanceof TidemarkError) || next === undefined || next <= offset) throw error
      offset = next
      continue
    }
    if (slice.length === 0) return
    yield slice
    offset = nextOffsetAfter(slice)
  }
}

/** Large enough that the fixed cost of a read vanishes, small enough to stay in the processor's cache. */
const READ_SLICE_BYTES = 1024 * 1024

function nextOffsetAfter(slice: Buffer): number {
  let position = 0
  let next = 0
  while (position + 27 <= slice.length) {
    next =
      slice.readUInt32BE(position) * 2 ** 32 + slice.readUInt32BE(position + 4) + slice.readInt32BE(position + 23) + 1
    position += 12 + slice.readInt32BE(position + 8)
  }
  return next
}
