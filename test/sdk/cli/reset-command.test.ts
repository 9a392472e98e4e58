import { expect, test } from 'vitest'
import { open } from '../../../sdk/open.ts'
import { createShop } from './support/shop.ts'

test('a dry run shows before, after and what it means, and changes nothing', async () => {
  const { run } = await createShop()
  const before = (await run('lag', '--json')).output
  const { code, output } = await run('reset', '--group', 'fraud', '--to-earliest')
  expect(code).toBe(0)
  expect(output).toBe(
    [
      'Group fraud, dry run',
      '',
      'Topic     Partition  Before  After  What it means',
      'payments          0       2      0  2 records delivered again',
      'payments          1       4      0  4 records delivered again',
      '',
      'Nothing was changed. Add --execute to do it.',
      '',
    ].join('\n'),
  )
  expect((await run('lag', '--json')).output).toBe(before)
})

test('executed, it commits with the epoch of the record before, and remembers what was before', async () => {
  const { run } = await createShop()
  const { code, output } = await run('reset', '-g', 'fraud', '--to-latest', '-t', 'payments:0', '--execute')
  expect(code).toBe(0)
  expect(output).toContain('4 records skipped')
  expect(output).toContain('Done: 1 partition changed.')
  const [first, second] = (await run('lag', '--json')).json()
  expect(first).toMatchObject({ committedOffset: 6, leaderEpoch: 0, lag: 0 })
  expect(JSON.parse(String(first?.['metadata']))).toEqual({
    tidemark: 'reset',
    before: { offset: 2, leaderEpoch: 0, metadata: 'mine' },
  })
  expect(second).toMatchObject({ committedOffset: 4, metadata: '' })
})

test('JSON has exactly the promised names', async () => {
  const { run } = await createShop()
  const { json } = await run('reset', '-g', 'fraud', '--to-offset', '3', '--json')
  expect(json()).toEqual([
    {
      group: 'fraud',
      topic: 'payments',
      partition: 0,
      before: { offset: 2, leaderEpoch: 0, metadata: 'mine' },
      after: 3,
      redelivered: 0,
      skipped: 1,
      executed: false,
    },
    {
      group: 'fraud',
      topic: 'payments',
      partition: 1,
      before: { offset: 4, leaderEpoch: -1, metadata: '' },
      after: 3,
      redelivered: 1,
      skipped: 0,
      executed: false,
    },
  ])
})

test('an offset outside the log, and one where the group already is', async () => {
  const { run } = await createShop()
  const { output } = await run('reset', '-g', 'fraud', '--to-offset', '4')
  expect(output).toContain('payments          1       4      4  stays where it is')
  expect((await run('reset', '-g', 'fraud', '--to-offset', '5')).output).toContain(
    'stays where it is (5 is not there; this is the nearest)',
  )
  expect((await run('reset', '-g', 'fraud', '-t', 'payments:1', '--to-latest', '--execute')).output).toContain(
    'There is nothing to change.',
  )
})

test('a new group can be given its place before it starts, if the topic is named', async () => {
  const { run } = await createShop()
  expect((await run('reset', '-g', 'new', '--to-latest')).code).toBe(2)
  const { code, output } = await run('reset', '-g', 'new', '-t', 'payments', '--to-latest', '--execute')
  expect(code).toBe(0)
  expect(output).toContain('payments          0       -      6  6 records skipped')
  expect((await run('lag', '-g', 'new', '--json')).json().map(({ committedOffset }) => committedOffset)).toEqual([6, 4])
})

test('topics and partitions that are not there are wrong use', async () => {
  const { run } = await createShop()
  expect(await run('reset', '-g', 'fraud', '-t', 'paymants', '--to-latest')).toMatchObject({
    code: 2,
    errors: 'tidemark: There is no topic "paymants". Did you mean "payments"?\n',
  })
  const { code, errors } = await run('reset', '-g', 'fraud', '-t', 'payments:7', '--to-latest')
  expect(code).toBe(2)
  expect(errors).toContain('Topic payments has no partition 7: it has 0 to 1.')
})

test('a group with members is refused, with the reason and the way out; the dry run says so beforehand', async () => {
  const shop = await createShop()
  const tide = await shop.open()
  const records = tide.topic('payments').consume({ group: 'fraud' })[Symbol.asyncIterator]()
  await records.next()
  // The same process shares the directory with the program, so it can be had although it is in use.
  const refused = await shop.run('reset', '-g', 'fraud', '--to-latest', '--execute')
  expect([refused.code, refused.output]).toEqual([1, ''])
  expect(refused.errors).toContain('Group fraud has 1 member (tidemark): they would go on where they are')
  expect(refused.errors).toContain('stop the program that consumes in this group')
  const dry = await shop.run('reset', '-g', 'fraud', '--to-latest')
  expect(dry.code).toBe(0)
  expect(dry.output).toContain('The group has 1 member (tidemark).')
  expect(dry.output).toContain('unless you say --running')
  await records.return?.()
})

