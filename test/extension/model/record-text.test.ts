import { expect, test } from 'vitest'
import { QuantityWords } from '../../../extension/model/quantity-words.ts'
import type { RecordPlace } from '../../../extension/model/record-place.ts'
import { markedLine, recordText, type ShownRecord } from '../../../extension/model/record-text.ts'
import { shortText, valueLines } from '../../../extension/model/value-text.ts'

const WORDS = new QuantityWords('en')
const PLACE: RecordPlace = { source: '/data', topic: 'payments', partition: 0, offset: 1_851, group: 'fraud' }

function createRecord(offset: number, value: string | null = '{"amount":12}'): ShownRecord {
  return {
    offset,
    timestampMs: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
    bytes: { key: Buffer.from('card-17'), value: value === null ? null : Buffer.from(value) },
    headers: [{ key: 'trace', value: Buffer.from([0xff, 0x00]) }],
  }
}

test('a record shows its offset, time, key, headers and its JSON, and the one in question is marked', () => {
  expect(recordText(PLACE, [createRecord(1_850), createRecord(1_851)], WORDS)).toBe(`// payments-0
// ▶ is the next record that fraud will process.
// Read from the files; looking commits nothing.

// ── offset 1,850 · 2026-01-02T03:04:05.678Z
//    key "card-17"
//    header "trace": 0xff00
{
  "amount": 12
}

// ▶ offset 1,851 · 2026-01-02T03:04:05.678Z
//    key "card-17"
//    header "trace": 0xff00
{
  "amount": 12
}
`)
})

test('where it is known in which file a record stands, and at which byte, it is told', () => {
  const filePlace = { file: '00000000000000001800.log', position: 12_345 }
  const text = recordText(PLACE, [{ ...createRecord(1_851), filePlace }], WORDS)
  expect(text).toContain('//    in 00000000000000001800.log, batch at byte 12,345\n')
})

test('the marked line is where the record in question begins', () => {
  const text = recordText(PLACE, [createRecord(1_850), createRecord(1_851)], WORDS)
  expect(text.split('\n')[markedLine(text)]).toContain('▶ offset 1,851')
  expect(markedLine('// nothing')).toBe(0)
})

test('where the offset holds no record, the next one is marked and it is said', () => {
  const text = recordText(PLACE, [createRecord(1_849), createRecord(1_853)], WORDS)
  expect(text).toContain('There is no record at 1,851: the next one after it is marked.')
  expect(text).toContain('▶ offset 1,853')
})

test('a group at the end is said to have nothing waiting', () => {
  expect(recordText(PLACE, [createRecord(1_850)], WORDS)).toContain('fraud has processed everything up to here')
  expect(recordText(PLACE, [], WORDS)).toContain('No record waits for fraud: it stands at 1,851, the end.')
})

test('a tombstone is named', () => {
  expect(recordText(PLACE, [createRecord(1_851, null)], WORDS)).toContain('tombstone: the value is null\nnull')
})

test('bytes are shown as pretty JSON, as quoted text, or as hex with the text beside it', () => {
  expect(valueLines(Buffer.from('[1,2]'))).toEqual(['[', '  1,', '  2', ']'])
  expect(valueLines(Buffer.from('two\nlines'))).toEqual(['"two\\nlines"'])
  expect(valueLines(Buffer.from([0, 1, 2, 0x41, 0xff]))).toEqual([
    '// 0000  00 01 02 41 ff                                   ...A.',
  ])
  expect(valueLines(Buffer.alloc(0))).toEqual(['""'])
  expect(valueLines(Buffer.alloc(20))).toHaveLength(2)
})

test('numbers that JavaScript cannot hold keep their digits', () => {
  expect(valueLines(Buffer.from('{"id":12345678901234567890}'))).toEqual(['{"id":12345678901234567890}'])
})

test('a huge value is cut off, and says so', () => {
  const lines = valueLines(Buffer.alloc(1_000_000))
  expect(lines[0]).toBe('// 1000000 bytes, of which the first 262144:')
  expect(lines).toHaveLength(1 + 262_144 / 16)
})

test('keys and header values are one short text', () => {
  expect(shortText(null)).toBe('null')
  expect(shortText(Buffer.from('a"b'))).toBe('"a\\"b"')
  expect(shortText(Buffer.from([0x80]))).toBe('0x80')
})
