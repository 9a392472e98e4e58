import { expect, test } from 'vitest'
import packageJson from '../../../package.json' with { type: 'json' }
import { COMMANDS } from '../../../sdk/cli/run.ts'
import { tidemark } from './support/memory-terminal.ts'

test('the help of every command shows its usage, all its options, examples and exit codes', async () => {
  expect(COMMANDS.map(({ name }) => name)).toEqual([
    'topics',
    'groups',
    'lag',
    'health',
    'history',
    'who',
    'read',
    'create',
    'produce',
    'reset',
    'undo',
    'delete',
    'dead-letters',
    'verify',
    'dump',
    'report',
    'backup',
    'completion',
  ])
  for (const { name, options, positionals, summary } of COMMANDS) {
    for (const typed of [
      [name, '--help'],
      [name, 'dir', '-h', '--json'],
      ['help', name],
    ]) {
      const { code, output, errors } = await tidemark(typed)
      expect(code).toBe(0)
      expect(errors).toBe('')
      expect(output).toContain(`Usage: tidemark ${[name, ...positionals].join(' ')} [options]`)
      expect(output.replace(/\s+/g, ' ')).toContain(summary)
      for (const option of [...Object.keys(options), 'json', 'help']) expect(output).toContain(`--${option}`)
      expect(output).toContain('Examples:')
      expect(output).toMatch(/Exit codes:\n {2}0 {2}.*\n {2}1 {2}.*\n {2}2 {2}wrong use/s)
      for (const line of output.split('\n')) {
        // Examples are to be copied, so they are not broken.
        if (!line.includes('tidemark')) expect(line.length, line).toBeLessThanOrEqual(80)
      }
    }
  }
})

test('on a narrow terminal no line of a help is broken by it, but for those to be copied', async () => {
  for (const columns of [40, 60]) {
    for (const typed of [['--help'], [], ...COMMANDS.map(({ name }) => [name, '--help'])]) {
      const { output, errors } = await tidemark(typed, {
        isTerminal: true,
        size: { columns, rows: 24 },
        variables: { NO_COLOR: '1' },
      })
      const lines = `${output}${errors}`.split('\n').filter((line) => !/^ {2}\S|^Usage/.test(line))
      for (const line of lines) expect(line.length, `${typed} at ${columns}: ${line}`).toBeLessThanOrEqual(columns)
    }
  }
})

test('the program lists its commands, and knows its version', async () => {
  for (const typed of [['--help'], ['-h'], ['help']]) {
    const { code, output } = await tidemark(typed)
    expect(code).toBe(0)
    for (const line of output.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80)
    for (const { name, positionals } of COMMANDS) expect(output).toContain(`  ${[name, ...positionals].join(' ')}`)
  }
  expect(await tidemark(['--version'])).toMatchObject({ code: 0, output: `${packageJson.version}\n` })
  const nothing = await tidemark([])
  expect(nothing).toMatchObject({ code: 2, output: '' })
  expect(nothing.errors).toContain('Commands:')
})

test('wrong use exits with 2 and says what was meant', async () => {
  const wrong: readonly [readonly string[], string][] = [
    [['topcis', 'dir'], 'There is no command "topcis". Did you mean `tidemark topics`?'],
    [['zzz'], '`tidemark --help` lists the commands.'],
    [['--json', 'lag'], 'There is no option --json before a command.'],
    [['lag'], 'DIR missing: tidemark lag DIR'],
    [['read', 'dir'], 'TOPIC missing: tidemark read DIR TOPIC'],
    [['read'], 'DIR and TOPIC missing'],
    [['lag', 'dir', 'more'], '"more" is one too many'],
    [['lag', ''], 'DIR is empty, perhaps a variable that is not set: tidemark lag DIR'],
    [['create', '', 'payments'], 'DIR is empty'],
    [['read', 'dir', ''], 'TOPIC is empty'],
    [['dump', 'a.log', ''], 'FILE… is empty'],
    [['lag', 'dir', '--wacht'], 'There is no option --wacht. Did you mean --watch?'],
    [['read', 'dir', 't', '--from', 'yesterday'], '--from takes earliest, latest, an offset, or a time'],
    [['read', 'dir', 't', '--from', '2026-13-40'], '--from takes'],
    [['read', 'dir', 't', '--from', '2026-02-30'], '--from takes'],
    [['reset', 'dir', '-g', 'g', '--to-datetime', '2026-02-29T04:00'], '--to-datetime takes a time'],
    [['reset', 'dir', '-g', 'g', '--by', 'x'], '--by takes a whole number, such as 1 or -100, not "x"'],
    [['reset', 'dir', '-g', 'g', '--by', '-99999999999999999'], '--by takes a whole number up to 9007199254740991'],
    [['read', 'dir', 't', '--max', 'x'], '--max takes a whole number'],
    [['read', 'dir', 't', '--isolation', 'serializable'], '--isolation takes read_uncommitted or read_committed'],
    [['create', 'dir', 't', '--partitions', '0'], '--partitions takes a whole number from 1 on'],
    [['create', 'dir', 't', '--config', 'x'], '--config takes KEY=VALUE'],
    [['create', 'dir', 't', '-c', 'x=1', '-c', 'x=2'], '--config x is given twice.'],
    [['produce', 'dir', 't', '--json', '-k', ':'], '--key-separator and --json exclude each other'],
    [['produce', 'dir', 't', '--key-separator='], '--key-separator takes at least one character'],
    [['reset', 'dir', '--to-earliest'], '--group is missing'],
    [['reset', 'dir', '-g', 'g'], 'exactly one of --to-earliest, --to-latest, --to-current'],
    [['reset', 'dir', '-g', 'g', '--to-latest', '--to-earliest'], 'exactly one of'],
    [['reset', 'dir', '-g', 'g', '--to-latest', '-t', 't:x'], 'takes a whole number'],
    [['lag', '/nowhere'], 'There is no directory /nowhere.'],
    [['verify', '/nowhere'], '/nowhere does not exist.'],
    [['dump'], 'FILE… missing: tidemark dump FILE…'],
    [['dump', '/nowhere.log'], 'There is no file /nowhere.log.'],
  ]
  for (const [typed, message] of wrong) {
    const { code, output, errors } = await tidemark(typed)
    expect([code, output], typed.join(' ')).toEqual([2, ''])
    expect(errors).toContain(message)
    expect(errors).toMatch(/^tidemark: /)
  }
})