test('a running group is moved with --running, and moved back', async () => {
  const shop = await createShop()
  const tide = await shop.open()
  const records = tide.topic('payments').consume({ group: 'fraud', processed: 'done' })[Symbol.asyncIterator]()
  await records.next()
  const dry = await shop.run('reset', '-g', 'fraud', '--to-latest', '--running')
  expect(dry.output).toContain('They keep running, and go on at the new place.')
  const { code, output } = await shop.run('reset', '-g', 'fraud', '--to-latest', '--running', '--execute')
  expect(code).toBe(0)
  expect(output).toContain('Done: 1 partition changed. 1 member of the group goes on there.')
  expect((await tide.groups.offsets('fraud')).map(({ offset }) => offset)).toEqual([6, 4])
  const undone = await shop.run('undo', '-g', 'fraud', '--running', '--execute')
  expect(undone.output).toContain('1 member of the group goes on there.')
  expect((await tide.groups.offsets('fraud')).map(({ offset }) => offset)).toEqual([2, 4])
  await records.return?.()
})

/** [what is typed, where partition 0 goes from 2, where partition 1 goes from 4]; records are a second apart from 1700000000 on. */
test.each([
  [['--to-current'], [2, 4]],
  [
    ['--by', '2'],
    [4, 4],
  ],
  [['--by=-1'], [1, 3]],
  [
    ['--by', '-1'],
    [1, 3],
  ],
  [
    ['--to-datetime', '2023-11-14T22:13:23'],
    [3, 0],
  ],
  [
    ['--to-datetime', '2023-11-14T23:13:23.500+01:00'],
    [4, 0],
  ],
  [
    ['--to-datetime', '2023-11-15'],
    [6, 4],
  ],
  [
    ['--by-duration', 'PT1S'],
    [6, 4],
  ],
] as const)('%j', async (typed, expected) => {
  const { run } = await createShop()
  const { code, json } = await run('reset', '-g', 'fraud', ...typed, '--json')
  expect(code).toBe(0)
  expect(json().map(({ after }) => after)).toEqual(expected)
})

test("Kafka's CSV goes in and comes out", async () => {
  const shop = await createShop()
  const exported = await shop.run('reset', '-g', 'fraud', '--to-earliest', '--export')
  expect([exported.code, exported.output]).toEqual([0, 'payments,0,0\npayments,1,0\n'])
  const { code, json } = await shop.run('reset', '-g', 'fraud', '--from-file', '-', '--execute', '--json', {
    input: 'fraud,payments,1,3\nother,payments,0,0\n',
  })
  expect([code, json().map(({ partition, after }) => [partition, after])]).toEqual([0, [[1, 3]]])
  expect(await shop.run('reset', '-g', 'fraud', '--from-file', 'shop')).toMatchObject({
    code: 2,
    errors: expect.stringContaining('shop is a directory, not a file.'),
  })
  const wrong = await shop.run('reset', '-g', 'fraud', '--from-file', '-', { input: 'payments\n' })
  expect([wrong.code, wrong.errors.slice(0, 30)]).toEqual([2, 'tidemark: Line 1 is not "topic'])
})

test('times and durations that are none are wrong use', async () => {
  const { run } = await createShop()
  for (const typed of [
    ['--to-datetime', 'yesterday'],
    ['--to-datetime', '2023-13-01'],
    ['--by-duration', '6h'],
    ['--by', '1.5'],
    ['--to-earliest', '--wait', 'long', '--execute'],
  ]) {
    expect((await run('reset', '-g', 'fraud', ...typed)).code, typed.join(' ')).toBe(2)
  }
})

test('--wait takes the directory between two runs of the program that has it', async () => {
  const shop = await createShop()
  const other = shop.environment.anotherProcess()
  const tide = await open('shop', { environment: other })
  const waiting = shop.run('reset', '-g', 'fraud', '--to-earliest', '--execute', '--wait', '60s')
  await new Promise((resolve) => setImmediate(resolve))
  await tide.close()
  expect(await waiting).toMatchObject({ code: 0, errors: '' })
  await using next = await open('shop', { environment: other })
  expect((await next.groups.offsets('fraud')).map(({ offset }) => offset)).toEqual([0, 0])
})
