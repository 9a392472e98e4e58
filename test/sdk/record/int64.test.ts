import { expect, test } from 'vitest'
import { isSafeInt64, readInt64, writeInt64 } from '../../../sdk/record/int64.ts'

test('safe integers are written and read as two’s complement, big-endian', () => {
  for (const value of [
    0,
    1,
    -1,
    2 ** 31,
    -(2 ** 31) - 1,
    2 ** 32,
    -(2 ** 32),
    5_000_000_000,
    Number.MAX_SAFE_INTEGER,
    Number.MIN_SAFE_INTEGER,
  ]) {
    const bytes = Buffer.alloc(10, 0xaa)
    writeInt64(bytes, 1, value)
    expect(bytes.readBigInt64BE(1)).toBe(BigInt(value))
    expect(readInt64(bytes, 1)).toBe(value)
    expect(isSafeInt64(bytes, 1)).toBe(true)
  }
})

test('what a number cannot hold exactly is refused', () => {
  for (const value of [2n ** 53n, -(2n ** 53n), 2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n + 1n]) {
    const bytes = Buffer.alloc(8)
    bytes.writeBigInt64BE(value)
    expect(isSafeInt64(bytes, 0)).toBe(false)
    expect(() => readInt64(bytes, 0, 'The offset')).toThrow(`The offset is ${value}`)
  }
})
