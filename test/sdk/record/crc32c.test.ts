import { createRequire } from 'node:module'
import portable from 'crc-32/crc32c.js'
import { expect, test } from 'vitest'
import { crc32c, crc32cImplementation } from '../../../sdk/record/crc32c.ts'

/** The definition, bit by bit. */
function reference(bytes: Uint8Array): number {
  let crc = ~0
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  }
  return ~crc >>> 0
}

test('the CRC of the digits 1 to 9 is the check value of CRC-32C', () => {
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283)
  expect(crc32c(Buffer.alloc(0))).toBe(0)
})

test('every length gives what the definition gives, on both sides of the choice of implementation', () => {
  const bytes = Buffer.from(Array.from({ length: 2000 }, (_, index) => (index * 31) ^ (index >> 3)))
  for (let length = 0; length < 600; length++) {
    const part = bytes.subarray(length % 13, (length % 13) + length)
    expect(crc32c(part), `${length} bytes`).toBe(reference(part))
  }
  expect(crc32c(bytes)).toBe(reference(bytes))
  expect(portable.buf(bytes) >>> 0).toBe(reference(bytes))
})

test('the native implementation is used where its package can be loaded', () => {
  const native = (() => {
    try {
      createRequire(import.meta.url)('@node-rs/crc32')
      return true
    } catch {
      return false
    }
  })()
  expect(crc32cImplementation).toBe(native ? '@node-rs/crc32' : 'crc-32')
})
