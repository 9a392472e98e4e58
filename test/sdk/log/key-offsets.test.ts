import { expect, test } from 'vitest'
import { randomFrom } from '../../../sdk/environment/seeded-random.ts'
import { KeyOffsets } from '../../../sdk/log/key-offsets.ts'

const SEED = Number(process.env['SEED'] ?? Math.floor(Math.random() * 1e9))

test('answers like a Map, for keys of every length, up to its last place', () => {
  const random = randomFrom(SEED)
  const maxKeys = 2000
  const newest = new KeyOffsets(maxKeys)
  const model = new Map<string, number>()
  for (let offset = 0; !newest.isFull; offset++) {
    const key = Buffer.alloc(random.below(40), random.below(256))
    if (key.length > 0) key[0] = random.below(256)
    const around = Buffer.concat([Buffer.from('xx'), key, Buffer.from('y')])
    newest.put(around, 2, 2 + key.length, offset)
    model.set(key.toString('hex'), offset)
  }
  expect(newest.count, `SEED=${SEED}`).toBe(model.size)
  for (const [hex, offset] of model) {
    const key = Buffer.from(hex, 'hex')
    expect(newest.get(key, 0, key.length), `SEED=${SEED}: ${hex}`).toBe(offset)
  }
  for (const absent of ['never', 'a key that is longer than a slot']) {
    expect(newest.get(Buffer.from(absent), 0, absent.length)).toBe(-1)
  }
})

test('keys that differ only in zeros at the end, or begin as a hash does, are different keys', () => {
  const newest = new KeyOffsets(10)
  const keys = ['', '00', '0000', '00'.repeat(15), '00'.repeat(16), 'ff'.repeat(15), 'ff'.repeat(16)]
  for (const [offset, hex] of keys.entries()) newest.put(Buffer.from(hex, 'hex'), 0, hex.length / 2, offset)
  for (const [offset, hex] of keys.entries())
    expect(newest.get(Buffer.from(hex, 'hex'), 0, hex.length / 2)).toBe(offset)
})

test('takes no more memory than it was given', () => {
  for (const bytes of [1000, 65_536, 1_000_000]) {
    const newest = new KeyOffsets(KeyOffsets.capacityOf(bytes))
    expect(newest.sizeBytes).toBeLessThanOrEqual(bytes)
    expect(newest.sizeBytes).toBeGreaterThan(bytes * 0.85)
  }
})
