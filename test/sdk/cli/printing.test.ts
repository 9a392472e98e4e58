import { expect, test } from 'vitest'
import { agoWords, counted, digits, sizeWords } from '../../../sdk/cli/plain-words.ts'
import { styleFor } from '../../../sdk/cli/style.ts'
import { renderTable } from '../../../sdk/cli/table.ts'
import type { Terminal } from '../../../sdk/cli/terminal.ts'
import { bytesToJson } from '../../../sdk/client/bytes-json.ts'

const RED_X = '\u001b[31mx\u001b[39m'

function createTerminal(isTerminal: boolean, variables: Record<string, string> = {}): Terminal {
  return { output: { isTerminal }, errors: { isTerminal: false }, variables } as unknown as Terminal
}

test('tables line up, numbers at the right, colours not counted, nothing behind the last column', () => {
  const columns = [{ title: 'Group' }, { title: 'Lag', isNumber: true }, { title: 'State', isPainted: true }]
  const text = renderTable(columns, [
    ['fraud-detection', '1,204', RED_X],
    ['a', '7', 'fine'],
  ])
  expect(text).toBe(`Group              Lag  State\nfraud-detection  1,204  ${RED_X}\na                    7  fine\n`)
})

test('a name cannot move the cursor or break the table', () => {
  const text = renderTable([{ title: 'Topic' }], [['a\nb\u001b[2Jc\u009b']])
  expect(text).toBe('Topic\na\\x0ab\\x1b[2Jc\\x9b\n')
})

test('a name cannot colour the table either', () => {
  expect(renderTable([{ title: 'Topic' }], [['\u001b[31mred\u001b[0m\u007f']])).toBe(
    'Topic\n\\x1b[31mred\\x1b[0m\\x7f\n',
  )
})

test('a name cannot turn round the order of what stands behind it', () => {
  expect(renderTable([{ title: 'Topic' }], [['a\u202eb\u2066c\u2028d']])).toBe('Topic\na\\u202eb\\u2066c\\u2028d\n')
})

test('characters of two columns and of none line up, too', () => {
  const columns = [{ title: 'Group' }, { title: 'Lag', isNumber: true }]
  const rows = ['日本語', 'ｆ１', '한국', '🎉', 'e\u0301t\u00e9', 'plain'].map((name) => [name, '1'])
  expect(renderTable(columns, rows).split('\n').slice(1, -1)).toEqual([
    '日本語    1',
    'ｆ１      1',
    '한국      1',
    '🎉        1',
    'e\u0301t\u00e9       1',
    'plain     1',
  ])
})

test('a table that is wider than the terminal is a block per row, and fits', () => {
  const columns = [{ title: 'Group' }, { title: 'Next to read', isNumber: true }, { title: 'State', isPainted: true }]
  const rows = [
    ['fraud-detection', '1,204', RED_X],
    ['a', '7', 'fine'],
  ]
  expect(renderTable(columns, rows, 36)).toContain('Group            Next to read  State\n')
  expect(renderTable(columns, rows, 35)).toBe(
    [
      ...['Group         fraud-detection', 'Next to read  1,204', `State         ${RED_X}`, ''],
      ...['Group         a', 'Next to read  7', 'State         fine', ''],
    ].join('\n'),
  )
})

test('colours are for terminals, unless NO_COLOR says otherwise', () => {
  expect(styleFor(createTerminal(true)).red('x')).toBe(RED_X)
  expect(styleFor(createTerminal(false)).red('x')).toBe('x')
  expect(styleFor(createTerminal(true, { NO_COLOR: '1' })).red('x')).toBe('x')
  expect(styleFor(createTerminal(true, { NO_COLOR: '' })).red('x')).toBe(RED_X)
  expect(styleFor(createTerminal(true, { TERM: 'dumb' })).red('x')).toBe('x')
  expect(styleFor(createTerminal(true), 'errors').red('x')).toBe('x')
})

test('numbers, sizes and times read like sentences', () => {
  expect(digits(1_204_567)).toBe('1,204,567')
  expect(counted(1, 'record')).toBe('1 record')
  expect(counted(0, 'batch', 'batches')).toBe('0 batches')
  expect([0, 1023, 1536, 1024 * 150, 5 * 1024 ** 3].map(sizeWords)).toEqual([
    '0 B',
    '1,023 B',
    '1.5 KiB',
    '150 KiB',
    '5.0 GiB',
  ])
  const agos = [-5, 0, 12_000, 90_000, 7_200_000, 900_000_000].map((ms) => agoWords(0, ms))
  expect(agos).toEqual(['in the future', 'just now', '12 s ago', '1 min ago', '2 h ago', '10 days ago'])
})

test('bytes in JSON are text only where they are UTF-8, and come back the same', () => {
  expect(bytesToJson(null)).toBeNull()
  expect(bytesToJson(Buffer.from('grüße 😀'))).toBe('grüße 😀')
  expect(bytesToJson(Buffer.from('efbbbf61', 'hex'))).toBe('\ufeffa')
  expect(bytesToJson(Buffer.from([0xff, 0xfe]))).toEqual({ base64: '//4=' })
  expect(bytesToJson(Buffer.alloc(0))).toBe('')
})
