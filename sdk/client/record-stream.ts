import { Duplex, Readable, type Writable } from 'node:stream'
import { ReadableStream } from 'node:stream/web'
import { checkOptions, count } from './option-check.ts'

/** How a stream of Node's is made. */
export interface StreamOptions {
  /** Records that it asks for ahead. Default 16, as all of Node's streams of objects. */
  readonly highWaterMark?: number | undefined
}

/** Node's `Readable` in object mode, which knows what it gives. */
export interface RecordReadable<R> extends Readable {
  /** The next record, if one is there. */
  read(size?: number): R | null
  /** Record by record; leaving the loop destroys the stream. */
  [Symbol.asyncIterator](): NodeJS.AsyncIterator<R>
}

const DEFAULT_HIGH_WATER_MARK = 16
const STREAM_KINDS = { highWaterMark: count(1) }

/** @throws {TidemarkError} INVALID_ARGUMENT */
export function checkStreamOptions(call: string, options: StreamOptions): void {
  checkOptions(call, options, STREAM_KINDS)
}

/** What a loop gives, as a stream of Node's; destroying it leaves the loop. */
export function readableOf<R>(loop: AsyncIterator<R, undefined>, options: StreamOptions): RecordReadable<R> {
  const { highWaterMark = DEFAULT_HIGH_WATER_MARK } = options
  return Readable.from(iterableOf(loop), { objectMode: true, highWaterMark })
}

/** The same as a stream of the web. It asks for nothing ahead; cancelling it leaves the loop. */
export function webStreamOf<R>(loop: AsyncIterator<R, undefined>): ReadableStream<R> {
  return ReadableStream.from(iterableOf(loop))
}

/** What is written goes to `send`, which takes the next when it can. Destroying the stream ends it. */
export function writableOf<R>(send: (records: AsyncIterable<R>, signal: AbortSignal) => Promise<unknown>): Writable {
  return Duplex.from(async (records: AsyncIterable<R>, { signal }: { signal: AbortSignal }) => {
    await send(records, signal)
  })
}

/** Streams leave a loop when it has ended, too: then the rest may still be worked on. */
function iterableOf<R>(loop: AsyncIterator<R, undefined>): AsyncIterable<R> {
  let hasEnded = false
  const iterator: AsyncIterator<R, undefined> = {
    async next() {
      const result = await loop.next()
      hasEnded = result.done === true
      return result
    },
    async return() {
      if (!hasEnded) await loop.return?.()
      return { done: true, value: undefined }
    },
  }
  return { [Symbol.asyncIterator]: () => iterator }
}
