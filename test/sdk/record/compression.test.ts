import { readFileSync } from 'node:fs'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { snappyCompress } from 'hysnappy'
import { expect, test } from 'vitest'
import { TidemarkError } from '../../../sdk/errors.ts'
import { type CodecName, compress, decompress } from '../../../sdk/record/compression.ts'
import { seededRandom } from '../../support/seeded-random.ts'

const MIB = 1024 * 1024

function fixture(name: string): Buffer {
  return readFileSync(new URL(`../../fixtures/record/${name}`, import.meta.url))
}

/** What the fixtures hold: more than one block of any codec. */
function sampleText(): Buffer {
  let text = ''
  for (let line = 0; text.length < 100_000; line++)
    text += `line ${line} of ${line % 17}: ${'tide mark '.repeat(line % 9)}\n`
  return Buffer.from(text)
}

/** Snappy as snappy-java frames it: header, then blocks of 32 KiB. */
function xerial(bytes: Buffer, blockBytes = 32 * 1024): Buffer {
  const parts: Buffer[] = [Buffer.from('82534e4150505900' + '00000001' + '00000001', 'hex')]
  for (let at = 0; at < bytes.length; at += blockBytes) {
    const block = snappyCompress(bytes.subarray(at, at + blockBytes))
    const length = Buffer.alloc(4)
    length.writeInt32BE(block.length)
    parts.push(length, Buffer.from(block))
  }
  return Buffer.concat(parts)
}

/** One lz4 frame of the given blocks: 64 KiB at most each, independent, without checksums. */
function lz4Frame(...blocks: { readonly data: Buffer; readonly stored?: boolean }[]): Buffer {
  const parts: Buffer[] = [Buffer.from('04224d18604082', 'hex')]
  for (const { data, stored } of blocks) {
    const size = Buffer.alloc(4)
    size.writeUInt32LE(data.length + (stored ? 0x8000_0000 : 0))
    parts.push(size, data)
  }
  return Buffer.concat([...parts, Buffer.alloc(4)])
}

function corruption(codec: CodecName, bytes: Buffer, maxBytes?: number): string {
  try {
    decompress(codec, bytes, maxBytes)
  } catch (error) {
    expect(error).toBeInstanceOf(TidemarkError)
    expect((error as TidemarkError).code).toBe('CORRUPT_BATCH')
    return (error as TidemarkError).message
  }
  throw new Error('nothing was thrown')
}

for (const name of ['lz4-linked-blocks.lz4', 'lz4-checksums-and-size.lz4', 'lz4-no-checksum.lz4', 'snappy-raw.bin']) {
  test(`${name}, written by others, is read`, () => {
    const codec = name.startsWith('lz4') ? 'lz4' : 'snappy'
    expect(decompress(codec, fixture(name)).equals(sampleText())).toBe(true)
  })
}

test('xerial snappy of many blocks is read, and so is one without blocks', () => {
  expect(decompress('snappy', xerial(sampleText())).equals(sampleText())).toBe(true)
  expect(decompress('snappy', xerial(sampleText(), 1000)).equals(sampleText())).toBe(true)
  expect(decompress('snappy', xerial(Buffer.alloc(0)))).toHaveLength(0)
})

test('snappy beyond the kept instance is read in one of its own', () => {
  const large = Buffer.alloc(5 * MIB, 'tidemark')
  expect(decompress('snappy', Buffer.from(snappyCompress(large))).equals(large)).toBe(true)
})

test('what is written in gzip and zstd is read again, whatever its size', () => {
  for (const codec of ['gzip', 'zstd'] as const) {
    for (const size of [0, 1, 100, 20_000, 3 * MIB]) {
      const bytes = Buffer.alloc(size, sampleText())
      expect(decompress(codec, compress(codec, bytes)).equals(bytes), `${codec} ${size}`).toBe(true)
    }
  }
})

test('lz4: stored blocks, several frames and skippable ones are read', () => {
  const text = sampleText().subarray(0, 1000)
  const skippable = Buffer.from('502a4d1803000000aabbcc', 'hex')
  const frames = Buffer.concat([
    skippable,
    lz4Frame({ data: text, stored: true }),
    lz4Frame(),
    fixture('lz4-linked-blocks.lz4'),
  ])
  expect(decompress('lz4', frames).equals(Buffer.concat([text, sampleText()]))).toBe(true)
})

