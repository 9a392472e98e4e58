const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d

/** The lines of a stream as bytes, without their ends (`\n` or `\r\n`). Ends early, without an error, once `signal` aborts. */
export async function* inputLines(input: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<Buffer> {
  const parts: Buffer[] = []
  const iterator = input[Symbol.asyncIterator]()
  try {
    for (;;) {
      const next = await untilAborted(iterator.next(), signal)
      if (next === undefined || next.done) break
      let rest = Buffer.from(next.value.buffer, next.value.byteOffset, next.value.byteLength)
      for (let end = rest.indexOf(LINE_FEED); end !== -1; end = rest.indexOf(LINE_FEED)) {
        parts.push(rest.subarray(0, end))
        yield withoutReturn(joined(parts))
        rest = rest.subarray(end + 1)
      }
      if (rest.length > 0) parts.push(rest)
    }
    // A last line without an end.
    if (!signal.aborted && parts.length > 0) yield withoutReturn(joined(parts))
  } finally {
    // Not awaited: an aborted read never settles.
    void iterator.return?.()?.catch(() => {})
  }
}

function joined(parts: Buffer[]): Buffer {
  const [first] = parts
  const line = parts.length === 1 && first !== undefined ? first : Buffer.concat(parts)
  parts.length = 0
  return line
}

function withoutReturn(line: Buffer): Buffer {
  return line.at(-1) === CARRIAGE_RETURN ? line.subarray(0, -1) : line
}

function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  if (signal.aborted) return Promise.resolve(undefined)
  return new Promise((resolve, reject) => {
    const stop = () => resolve(undefined)
    signal.addEventListener('abort', stop, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}
