/**
 * How messages cross a local socket: the length of what follows (4 bytes), the length of the JSON (4), the JSON, and
 * behind it the bytes that it speaks of, as they are.
 */
export interface Frame {
  readonly json: unknown
  readonly attachments: Uint8Array
}

const LENGTHS_BYTES = 8
/** What is parsed in one go. Names and numbers of a hundred thousand partitions fit. */
const MAX_JSON_BYTES = 16 * 1024 * 1024

/** The pieces of a frame, to be written one after the other. Attachments are not copied. @throws {FrameError} */
export function encodeFrame(json: unknown, attachments: readonly Uint8Array[] = []): Uint8Array[] {
  const text = Buffer.from(JSON.stringify(json), 'utf8')
  if (text.length > MAX_JSON_BYTES) throw new FrameError(`a message with ${text.length} bytes of JSON`)
  const attached = attachments.reduce((sum, { length }) => sum + length, 0)
  const lengths = Buffer.alloc(LENGTHS_BYTES)
  lengths.writeUInt32BE(4 + text.length + attached, 0)
  lengths.writeUInt32BE(text.length, 4)
  return [lengths, text, ...attachments]
}

/** Why a connection cannot go on: what came is no message. */
export class FrameError extends Error {}

/** Puts frames together from pieces of any size. Holds at most one frame, and no more of it than has arrived. */
export class FrameReader {
  readonly #maxBytes: number
  #pieces: Uint8Array[] = []
  #held = 0
  /** Of the frame that is arriving, its length included; what the next one needs at least until that is known. */
  #wanted = LENGTHS_BYTES

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** The frames that are whole now. @throws {FrameError} after which nothing more can be read */
  *read(bytes: Uint8Array): Generator<Frame> {
    this.#pieces.push(bytes)
    this.#held += bytes.length
    while (this.#held >= this.#wanted) {
      const all = this.#pieces.length === 1 ? this.#pieces[0]! : Buffer.concat(this.#pieces, this.#held)
      const buffer = Buffer.from(all.buffer, all.byteOffset, all.byteLength)
      this.#pieces = [buffer]
      const size = this.#sizeOf(buffer)
      this.#wanted = size
      if (buffer.length < size) return
      const rest = buffer.subarray(size)
      this.#pieces = rest.length === 0 ? [] : [rest]
      this.#held = rest.length
      this.#wanted = LENGTHS_BYTES
      yield frameOf(buffer.subarray(0, size))
    }
  }

  #sizeOf(buffer: Buffer): number {
    const length = buffer.readUInt32BE(0)
    if (length > this.#maxBytes) {
      throw new FrameError(`a message of ${length} bytes, and at most ${this.#maxBytes} are taken`)
    }
    const textLength = buffer.readUInt32BE(4)
    if (length < 4 || textLength > length - 4) throw new FrameError('a message whose lengths contradict')
    if (textLength > MAX_JSON_BYTES) throw new FrameError(`a message with ${textLength} bytes of JSON`)
    return 4 + length
  }
}

function frameOf(buffer: Buffer): Frame {
  const end = LENGTHS_BYTES + buffer.readUInt32BE(4)
  try {
    return { json: JSON.parse(buffer.toString('utf8', LENGTHS_BYTES, end)), attachments: buffer.subarray(end) }
  } catch {
    throw new FrameError('a message that is no JSON')
  }
}
