import { expect, test } from 'vitest'
import { createShop } from './support/shop.ts'

const KEYS = [
  'group',
  'topic',
  'partition',
  'committedOffset',
  'leaderEpoch',
  'metadata',
  'committedAtMs',
  'logStartOffset',
  'logEndOffset',
  'lag',
  'lagRecords',
  'lagState',
  'memberId',
  'clientId',
  'host',
]

test('one JSON row per group and partition, with exactly the promised names, null where Kafka prints "-"', async () => {
  const { run } = await createShop()
  const { code, json } = await run('lag', '--json')
  expect(code).toBe(0)
  const rows = json()
  for (const row of rows) expect(Object.keys(row)).toEqual(KEYS)
  expect(rows).toEqual([
    {
      group: 'fraud',
      topic: 'payments',
      partition: 0,
      committedOffset: 2,
      leaderEpoch: 0,
      metadata: 'mine',
      committedAtMs: expect.any(Number),
      logStartOffset: 0,
      logEndOffset: 6,
      lag: 4,
      lagRecords: 4,
      lagState: 'behind',
      memberId: null,
      clientId: null,
      host: null,
    },
    expect.objectContaining({ partition: 1, leaderEpoch: null, lag: 0, lagRecords: 0, lagState: 'up-to-date' }),
  ])
})

test('the table speaks in words', async () => {
  const { run } = await createShop()
  expect((await run('lag')).output).toMatch(
    new RegExp(
      [
        '^Group  Topic     Partition  How far     Next to read  Log end  Last commit  Held by',
        'fraud  payments          0  4 behind               2        6  .*  -',
        'fraud  payments          1  up to date             4        4  .*  -\n$',
      ].join('\n'),
    ),
  )
  const coloured = (await run('lag', { isTerminal: true })).output
  expect(coloured).toContain('\u001b[32mup to date\u001b[39m')
  expect((await run('lag', { isTerminal: true, variables: { NO_COLOR: '1' } })).output).not.toContain('\u001b')
})

test('being behind is fine; a commit past the end, lost records and a deleted topic exit with 1 and say what to do', async () => {
  const shop = await createShop()
  const tide = await shop.open()
  await tide.groups.commit('late', [{ topic: 'payments', partition: 0, offset: 9 }], { pastEnd: true })
  expect((await shop.run('lag', '--group', 'fraud')).code).toBe(0)
  const late = await shop.run('lag', '--group', 'late')
  expect(late.code).toBe(1)
  expect(late.output).toContain('3 past the end')
  expect(late.output).toContain('tidemark reset shop --group late --topic payments:0 --to-latest --execute')
  expect((await shop.run('lag', '--json')).code).toBe(1)
})

test('records that were deleted before the group read them exit with 1', async () => {
  const shop = await createShop()
  const { files } = shop.environment
  const file = files.open('/shop/log-start-offset-checkpoint', { write: true, create: true })
  const text = Buffer.from('0\n1\npayments 0 5\n')
  file.truncate(text.length)
  file.write([text], 0)
  file.close()
  const { code, output } = await shop.run('lag')
  expect(code).toBe(1)
  expect(output).toContain('3 lost, 1 readable')
  expect(output).toContain('3 records it had not read are gone')
  expect(output).toContain('--group fraud --topic payments:0 --to-earliest --execute')
})

test('a group that is not there is wrong use, with the nearest name; none at all is fine', async () => {
  const { run } = await createShop()
  const missing = await run('lag', '--group', 'fruad')
  expect([missing.code, missing.output]).toEqual([2, ''])
  expect(missing.errors).toBe('tidemark: There is no group "fruad". Did you mean "fraud"?\n')
  const { tidemark } = await import('./support/memory-terminal.ts')
  const { MemoryEnvironment } = await import('../../../sdk/environment/memory-environment.ts')
  const environment = new MemoryEnvironment()
  await tidemark(['create', 'empty', 't'], { environment })
  expect(await tidemark(['lag', 'empty'], { environment })).toMatchObject({
    code: 0,
    output: 'No group has committed anything here yet.\n',
  })
  expect(await tidemark(['groups', 'empty'], { environment })).toMatchObject({ code: 0 })
})

test('watching shows every change, and an interrupt ends it with 0', async () => {
  const shop = await createShop()
  const tide = await shop.open()
  const interrupt = new AbortController()
  let isSent = false
  const { code, json } = await shop.run('lag', '--watch', '--json', '--group', 'fraud', {
    signal: interrupt.signal,
    closeWhen: (output) => {
      if (!isSent) {
        isSent = true
        void tide.groups.commit('fraud', [{ topic: 'payments', partition: 0, offset: 5 }])
      }
      if (output.includes('"committedOffset":5')) interrupt.abort()
      return false
    },
  })
  expect(code).toBe(0)
  const seen = json().filter(({ partition }) => partition === 0)
  expect(seen.map(({ committedOffset }) => committedOffset)).toEqual([2, 5])
  for (const row of seen) expect(Object.keys(row)).toEqual(['atMs', ...KEYS])
})

test('watching ends with 0 when its reader has gone', async () => {
  const { run } = await createShop()
  expect((await run('lag', '--watch', { closeWhen: () => true })).code).toBe(0)
})
