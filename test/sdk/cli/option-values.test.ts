import { expect, test } from 'vitest'
import { instant, type OptionSpecs, OptionValues } from '../../../sdk/cli/option-values.ts'
import { nearestName } from '../../../sdk/client/nearest-name.ts'

const SPECS = {
  group: { type: 'string', short: 'g', valueName: 'NAME', description: '' },
  config: { type: 'string', multiple: true, description: '' },
  max: { type: 'string', description: '' },
  json: { type: 'boolean', description: '' },
} as const satisfies OptionSpecs

function parse(...typed: string[]): OptionValues {
  return OptionValues.parse(typed, SPECS)
}

test('options and positionals may be mixed, short and long, with = and without', () => {
  const values = parse('dir', '-g', 'a', '--json', 'topic', '--config=x=1', '--config', 'y=2')
  expect(values.positionals).toEqual(['dir', 'topic'])
  expect(values.text('group')).toBe('a')
  expect(values.isSet('json')).toBe(true)
  expect(values.isSet('max')).toBe(false)
  expect(values.list('config')).toEqual(['x=1', 'y=2'])
  expect(parse('--', '--json').positionals).toEqual(['--json'])
})

test('an unknown option names the nearest known one', () => {
  expect(() => parse('--gruop', 'a')).toThrow('There is no option --gruop. Did you mean --group?')
  expect(() => parse('--conf=1')).toThrow('Did you mean --config?')
  expect(() => parse('-x')).toThrow('There is no option -x.')
  expect(() => parse('--constructor')).toThrow('There is no option --constructor.')
  expect(() => parse('--__proto__')).toThrow('There is no option --__proto__.')
})

test('a forgotten value, one too many and an option given twice are said', () => {
  expect(() => parse('--group')).toThrow('--group needs a value: --group NAME.')
  expect(() => parse('--group', '--json')).toThrow('--group needs a value')
  expect(parse('--group=-x').text('group')).toBe('-x')
  expect(() => parse('--json=1')).toThrow('--json takes no value.')
  expect(() => parse('-g', 'a', '--group', 'b')).toThrow('--group is given twice.')
})

test('numbers are whole, in range and exact', () => {
  expect(parse('--max', '007').count('max', 0)).toBe(7)
  for (const text of ['-1', '1.5', 'ten', '1e3', '']) {
    expect(() => parse(`--max=${text}`).count('max', 0), text).toThrow('--max takes a whole number from 0 on')
  }
  expect(() => parse('--max', '9007199254740993').count('max', 0)).toThrow('a whole number up to 9007199254740991')
  expect(() => parse('--max', '0').count('max', 1)).toThrow('from 1 on')
})

test('a time is UTC unless it says otherwise, and of a day that there is', () => {
  expect(instant('--from', '2024-02-29')).toBe(Date.UTC(2024, 1, 29))
  expect(instant('--from', '2026-11-22T10:00')).toBe(Date.UTC(2026, 10, 22, 10))
  expect(instant('--from', '2026-11-22T00:30:00.5+01:00')).toBe(Date.UTC(2026, 10, 21, 23, 30, 0, 500))
  for (const text of ['2026-02-29', '2026-04-31T10:00', '2026-11-22T25:00', '2026-11', 'today', '1969-12-31']) {
    expect(() => instant('--from', text, 'earliest, or '), text).toThrow('--from takes earliest, or a time such as')
  }
})

test('the nearest name is a typing error away, or nothing', () => {
  const names = ['topics', 'groups', 'lag', 'read', 'verify']
  expect(nearestName('topcis', names)).toBe('topics')
  expect(nearestName('GROUPS', names)).toBe('groups')
  expect(nearestName('lga', names)).toBe('lag')
  expect(nearestName('ver', names)).toBe('verify')
  expect(nearestName('xyz', names)).toBeUndefined()
  expect(nearestName('', names)).toBeUndefined()
})
