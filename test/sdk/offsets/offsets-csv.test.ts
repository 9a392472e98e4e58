import { expect, test } from 'vitest'
import { formatOffsetsCsv, parseOffsetsCsv } from '../../../sdk/offsets/offsets-csv.ts'

test("reads Kafka's lines about one group, and about several", () => {
  expect(parseOffsetsCsv('payments,0,12\r\npayments,1,0\n\n')).toEqual([
    { group: null, topic: 'payments', partition: 0, offset: 12 },
    { group: null, topic: 'payments', partition: 1, offset: 0 },
  ])
  expect(parseOffsetsCsv('\u{FEFF}fraud,payments,0,12')).toEqual([
    { group: 'fraud', topic: 'payments', partition: 0, offset: 12 },
  ])
})

test('a group of any name goes through the CSV', () => {
  for (const group of ['fraud', 'a,b', 'say "hi"', ' spaced ', '"', 'ü😀']) {
    const rows = [{ group, topic: 't', partition: 3, offset: 9_007_199_254_740_991 }]
    expect(parseOffsetsCsv(formatOffsetsCsv(rows))).toEqual(rows)
  }
  expect(formatOffsetsCsv([{ group: 'a,"b"', topic: 't', partition: 0, offset: 1 }])).toBe('"a,""b""",t,0,1\n')
  expect(formatOffsetsCsv([{ group: null, topic: 't', partition: 0, offset: 1 }])).toBe('t,0,1\n')
})

test.each([
  'payments,0',
  'payments,0,x',
  'payments,-1,5',
  'g,payments,0,5,6',
  'payments;0;5',
  ',0,5',
  'a,b,"c',
  't,0,9007199254740992',
])('line %s is refused, with its number', (line) => {
  expect(() => parseOffsetsCsv(`t,0,1\n${line}`)).toThrow(`Line 2 is not "topic,partition,offset"`)
})
