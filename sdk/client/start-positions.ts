import type { Broker, CommittedOffset, Isolation, PartitionAnswer, TopicPartition } from '../broker/broker.ts'
import { fromPartitionError } from '../broker/partition-error.ts'
import { TidemarkError } from '../errors.ts'
import type { ClientContext } from './client-context.ts'
import { offsetsAt, type Position } from './position.ts'
import { isSamePartition } from './topic-partition.ts'

/**
 * What to do where a position points to records that are no longer there, or never were: throw, or go on (with a warning)
 * at the first record that is there, or at the end.
 */
export type WhenLost = 'throw' | 'earliest' | 'latest'

export interface StartOptions {
  readonly group: string
  readonly isolation: Isolation
  readonly whenNew: Position
  readonly whenLost: WhenLost
}

/** Where a group goes on in a partition. */
export interface Start extends TopicPartition {
  readonly offset: number
  readonly leaderEpoch: number
  /** True where no commit says so yet and another start would find another place. */
  readonly remember: boolean
  /** The end of what can be read now. */
  readonly endOffset: number
  /** What stands beside the commit; '' where the group does not start at one. */
  readonly metadata: string
}

/** Why a position cannot be used. */
interface Loss {
  readonly code: 'LOG_TRUNCATED' | 'OFFSET_OUT_OF_RANGE'
  readonly why: string
  /** Up to here the log is the one the group read. */
  readonly agreedOffset: number | undefined
}

type Commit = PartitionAnswer & CommittedOffset

/** Finds where a group goes on: at its commit if that still fits the log, else as `whenNew` and `whenLost` say. */
export class StartPositions {
  readonly #context: ClientContext
  readonly #options: StartOptions

  constructor(context: ClientContext, options: StartOptions) {
    this.#context = context
    this.#options = options
  }

  /** @throws {TidemarkError} LOG_TRUNCATED, OFFSET_OUT_OF_RANGE (with `whenLost: 'throw'`), UNKNOWN_TOPIC, STORAGE_ERROR */
  async find(partitions: readonly TopicPartition[]): Promise<Start[]> {
    const commits = await this.#commits(partitions)
    const starts: Start[] = []
    for (const place of partitions) {
      const commit = commits.find((each) => isSamePartition(each, place))
      starts.push(commit === undefined ? await this.#startNew(place) : await this.#resume(place, commit))
    }
    return starts
  }

  /** Where to go on when the records at `offset` turn out to be gone while a loop runs. */
  async replace(place: TopicPartition, offset: number): Promise<Start> {
    const [start, end] = await this.#range(place)
    return await this.#recover(place, offset, outside(offset, start, end), start, end)
  }

  /** Where somebody wants to go on. @throws {TidemarkError} OFFSET_OUT_OF_RANGE where there is no such place */
  async at(place: TopicPartition, position: Position): Promise<Start> {
    const { broker } = this.#context
    const [found] = await offsetsAt(broker, [place], position, this.#options.isolation)
    const [start, end] = await this.#range(place)
    const { offset } = found!
    if (offset < start || offset > end) {
      const { topic, partition } = place
      const message = `Offset ${offset} of ${topic}-${partition} is not there to go on at: the log begins at ${start} and ends at ${end}.`
      throw new TidemarkError('OFFSET_OUT_OF_RANGE', message, { topic, partition, offset })
    }
    return await this.#startAt(place, offset, end)
  }

  async #commits(partitions: readonly TopicPartition[]): Promise<Commit[]> {
    const { broker } = this.#context
    const { group } = this.#options
    const answers = (await broker.offsetFetch({ group, partitions, requireStable: true })).partitions
    const topics = (await broker.metadata({ topics: [...new Set(partitions.map(({ topic }) => topic))] })).topics
    return answers.filter((answer) => {
      if (answer.error !== null) throw fromPartitionError(answer.error, answer)
      // A commit for another topic that had this name says nothing about this one.
      const topicId = topics.find(({ name }) => name === answer.topic)?.topicId
      return answer.topicId === null || topicId === undefined || answer.topicId === topicId
    })
  }

  async #startNew(place: TopicPartition): Promise<Start> {
    const { whenNew, isolation } = this.#options
    const { broker } = this.#context
    const [found] = await offsetsAt(broker, [place], whenNew, isolation)
    const [, end] = await this.#range(place)
    const start = await this.#startAt(place, found!.offset, end)
    // 'earliest' is found again until something is committed. The end would be another one next time: records sent in
    // between would be skipped.
    return { ...start, remember: whenNew !== 'earliest' }
  }