test('lz4: a match that overlaps itself repeats what it has just written', () => {
  // One literal "a", a match of 4 + 15 + 255 + 1 bytes at offset 1, then "bc", 40 bytes from 2 back, and the last literal.
  const block = Buffer.concat([
    Buffer.from([0x1f, 0x61, 0x01, 0x00, 255, 1]),
    Buffer.from([0x2f, 0x62, 0x63, 0x02, 0x00, 21]),
    Buffer.from([0x10, 0x21]),
  ])
  expect(decompress('lz4', lz4Frame({ data: block })).toString()).toBe(`${'a'.repeat(276)}${'bc'.repeat(21)}!`)
})

const damages: [codec: CodecName, name: string, bytes: Buffer, message: string][] = [
  ['gzip', 'no gzip at all', Buffer.from('hello'), 'gzip: '],
  ['gzip', 'nothing', Buffer.alloc(0), 'gzip: '],
  ['gzip', 'a truncated member', gzipSync(sampleText()).subarray(0, -20), 'gzip: '],
  ['zstd', 'no zstd at all', Buffer.from('hello'), 'zstd: '],
  ['zstd', 'nothing', Buffer.alloc(0), 'zstd: '],
  ['zstd', 'a truncated frame', zstdCompressSync(sampleText()).subarray(0, -20), 'zstd: '],
  ['snappy', 'nothing', Buffer.alloc(0), 'it is empty'],
  ['snappy', 'a length without end', Buffer.alloc(9, 0xff), 'longer than 5 bytes'],
  ['snappy', 'a lying length', Buffer.from('ffffffff0f0061', 'hex'), 'says it holds 4294967295'],
  ['snappy', 'a length that is too small', Buffer.from('010861', 'hex'), 'snappy: '],
  ['snappy', 'a literal of a negative length', Buffer.from('05fcfaffffff', 'hex'), 'snappy: '],
  ['snappy', 'a truncated block', fixture('snappy-raw.bin').subarray(0, -5), 'snappy: '],
  ['snappy', 'a xerial block longer than the rest', xerial(sampleText()).subarray(0, -5), 'a block declares'],
  [
    'snappy',
    'a xerial block of a negative length',
    Buffer.concat([xerial(Buffer.alloc(0)), Buffer.alloc(4, 0xff)]),
    'declares -1',
  ],
  [
    'snappy',
    'a xerial length cut off',
    Buffer.concat([xerial(Buffer.alloc(0)), Buffer.alloc(2)]),
    'ends inside the length',
  ],
  ['lz4', 'nothing', Buffer.alloc(0), 'cut off'],
  ['lz4', 'no lz4 at all', Buffer.from('hello'), 'no frame begins with'],
  ['lz4', 'an unknown version', Buffer.from('04224d18a0408200000000', 'hex'), 'its header is unknown'],
  ['lz4', 'an unknown block size', Buffer.from('04224d1860308200000000', 'hex'), 'its header is unknown'],
  ['lz4', 'a dictionary', Buffer.from('04224d1861408200000000', 'hex'), 'needs a dictionary'],
  ['lz4', 'a frame without its end mark', lz4Frame().subarray(0, -4), 'cut off'],
  ['lz4', 'a block longer than the rest', Buffer.from('04224d18604082ffffff7f00', 'hex'), 'cut off'],
  ['lz4', 'a stored block beyond its size', lz4Frame({ data: Buffer.alloc(70_000), stored: true }), 'holds more than'],
  ['lz4', 'a match before the start', lz4Frame({ data: Buffer.from('10610200', 'hex') }), 'reaches 2 bytes back'],
  ['lz4', 'a match at offset 0', lz4Frame({ data: Buffer.from('10610000', 'hex') }), 'reaches 0 bytes back'],
  [
    'lz4',
    'a match into an independent block before',
    lz4Frame({ data: Buffer.from('1061', 'hex') }, { data: Buffer.from('000100', 'hex') }),
    'reaches 1 bytes back',
  ],
  ['lz4', 'literals beyond the block', lz4Frame({ data: Buffer.from('f0ff61', 'hex') }), 'literals end behind'],
  ['lz4', 'a block that ends in a match', lz4Frame({ data: Buffer.from('10610100', 'hex') }), 'ends inside a sequence'],
  ['lz4', 'a block cut in an offset', lz4Frame({ data: Buffer.from('106101', 'hex') }), 'ends inside a sequence'],
  [
    'lz4',
    'a block that grows beyond its size',
    lz4Frame({
      data: Buffer.concat([Buffer.from('1f610100', 'hex'), Buffer.alloc(300, 255), Buffer.from('001061', 'hex')]),
    }),
    'holds more than',
  ],
  ['lz4', 'a content size that lies', Buffer.from('04224d18684040000000000000008200000000', 'hex'), 'declares 64'],
]
for (const [codec, name, bytes, message] of damages) {
  test(`${codec}: ${name} is CORRUPT_BATCH`, () => {
    expect(corruption(codec, bytes)).toContain(message)
  })
}

