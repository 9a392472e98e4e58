/** The requests that only read one partition's log, answered alike from an owner's log and from a follower's view. */
import { DamagedLogError, type LocateOptions, type LogView, type StoredBatches } from '../log/log-view.ts'
import { RecordBatch } from '../record/record-batch.ts'
import type {
  CountRecordsRequest,
  CountRecordsResponse,
  FetchedPartition,
  FetchRequest,
  Isolation,
  ListOffsetsRequest,
  ListOffsetsResponse,
  OffsetForLeaderEpochRequest,
  OffsetForLeaderEpochResponse,
  PartitionAnswer,
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
  isolation: Isolation,
): FetchedPartition {
  const { topic, partition, fetchOffset } = wanted
  const ends = { highWatermark: 0, lastStableOffset: 0, logStartOffset: 0 }
  const none = { topic, partition, error: null, ...ends, records: NOTHING, abortedTransactions: [] }
  return answerFrom<FetchedPartition>(find, none, (log) => {
    if (log === 'empty') {
      if (fetchOffset === 0) return {}
      const message = `Offset ${fetchOffset} of ${topic}-${partition} is outside the log, which is empty.`
      return { error: { code: 'OFFSET_OUT_OF_RANGE', message } }
    }
    const { highWatermark, logStartOffset } = log
    // A follower finds out by reading, so it is told to those only who have to know.
    const lastStableOffset = isolation === 'read_committed' ? log.lastStableOffset : highWatermark
    const known = { highWatermark, lastStableOffset, logStartOffset }
    if (maxBytes <= 0) return known
    try {
      const read = log.read(fetchOffset, Math.min(maxBytes, wanted.maxBytes), { limit: 'highWatermark' })
      // In a compacted log, nothing may be left up to the end. Whoever waits there is told to go on.
      if (read.length === 0 && fetchOffset < highWatermark) return { ...known, nextReadableOffset: highWatermark }
      if (isolation === 'read_uncommitted') return { ...known, records: read }
      const records = cutAt(read, lastStableOffset)
      const abortedTransactions =
        records.length > 0 ? log.abortedTransactions(fetchOffset, nextOffsetAfter(records)) : []
      return { ...known, records, abortedTransactions }
    } catch (error) {
      const { nextReadableOffset } = error as { nextReadableOffset?: number }
      return { ...known, error: toPartitionError(error), nextReadableOffset }
    }
  })
}

/** Whatever is in the way of one partition's answer becomes its error, and nobody else's. */
function answerFrom<A extends PartitionAnswer>(
  find: FindLog,
  none: A,
  answer: (log: LogView | 'empty') => Partial<A>,
): A {
  try {
    const log = find(none.topic, none.partition)
    if (log === undefined) throw unknownTopic(none)
    return { ...none, ...answer(log) }
  } catch (error) {
    return { ...none, error: toPartitionError(error) }
  }
}

/** Answers every partition, first come first served within `maxBytes`. */
export function fetchPartitions(
  find: FindLog,
  request: FetchRequest,
): { partitions: FetchedPartition[]; sizeBytes: number } {
  let left = request.maxBytes
  const partitions = request.partitions.map((wanted) => {
    const answer = fetchPartition(find, wanted, Math.max(left, 0), request.isolation)
    left -= answer.records.length
    return answer
  })
  return { partitions, sizeBytes: request.maxBytes - left }
}

/** A partition's part of a Fetch, with word of where its records are. */
export interface LocatedPartition extends Omit<FetchedPartition, 'records'> {
  readonly records: StoredBatches
}

/** Answers those partitions of a Fetch of which at least `minBytes` can be located: nothing of them is read. */
export function locatePartitions(
  find: FindLog,
  request: FetchRequest,
  minBytes: number,
): (LocatedPartition | undefined)[] {
  let left = request.maxBytes
  return request.partitions.map((wanted) => {
    const maxBytes = Math.min(left, wanted.maxBytes)
    const located = locatePartition(find, wanted, { minBytes, maxBytes }, request.isolation)
    left -= located?.records.sizeBytes ?? 0
    return located
  })
}

function locatePartition(
  find: FindLog,
  { topic, partition, fetchOffset }: FetchRequest['partitions'][number],
  bounds: Omit<LocateOptions, 'endOffset'>,
  isolation: Isolation,
): LocatedPartition | undefined {
  try {
    const log = find(topic, partition)
    if (log === undefined || log === 'empty') return undefined
    const { highWatermark, logStartOffset } = log
    const isCommitted = isolation === 'read_committed'
    const lastStableOffset = isCommitted ? log.lastStableOffset : highWatermark
    const records = log.locate(fetchOffset, { ...bounds, endOffset: lastStableOffset })
    if (records === undefined) return undefined
    const abortedTransactions = isCommitted ? log.abortedTransactions(fetchOffset, records.nextOffset) : []
    const known = { highWatermark, lastStableOffset, logStartOffset }
    return { topic, partition, error: null, ...known, records, abortedTransactions }
  } catch {
    // Whoever reads the records is told.
    return undefined
  }
}