  async #resume(place: TopicPartition, commit: Commit): Promise<Start> {
    const { offset, leaderEpoch, metadata } = commit
    const [start, end] = await this.#range(place)
    const loss = (await this.#findCut(place, offset, leaderEpoch)) ?? findOutside(offset, start, end)
    if (loss !== undefined) return await this.#recover(place, offset, loss, start, end)
    return { ...place, offset, leaderEpoch, remember: false, endOffset: await this.#endFor(place, end), metadata }
  }

  /** KIP-320: whether the log still has, up to `offset`, the history that was read. */
  async #findCut({ topic, partition }: TopicPartition, offset: number, leaderEpoch: number): Promise<Loss | undefined> {
    if (leaderEpoch < 0) return undefined
    const { broker } = this.#context
    const answer = (await broker.offsetForLeaderEpoch({ partitions: [{ topic, partition, leaderEpoch }] }))
      .partitions[0]
    if (answer === undefined) return undefined
    if (answer.error !== null) throw fromPartitionError(answer.error, { topic, partition })
    if (answer.endOffset >= offset) return undefined
    if (answer.endOffset < 0) {
      const why = `the log does not know the leader epoch ${leaderEpoch} of that commit: it has another history`
      return { code: 'LOG_TRUNCATED', why, agreedOffset: undefined }
    }
    const why = `the log was cut at offset ${answer.endOffset} since, so the records from there on are others or gone`
    return { code: 'LOG_TRUNCATED', why, agreedOffset: answer.endOffset }
  }

  async #recover(place: TopicPartition, offset: number, loss: Loss, start: number, end: number): Promise<Start> {
    const { group, whenLost } = this.#options
    const { topic, partition } = place
    const said = `Group "${group}" is at offset ${offset} of ${topic}-${partition}, but ${loss.why}.`
    // What was read and is still there need not be read again.
    const earliest = Math.min(Math.max(loss.agreedOffset ?? start, start), end)
    if (whenLost === 'throw') {
      const choices = `whenLost 'earliest' goes on at ${earliest}, 'latest' at ${end}; or reset the group.`
      throw new TidemarkError(loss.code, `${said} ${choices}`, { topic, partition, offset })
    }
    const found = whenLost === 'earliest' ? earliest : end
    const { process } = this.#context.environment
    process.emitWarning(`${said} It goes on at ${found} (whenLost: '${whenLost}').`, 'TIDEMARK_POSITION_LOST')
    return await this.#startAt(place, found, end)
  }

  /** Where no commit is that says more than the offset. */
  async #startAt(place: TopicPartition, offset: number, end: number): Promise<Start> {
    const endOffset = await this.#endFor(place, end)
    return { ...place, offset, leaderEpoch: -1, remember: true, endOffset, metadata: '' }
  }

  async #range(place: TopicPartition): Promise<[startOffset: number, endOffset: number]> {
    return await readableRange(this.#context.broker, place)
  }

  /** Open transactions hide the records behind them, which does not make a position there a lost one. */
  async #endFor(place: TopicPartition, end: number): Promise<number> {
    const { isolation } = this.#options
    if (isolation === 'read_uncommitted') return end
    const [stable] = await offsetsAt(this.#context.broker, [place], 'latest', isolation)
    return stable!.offset
  }
}

/** The first offset that can be read, and the one behind the last. */
export async function readableRange(
  broker: Broker,
  place: TopicPartition,
): Promise<[startOffset: number, endOffset: number]> {
  const [start] = await offsetsAt(broker, [place], 'earliest')
  const [end] = await offsetsAt(broker, [place], 'latest')
  return [start!.offset, end!.offset]
}

function findOutside(offset: number, start: number, end: number): Loss | undefined {
  return offset < start || offset > end ? outside(offset, start, end) : undefined
}

function outside(offset: number, start: number, end: number): Loss {
  if (offset > end) {
    const why = `its log ends at offset ${end}`
    return { code: 'LOG_TRUNCATED', why, agreedOffset: undefined }
  }
  const why = `its first record is ${start}: the ones from ${offset} to ${start - 1} are gone`
  return { code: 'OFFSET_OUT_OF_RANGE', why, agreedOffset: undefined }
}
