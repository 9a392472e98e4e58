import { expect, test } from 'vitest'
import {
  uvarintSize,
  varintSize,
  varlongSize,
  writeUvarint,
  writeVarint,
  writeVarlong,
} from '../../../sdk/record/varint.ts'
import { VarintReader } from '../../../sdk/record/varint-reader.ts'

/** Both sides of every power of two, with sign, up to `bits`. */
function edges(bits: number): number[] {
  const values = new Set([0])
  for (let bit = 0; bit <= bits; bit++) {
    for (const near of [-1, 0, 1]) {
      values.add(2 ** bit + near)
      values.add(-(2 ** bit) + near)
    }
  }
  return [...values]
}

/** The definition, in exact arithmetic. */
function zigzagBytes(value: number): Buffer {
  let rest = value < 0 ? -2n * BigInt(value) - 1n : 2n * BigInt(value)
  const bytes: number[] = []
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80)
  return Buffer.from([...bytes, Number(rest)])
}

test('varints are written by the definition, sized right, and read back', () => {
  for (const value of edges(31).filter((each) => each === (each | 0))) {
    const bytes = Buffer.alloc(8)
    const end = writeVarint(bytes, 1, value)
    expect(bytes.subarray(1, end), `${value}`).toEqual(zigzagBytes(value))
    expect(varintSize(value)).toBe(end - 1)
    const reader = new VarintReader(bytes, 1)
    expect([reader.varint(), reader.position]).toEqual([value, end])
  }
})

test('varlongs are written by the definition, sized right, and read back, as far as numbers are exact', () => {
  for (const value of edges(53).filter(Number.isSafeInteger)) {
    const bytes = Buffer.alloc(12)
    const end = writeVarlong(bytes, 1, value)
    expect(bytes.subarray(1, end), `${value}`).toEqual(zigzagBytes(value))
    expect(varlongSize(value)).toBe(end - 1)
    const reader = new VarintReader(bytes, 1)
    expect([reader.varlong(), reader.position]).toEqual([value, end])
  }
})

test('unsigned varints use all 32 bits', () => {
  for (const value of edges(32).filter((each) => each === each >>> 0)) {
    const bytes = Buffer.alloc(8)
    const end = writeUvarint(bytes, 0, value)
    expect(uvarintSize(value)).toBe(end)
    const reader = new VarintReader(bytes, 0)
    expect([reader.uvarint(), reader.position], `${value}`).toEqual([value, end])
  }
})

test('a varlong beyond ±2^53 is refused', () => {
  for (const hex of ['8080808080808020', 'ffffffffffffffffff01', '81808080808080808001']) {
    const reader = new VarintReader(Buffer.from(hex, 'hex'), 0)
    expect(() => reader.varlong()).toThrow('beyond ±2^53')
  }
})
