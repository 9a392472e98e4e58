import { expect, test } from 'vitest'
import { createShop } from './support/shop.ts'

test('every commit, reset, undo and deletion, in their order, in words', async () => {
  const shop = await createShop()
  {
    await using tide = await shop.open()
    await tide.groups.commit('fraud', [{ topic: 'payments', partition: 0, offset: 5 }])
    await tide.groups.commit('fraud', [{ topic: 'payments', partition: 0, offset: 5 }])
    await tide.groups.commit('fraud', [{ topic: 'payments', partition: 0, offset: 3 }])
    const plan = await tide.groups.planReset('fraud', 'earliest')
    await plan.apply()
    await plan.undo()
    await tide.groups.deleteOffsets('fraud', ['payments'])
  }
  const { code, output } = await shop.run('history', '-g', 'fraud')
  expect(code).toBe(0)
  const lines = output.trimEnd().split('\n')
  expect(lines.shift()).toBe('Time (UTC)           Topic     Partition  Offset  What happened')
  for (const line of lines) expect(line).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}payments {10}[01]/)
  const first = lines
    .filter((line) => /payments {10}0/.test(line))
    .map((line) => line.slice(42).replace(/after \d+ ms/, 'after …'))
  expect(first).toEqual([
    '     2  committed "mine"',
    '     5  +3 after …',
    '     5  committed the same again',
    '     3  back by 2',
    '     0  reset from 3',
    '     3  back to where it was before the reset',
    '     -  commit removed',
  ])
})

test('what happened stands in its order, also where the clock was set back meanwhile', async () => {
  const shop = await createShop({ clock: 'manual' })
  const tide = await shop.open()
  for (const offset of [3, 4, 5]) {
    await tide.groups.commit('fraud', [{ topic: 'payments', partition: 0, offset }])
    shop.environment.advance(-60_000)
  }
  const { output } = await shop.run('history', '-g', 'fraud')
  const offsets = output.split('\n').flatMap((line) => /payments {10}0 +(\d)/.exec(line)?.[1] ?? [])
  expect(offsets).toEqual(['2', '3', '4', '5'])
})

test('on a terminal what happened is coloured, and a narrow one gets a block per commit', async () => {
  const shop = await createShop()
  await shop.run('reset', '-g', 'fraud', '-t', 'payments:0', '--to-latest', '--execute')
  const terminal = { isTerminal: true, size: { columns: 100, rows: 24 } }
  const wide = await shop.run('history', '-g', 'fraud', terminal)
  expect(wide.output).toContain('\u001b[33mreset from 2\u001b[39m')
  expect(wide.output).not.toContain('\\x1b')
  const narrow = await shop.run('history', '-g', 'fraud', { ...terminal, size: { columns: 40, rows: 24 } })
  expect(narrow.output).toContain('Offset         6\nWhat happened  \u001b[33mreset from 2')
})

test('JSON has exactly the promised names; --max keeps the newest', async () => {
  const shop = await createShop()
  await shop.run('reset', '-g', 'fraud', '-t', 'payments:0', '--to-latest', '--execute')
  const all = (await shop.run('history', '-g', 'fraud', '--json')).json()
  expect(all.map(({ partition, offset }) => [partition, offset])).toEqual([
    [0, 2],
    [0, 6],
    [1, 4],
  ])
  expect(all[0]).toEqual({
    group: 'fraud',
    topic: 'payments',
    partition: 0,
    kind: 'commit',
    offset: 2,
    leaderEpoch: 0,
    metadata: 'mine',
    timestampMs: expect.any(Number),
    logOffset: expect.any(Number),
  })
  const newest = (await shop.run('history', '-g', 'fraud', '--max', '1', '--json')).json()
  expect(newest.map(({ partition, offset }) => [partition, offset])).toEqual([
    [0, 6],
    [1, 4],
  ])
  expect((await shop.run('history', '-g', 'fraud', '--max', '1')).output).toContain('The newest 1 of each partition')
})

test('a deleted group and a deleted topic have a history; what never was is wrong use', async () => {
  const shop = await createShop()
  {
    await using tide = await shop.open()
    await tide.topics.delete('payments')
  }
  expect((await shop.run('history', '-g', 'fraud', '-t', 'payments')).output).toContain('commit removed')
  expect(await shop.run('history', '-g', 'fraud', '-t', 'nothing')).toMatchObject({ code: 2, output: '' })
  await shop.run('delete', '-g', 'fraud', '--execute')
  expect((await shop.run('history', '-g', 'fraud')).code).toBe(0)
  expect(await shop.run('history', '-g', 'nobody')).toMatchObject({ code: 2, output: '' })
  expect((await shop.run('history')).errors).toContain('--group is missing')
})
