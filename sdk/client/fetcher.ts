import type { FetchedPartition, FetchResponse, Isolation, TopicPartition } from '../broker/broker.ts'
import { fromPartitionError } from '../broker/partition-error.ts'
import { TidemarkError } from '../errors.ts'
import type { ClientContext } from './client-context.ts'
import type { PartitionBuffer } from './partition-buffer.ts'

export interface FetcherOptions {
  readonly isolation: Isolation
  /** Per partition. */
  readonly maxBufferedBytes: number
  /**
   * A partition cannot be fetched, and all that was fetched of it is handed out. It is left alone until `resume` is
   * called for it.
   */
  readonly onError: (buffer: PartitionBuffer, error: TidemarkError) => void
  /** Nothing can be fetched any more. */
  readonly onFailure: (error: TidemarkError) => void
}

/** Kafka's own `fetch.max.wait.ms`: how long a fetch waits where there is nothing to read. */
const MAX_WAIT_MS = 500
/** Kafka's own `fetch.max.bytes`: however many partitions are read, an answer stays below this. */
const MAX_FETCH_BYTES = 50 * 1024 * 1024
/** Kafka's own `max.partition.fetch.bytes`. Larger reads are not faster: the disk's cache gives 1 MiB in 60 µs. */
const MAX_PARTITION_FETCH_BYTES = 1024 * 1024
const RETRY_MS = 100

/**
 * Keeps the buffers of its partitions filled, by one fetch at a time that asks for every partition with room. A
 * partition nobody takes from is full and no longer asked for, so it does not hold up the others.
 */
export class Fetcher {
  readonly #context: ClientContext
  readonly #options: FetcherOptions
  #buffers: PartitionBuffer[] = []
  /** Whose turn it is. */
  #turn = 0
  /** Left alone: in trouble until somebody resumes them. */
  readonly #held = new Set<PartitionBuffer>()
  /** Trouble to be told of when everything before it was handed out. */
  readonly #troubles = new Map<PartitionBuffer, TidemarkError>()
  /** What the fetch under way asks for, and from which offset. */
  #asked: Map<PartitionBuffer, number> | undefined
  #interrupt = new AbortController()
  #isClosed = false
  #hasFailed = false
  #waiting: (() => void)[] = []
  /** Counts wake-ups, and what the count was when `take` last found nothing: one in between must not be missed. */
  #wakeUps = 0
  #wakeUpsSeen = 0

  constructor(context: ClientContext, options: FetcherOptions) {
    this.#context = context
    this.#options = options
  }

  get buffers(): readonly PartitionBuffer[] {
    return this.#buffers
  }

  add(buffer: PartitionBuffer): void {
    this.#buffers.push(buffer)
    this.#fetch()
    this.wake()
  }

  remove(buffer: PartitionBuffer): void {
    buffer.isRemoved = true
    this.#buffers = this.#buffers.filter((other) => other !== buffer)
    this.#held.delete(buffer)
    this.#troubles.delete(buffer)
    this.wake()
  }

  /** The partition may be fetched again. */
  resume(buffer: PartitionBuffer): void {
    this.#held.delete(buffer)
    this.#fetch()
  }