test('bombs end at the limit, in memory bounded by it', () => {
  const zeros = Buffer.alloc(16 * MIB)
  const block = Buffer.concat([Buffer.from([0x1f, 0, 1, 0]), Buffer.alloc(256, 255), Buffer.from([0, 0x10, 0])])
  const bombs: [CodecName, Buffer][] = [
    ['gzip', gzipSync(zeros)],
    ['zstd', zstdCompressSync(zeros)],
    ['snappy', Buffer.from(snappyCompress(zeros))],
    ['snappy', xerial(zeros)],
    ['lz4', lz4Frame(...Array.from({ length: 256 }, () => ({ data: block })))],
  ]
  for (const [codec, bomb] of bombs) {
    const before = process.memoryUsage().arrayBuffers
    expect(corruption(codec, bomb, MIB)).toMatch(/more than .* allowed/)
    expect(process.memoryUsage().arrayBuffers - before, codec).toBeLessThan(4 * MIB)
    expect(decompress(codec, bomb, 17 * MIB).length, codec).toBeGreaterThan(15 * MIB)
  }
})

test('exactly the limit is allowed, one byte less is not', () => {
  const text = sampleText()
  const compressed: [CodecName, Buffer][] = [
    ['gzip', gzipSync(text)],
    ['zstd', zstdCompressSync(text)],
    ['snappy', fixture('snappy-raw.bin')],
    ['snappy', xerial(text)],
    ['lz4', fixture('lz4-linked-blocks.lz4')],
  ]
  for (const [codec, bytes] of compressed) {
    expect(decompress(codec, bytes, text.length)).toHaveLength(text.length)
    expect(corruption(codec, bytes, text.length - 1)).toContain('allowed')
  }
})

const SEED = Number(process.env['SEED'] ?? 20_261_124)
test(`damaged payloads of every codec give bytes or CORRUPT_BATCH, within the limit (SEED=${SEED})`, () => {
  const random = seededRandom(SEED)
  const payloads: [CodecName, Buffer][] = [
    ['gzip', gzipSync(sampleText())],
    ['zstd', zstdCompressSync(sampleText())],
    ['snappy', fixture('snappy-raw.bin')],
    ['snappy', xerial(sampleText())],
    ['lz4', fixture('lz4-linked-blocks.lz4')],
    ['lz4', fixture('lz4-checksums-and-size.lz4')],
  ]
  for (let step = 0; step < 1500; step++) {
    const [codec, valid] = payloads[step % payloads.length]!
    const bytes = Buffer.from(valid.subarray(0, random() < 0.2 ? Math.floor(random() * valid.length) : valid.length))
    const near = random() < 0.5 ? Math.min(bytes.length, 64) : bytes.length
    for (let flips = Math.floor(random() * 4); flips >= 0; flips--)
      bytes[Math.floor(random() * near)] = Math.floor(random() * 256)
    try {
      expect(decompress(codec, bytes, MIB).length).toBeLessThanOrEqual(MIB)
    } catch (error) {
      expect(error, `step ${step}, ${codec}`).toBeInstanceOf(TidemarkError)
      expect(error).toMatchObject({ code: 'CORRUPT_BATCH' })
    }
  }
})

test.for(['snappy', 'lz4'] as const)(
  '%s is written so that it reads back, at every size around its limits and for any bytes',
  (codec) => {
    const random = seededRandom(11)
    const sizes = [
      0, 1, 4, 5, 11, 12, 13, 14, 15, 16, 17, 60, 61, 255, 270, 271, 32_767, 32_768, 32_769, 65_535, 65_536, 65_537,
      200_000,
    ]
    const fills: readonly ((index: number) => number)[] = [
      () => 0,
      (index) => index & 3,
      (index) => (index * 7) & 0xff,
      () => Math.floor(random() * 256),
      () => Math.floor(random() * 3),
      (index) => (Math.floor(index / 100) % 2 === 0 ? index & 0xff : 65),
    ]
    for (const size of sizes) {
      for (const [which, fill] of fills.entries()) {
        const bytes = Buffer.from(Uint8Array.from({ length: size }, (_, index) => fill(index)))
        expect(decompress(codec, compress(codec, bytes)).equals(bytes), `${size} bytes of kind ${which}`).toBe(true)
      }
    }
    const text = sampleText()
    expect(compress(codec, text).length).toBeLessThan(text.length / 4)
    const noise = Buffer.from(Uint8Array.from({ length: 100_000 }, () => Math.floor(random() * 256)))
    expect(compress(codec, noise).length).toBeLessThan(noise.length * 1.02)
  },
)
