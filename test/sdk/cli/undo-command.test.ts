import { expect, test } from 'vitest'
import { createShop } from './support/shop.ts'

test('a dry run shows what comes back, --execute puts it back byte for byte, and then there is nothing left', async () => {
  const { run } = await createShop()
  const before = (await run('lag', '--json')).json().map(({ committedAtMs: _, ...row }) => row)
  await run('reset', '-g', 'fraud', '--to-earliest', '--execute')
  const dry = await run('undo', '-g', 'fraud')
  expect(dry.code).toBe(0)
  expect(dry.output).toBe(
    [
      'Group fraud, dry run',
      '',
      'Topic     Partition  Before  After  What it means',
      'payments          0       0      2  2 records not delivered again',
      'payments          1       0      4  4 records not delivered again',
      '',
      'Nothing was changed. Add --execute to do it.',
      '',
    ].join('\n'),
  )
  expect((await run('undo', '-g', 'fraud', '--execute')).output).toContain('Done: 2 partitions changed.')
  expect((await run('lag', '--json')).json().map(({ committedAtMs: _, ...row }) => row)).toEqual(before)
  const nothing = await run('undo', '-g', 'fraud', '--execute')
  expect([nothing.code, nothing.output]).toEqual([1, ''])
  expect(nothing.errors).toContain('There is nothing to undo')
})

test('where the group went on it is refused, unless forced; the dry run says so', async () => {
  const shop = await createShop()
  await shop.run('reset', '-g', 'fraud', '--to-earliest', '--execute')
  {
    await using tide = await shop.open()
    await tide.groups.commit('fraud', [{ topic: 'payments', partition: 0, offset: 1 }])
  }
  const dry = await shop.run('undo', '-g', 'fraud')
  expect(dry.output).toContain('1 record not delivered again (has committed since)')
  expect(dry.output).toContain('insist with --force')
  const refused = await shop.run('undo', '-g', 'fraud', '--execute')
  expect([refused.code, refused.output]).toEqual([1, ''])
  expect(refused.errors).toContain('payments-0 (is at 1, was to go back to 2)')
  expect((await shop.run('undo', '-g', 'fraud', '--execute', '--force')).code).toBe(0)
  const rows = (await shop.run('lag', '--json')).json()
  expect(rows.map(({ committedOffset, metadata }) => [committedOffset, metadata])).toEqual([
    [2, 'mine'],
    [4, ''],
  ])
})

test('JSON has the names of reset', async () => {
  const { run } = await createShop()
  await run('reset', '-g', 'new', '-t', 'payments:0', '--to-latest', '--execute')
  expect((await run('undo', '-g', 'new', '--json')).json()).toEqual([
    {
      group: 'new',
      topic: 'payments',
      partition: 0,
      before: { offset: 6, leaderEpoch: 0, metadata: '{"tidemark":"reset","before":null}' },
      after: null,
      redelivered: 6,
      skipped: 0,
      executed: false,
    },
  ])
})

test('what delete printed puts everything back, from a file or from the input', async () => {
  const shop = await createShop()
  const before = (await shop.run('lag', '--json')).json().map(({ committedAtMs: _, ...row }) => row)
  const { output } = await shop.run('delete', '-g', 'fraud', '--execute', '--json')
  const dry = await shop.run('undo', '-g', 'fraud', '--from-file', '-', { input: output })
  expect(dry.output).toContain('payments          0          2  mine')
  expect(dry.output).toContain('Nothing was changed.')
  const file = shop.environment.files.open('saved.jsonl', { write: true, create: true })
  file.write([Buffer.from(output)], 0)
  file.close()
  const done = await shop.run('undo', '-g', 'fraud', '--from-file', 'saved.jsonl', '--execute')
  expect([done.code, done.output.split('\n').at(-2)]).toEqual([0, 'Done: 2 partitions committed again.'])
  expect((await shop.run('lag', '--json')).json().map(({ committedAtMs: _, ...row }) => row)).toEqual(before)
  const again = await shop.run('undo', '-g', 'fraud', '--from-file', 'saved.jsonl', '--execute')
  expect([again.code, again.output]).toEqual([1, ''])
})

test('wrong use', async () => {
  const { run } = await createShop()
  const wrong: readonly (readonly [readonly string[], string])[] = [
    [[], '--group is missing'],
    [['-g', 'fruad'], 'Did you mean "fraud"?'],
    [['-g', 'fraud', '-t', 'nope'], 'There is no topic "nope"'],
    [['-g', 'fraud', '--from-file', 'nope'], 'There is no file nope.'],
    [['-g', 'fraud', '--from-file', '-', '-t', 'payments'], '--topic does not go with --from-file'],
    [['-g', 'fraud', '--from-file', '-'], 'The file has no line that `tidemark delete` printed.'],
  ]
  for (const [typed, message] of wrong) {
    const { code, errors } = await run('undo', ...typed)
    expect(errors).toContain(message)
    expect(code, message).toBe(2)
  }
  expect((await run('undo', '-g', 'fraud', '--from-file', '-', { input: '{"topic":"t"}\n' })).errors).toContain(
    'Line 1 is none that `tidemark delete` printed: {"topic":"t"}',
  )
})
