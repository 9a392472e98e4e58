import { expect, test } from 'vitest'
import { encodeFrame, FrameError, FrameReader } from '../../../sdk/broker/frame.ts'
import {
  bytes,
  count,
  listOf,
  mapOf,
  nullable,
  object,
  optional,
  type Shape,
  ShapeError,
  text,
  unpack,
} from '../../../sdk/broker/shape.ts'
import { seededRandom } from '../../support/seeded-random.ts'

const SEED = Number(process.env['SEED'] ?? Date.now() % 100_000)

interface Letter {
  readonly to: string
  readonly pages: readonly Uint8Array[]
  readonly note: string | null
  readonly copies?: number | undefined
}

const letter: Shape<Letter> = object<Letter>({
  to: text,
  pages: listOf(bytes),
  note: nullable(text),
  copies: optional(count),
})

function sent(value: Letter): Buffer {
  const attachments: Uint8Array[] = []
  const json = letter.pack(value, attachments)
  return Buffer.concat(encodeFrame(json, attachments))
}

function received(reader: FrameReader, pieces: readonly Uint8Array[]): Letter[] {
  return pieces.flatMap((piece) =>
    [...reader.read(piece)].map(({ json, attachments }) => unpack(letter, json, attachments)),
  )
}

test(`messages arrive as they were sent, however they are cut into pieces (SEED=${SEED})`, () => {
  const random = seededRandom(SEED)
  const below = (limit: number) => Math.floor(random() * limit)
  for (let round = 0; round < 200; round++) {
    const letters = Array.from({ length: 1 + below(4) }, (_, n): Letter => {
      const pages = Array.from({ length: below(4) }, () => Buffer.alloc(below(300), below(256)))
      return { to: `Zoë ${n}`, pages, note: n === 0 ? null : 'n', ...(n === 1 ? { copies: n } : {}) }
    })
    const all = Buffer.concat(letters.map(sent))
    const pieces: Buffer[] = []
    for (let at = 0; at < all.length; ) {
      const size = 1 + below(100)
      pieces.push(all.subarray(at, at + size))
      at += size
    }
    expect(received(new FrameReader(10_000), pieces), `SEED=${SEED}, round ${round}`).toEqual(letters)
  }
})

test('a message that is too long is refused by its length, before it has arrived', () => {
  const whole = sent({ to: 'a', pages: [Buffer.alloc(1_000)], note: null })
  const reader = new FrameReader(500)
  expect(() => received(reader, [whole.subarray(0, 8)])).toThrow(FrameError)
})

test('what does not fit its shape is refused with the place', () => {
  const wrong: readonly (readonly [unknown, Uint8Array, string])[] = [
    [null, Buffer.alloc(0), 'It must be an object'],
    [{ to: 1 }, Buffer.alloc(0), 'to must be text'],
    [{ to: 'a', pages: [3], note: null }, Buffer.alloc(2), 'pages[0] must be no more than the 2 bytes that follow'],
    [{ to: 'a', pages: [-1], note: null }, Buffer.alloc(2), 'pages[0] must be a whole number from 0 on'],
    [{ to: 'a', pages: [], note: null }, Buffer.alloc(2), '2 bytes belong to nothing'],
    [{ to: 'a', pages: [] }, Buffer.alloc(0), 'note must be text'],
  ]
  for (const [json, attachments, message] of wrong) {
    expect(() => unpack(letter, json, attachments)).toThrow(new ShapeError(message))
  }
})

test('a name such as "__proto__" is one like any other', () => {
  const shape = mapOf(text)
  const json: unknown = JSON.parse('{"__proto__": "mine", "a": "b"}')
  const unpacked = unpack(shape, json, Buffer.alloc(0))
  expect(Object.entries(unpacked)).toEqual([
    ['__proto__', 'mine'],
    ['a', 'b'],
  ])
  expect(Object.getPrototypeOf(unpacked)).toBe(Object.prototype)
})