export function listOffsets(find: FindLog, { isolation, partitions }: ListOffsetsRequest): ListOffsetsResponse {
  return {
    partitions: partitions.map(({ topic, partition, at }) => {
      const none = { topic, partition, error: null, offset: -1, timestampMs: -1, leaderEpoch: -1 }
      return answerFrom(find, none, (log) => {
        if (log !== 'empty') return offsetAt(log, at, isolation)
        return at === 'earliest' || at === 'latest' ? { offset: 0 } : {}
      })
    }),
  }
}

function offsetAt(log: LogView, at: ListOffsetsRequest['partitions'][number]['at'], isolation: Isolation) {
  const end = isolation === 'read_committed' ? log.lastStableOffset : log.highWatermark
  if (at === 'earliest') {
    const offset = log.logStartOffset
    return { offset, leaderEpoch: log.epochAt(offset) ?? -1 }
  }
  if (at === 'latest') return { offset: end, leaderEpoch: log.latestEpoch ?? -1 }
  const found = at === 'max-timestamp' ? log.maxTimestamp() : log.offsetForTimestamp(at.timestampMs)
  // At or past the readable end counts as "none yet": a consumer that starts there would wait at the end anyway.
  return found === undefined || found.offset >= end ? {} : found
}

export function offsetForLeaderEpoch(
  find: FindLog,
  request: OffsetForLeaderEpochRequest,
): OffsetForLeaderEpochResponse {
  return {
    partitions: request.partitions.map(({ topic, partition, leaderEpoch }) => {
      const none = { topic, partition, error: null, leaderEpoch: -1, endOffset: -1 }
      return answerFrom(find, none, (log) => (log === 'empty' ? {} : log.endOffsetForEpoch(leaderEpoch)))
    }),
  }
}

/** Many groups ask about one log up to its end: it is walked once for all of them. */
export function countRecords(find: FindLog, { partitions }: CountRecordsRequest): CountRecordsResponse {
  const answers = partitions.map(({ topic, partition }): PartitionAnswer & { records: number | null } => {
    return { topic, partition, error: null, records: null }
  })
  const alike = Map.groupBy(partitions.keys(), (at) => {
    const { topic, partition, toOffset } = partitions[at]!
    return `${topic}-${partition} ${toOffset}`
  })
  for (const asked of alike.values()) {
    const [first = 0] = asked
    const { toOffset } = partitions[first]!
    const offsets = [...new Set(asked.map((at) => partitions[at]!.fromOffset))].sort((a, b) => a - b)
    const counted = answerFrom<PartitionAnswer & { counts?: readonly number[] }>(find, answers[first]!, (log) => {
      return { counts: log === 'empty' ? offsets.map(() => 0) : log.countRecordsFrom(offsets, toOffset) }
    })
    const countOf = new Map(offsets.map((offset, index) => [offset, counted.counts?.[index] ?? null]))
    for (const at of asked) {
      const { error } = counted
      answers[at] = { ...answers[at]!, error, records: countOf.get(partitions[at]!.fromOffset) ?? null }
    }
  }
  return { partitions: answers }
}

/**
 * Reads every batch from `fromOffset` up to the end, in slices of at most 1 MiB, without checking their CRCs. Where damage
 * is in the way `onDamage` decides: it throws, or the slices go on behind it.
 */
export function* readSlices(
  log: LogView,
  fromOffset: number,
  onDamage: (error: DamagedLogError) => void,
): Generator<Buffer> {
  let offset = Math.max(fromOffset, log.logStartOffset)
  while (offset < log.logEndOffset) {
    let slice: Buffer
    try {
      slice = log.read(offset, READ_SLICE_BYTES, { limit: 'logEndOffset' })
    } catch (error) {
      if (!(error instanceof DamagedLogError) || error.nextReadableOffset <= offset) throw error
      onDamage(error)
      offset = error.nextReadableOffset
      continue
    }
    const nextOffset = nextOffsetAfter(slice)
    if (nextOffset <= offset) return
    yield slice
    offset = nextOffset
  }
}

/** Large enough that the fixed cost of a read vanishes, small enough to stay in the processor's cache. */
const READ_SLICE_BYTES = 1024 * 1024

function nextOffsetAfter(slice: Buffer): number {
  let next = 0
  for (let position = 0; position < slice.length; ) {
    const batch = new RecordBatch(slice, position)
    next = batch.nextOffset
    position += batch.sizeBytes
  }
  return next
}

/** The batches below `offset`, which is where one begins. */
function cutAt(slice: Buffer, offset: number): Buffer {
  let position = 0
  while (position < slice.length) {
    const batch = new RecordBatch(slice, position)
    if (batch.baseOffset >= offset) break
    position += batch.sizeBytes
  }
  return slice.subarray(0, position)
}