  /**
   * A partition with records to hand out, in turn, one record batch each. Partitions with `maxUndone` or more records
   * not processed are passed over. Throws where a partition can only tell bad news.
   */
  take(maxUndone: number): PartitionBuffer | undefined {
    const buffers = this.#buffers
    for (let step = 0; step < buffers.length; step++) {
      const at = (this.#turn + step) % buffers.length
      const buffer = buffers[at]!
      if (buffer.isPaused || buffer.prefix.undone >= maxUndone) continue
      if (!buffer.hasMore || buffer.take() === undefined) {
        if (this.#troubles.size > 0) this.#tellTrouble(buffer)
        continue
      }
      this.#turn = at + 1
      if (this.#wants(buffer)) this.#fetch()
      return buffer
    }
    this.#wakeUpsSeen = this.#wakeUps
    this.#fetch()
    return undefined
  }

  /** Resolves when `take` may answer differently than it last did. */
  changed(): Promise<void> {
    if (this.#isClosed || this.#wakeUps !== this.#wakeUpsSeen) {
      this.#wakeUpsSeen = this.#wakeUps
      return Promise.resolve()
    }
    this.#fetch()
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  wake(): void {
    this.#wakeUps++
    if (this.#waiting.length === 0) return
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve()
  }

  close(): void {
    this.#isClosed = true
    this.#interrupt.abort()
    for (const buffer of this.#buffers) buffer.isRemoved = true
    this.#buffers = []
    this.wake()
  }

  /** Fetches for whoever has room. A fetch that waits for others is cut short, for they can wait in the next one. */
  #fetch(): void {
    if (this.#isClosed || this.#hasFailed) return
    const asked = this.#asked
    const wanting = this.#buffers.filter((buffer) => this.#wants(buffer) && asked?.get(buffer) !== buffer.fetchOffset)
    if (wanting.length === 0) return
    if (asked !== undefined) {
      this.#interrupt.abort()
      return
    }
    // The order changes from fetch to fetch, since those in front may use up what one answer can hold.
    const turn = this.#turn % wanting.length
    void this.#ask([...wanting.slice(turn), ...wanting.slice(0, turn)])
  }

  #wants(buffer: PartitionBuffer): boolean {
    return buffer.wants(this.#options.maxBufferedBytes) && !this.#held.has(buffer)
  }

  async #ask(buffers: readonly PartitionBuffer[]): Promise<void> {
    const asked = new Map(buffers.map((buffer) => [buffer, buffer.fetchOffset]))
    this.#asked = asked
    this.#interrupt = new AbortController()
    try {
      this.#accept(await this.#request(buffers), asked)
    } catch (error) {
      this.#fail(error, buffers)
    }
    this.#asked = undefined
    this.wake()
    this.#fetch()
  }

  #request(buffers: readonly PartitionBuffer[]): Promise<FetchResponse> {
    const { maxBufferedBytes, isolation } = this.#options
    return this.#context.broker.fetch({
      partitions: buffers.map(({ topic, partition, fetchOffset, bufferedBytes }) => {
        // Half, so that the next half can be fetched while this one is handed out.
        const maxBytes = Math.min(
          maxBufferedBytes - bufferedBytes,
          Math.ceil(maxBufferedBytes / 2),
          MAX_PARTITION_FETCH_BYTES,
        )
        return { topic, partition, fetchOffset, maxBytes }
      }),
      maxWaitMs: MAX_WAIT_MS,
      minBytes: 1,
      maxBytes: MAX_FETCH_BYTES,
      isolation,
      signal: this.#interrupt.signal,
    })
  }

  #accept(response: FetchResponse, asked: ReadonlyMap<PartitionBuffer, number>): void {
    let index = -1
    for (const [buffer, offset] of asked) {
      index++
      // Given up, or moved elsewhere meanwhile: these are not the records it waits for.
      if (buffer.isRemoved || buffer.fetchOffset !== offset) continue
      const expected = response.partitions[index]
      const answer = isAbout(expected, buffer) ? expected : response.partitions.find((each) => isAbout(each, buffer))
      if (answer === undefined) continue
      const code = answer.error?.code
      if (code === undefined || code === 'CORRUPT_BATCH') buffer.add(answer, this.#endOf(answer))
      else this.#hold(buffer, fromPartitionError(answer.error!, { ...placeOf(buffer), offset }))
    }
  }

  #endOf(answer: FetchedPartition): number {
    return this.#options.isolation === 'read_committed' ? answer.lastStableOffset : answer.highWatermark
  }

  #fail(error: unknown, buffers: readonly PartitionBuffer[]): void {
    if (this.#isClosed) return
    const known =
      error instanceof TidemarkError ? error : new TidemarkError('STORAGE_ERROR', String(error), { cause: error })
    if (known.retriable) {
      for (const buffer of buffers) if (!buffer.isRemoved) this.#retryLater(buffer)
      return
    }
    // Whoever iterates hears of it at its next record, which may be long in coming.
    this.#hasFailed = true
    this.#options.onFailure(known)
  }

  #hold(buffer: PartitionBuffer, error: TidemarkError): void {
    this.#held.add(buffer)
    if (error.retriable && error.code !== 'UNKNOWN_TOPIC') this.#retryLater(buffer)
    else this.#troubles.set(buffer, error)
    if (!buffer.hasMore) this.#tellTrouble(buffer)
  }

  #tellTrouble(buffer: PartitionBuffer): void {
    const error = this.#troubles.get(buffer)
    if (error === undefined || buffer.hasMore) return
    this.#troubles.delete(buffer)
    this.#options.onError(buffer, error)
  }

  #retryLater(buffer: PartitionBuffer): void {
    this.#held.add(buffer)
    this.#context.environment.timers.after(RETRY_MS, () => this.resume(buffer))
  }
}

function isAbout<A extends TopicPartition>(answer: A | undefined, buffer: PartitionBuffer): answer is A {
  return answer?.partition === buffer.partition && answer.topic === buffer.topic
}

function placeOf({ topic, partition }: TopicPartition): TopicPartition {
  return { topic, partition }
}
