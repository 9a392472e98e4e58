import { expect, test } from 'vitest'
import { createShop } from './support/shop.ts'

const NOW_MS = 1_700_000_000_000 + 600_000

test('a group in trouble: one row, what is wrong, what to do, and exit code 1', async () => {
  const { run, environment } = await createShop({ clock: 'manual' })
  environment.advance(NOW_MS - environment.clock.nowMs())
  const { code, output } = await run('health')
  expect(code).toBe(1)
  expect(output).toBe(
    [
      'Group  Health   Members  Behind  Oldest  Processed  Trend   Caught up in',
      'fraud  warning        0       4  10 min        0/s  steady             -',
      '',
      'warning no-members, group fraud',
      '  4 records wait and nobody is in the group; the oldest is 10 min old.',
      '  Start the program that consumes in this group. If it is meant to be gone,',
      '  delete the group.',
      '',
    ].join('\n'),
  )
  for (const line of output.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
})

test('the same group is well where nobody minds that it waits, and then the exit code is 0', async () => {
  const { run, environment } = await createShop({ clock: 'manual' })
  environment.advance(NOW_MS - environment.clock.nowMs())
  const { code, output } = await run('health', '-g', 'fraud', '--no-members-after', '1h')
  expect([code, output.split('\n').length]).toEqual([0, 3])
  expect(output).toContain('fraud  ok ')
})

test('on a terminal the words are coloured, not their escapes shown, and a narrow one gets a block per group', async () => {
  const { run, environment } = await createShop({ clock: 'manual' })
  environment.advance(NOW_MS - environment.clock.nowMs())
  const wide = await run('health', { isTerminal: true, size: { columns: 100, rows: 24 } })
  expect(wide.output).toContain('fraud  \u001b[33mwarning\u001b[39m        0')
  expect(wide.output).not.toContain('\\x1b')
  const narrow = await run('health', { isTerminal: true, size: { columns: 40, rows: 24 } })
  for (const line of narrow.output.split('\n'))
    expect(line.length).toBeLessThanOrEqual(line.includes('\u001b') ? 70 : 40)
  expect(narrow.output).toContain('Health        \u001b[33mwarning\u001b[39m\nMembers       0\n')
})

test("a group's name cannot move the cursor in what is said of it", async () => {
  const { run, environment, open } = await createShop({ clock: 'manual' })
  const tide = await open()
  await tide.groups.commit('\u001b[2Jbad', [{ topic: 'payments', partition: 0, offset: 1 }])
  await tide.close()
  environment.advance(NOW_MS - environment.clock.nowMs())
  const { output } = await run('health')
  expect(output).toContain('no-members, group \\x1b[2Jbad')
  expect(output).not.toContain('\u001b')
})

test('JSON has exactly the promised names', async () => {
  const { run, environment } = await createShop({ clock: 'manual' })
  environment.advance(NOW_MS - environment.clock.nowMs())
  const [group] = (await run('health', '--json')).json()
  expect(Object.keys(group!)).toEqual(['group', 'status', 'state', 'members', 'progress', 'verdicts'])
  expect(Object.keys(group!['progress'] as object).sort()).toEqual(
    [
      'processedPerSecond',
      'appendedPerSecond',
      'lag',
      'lagBefore',
      'trend',
      'etaMs',
      'timeLagMs',
      'lastProgressAtMs',
    ].sort(),
  )
  const [verdict] = group!['verdicts'] as object[]
  expect(verdict).toMatchObject({ rule: 'no-members', severity: 'warning', topic: null, partition: null })
  expect(Object.keys(verdict!).sort()).toEqual(
    ['rule', 'severity', 'topic', 'partition', 'words', 'evidence', 'advice'].sort(),
  )
})

test('a directory without groups is well; a group that is not there is wrong use', async () => {
  const shop = await createShop()
  await shop.run('delete', '-g', 'fraud', '--execute')
  expect(await shop.run('health')).toMatchObject({ code: 0, output: 'There are no groups here yet.\n' })
  expect(await shop.run('health', '-g', 'fraud')).toMatchObject({ code: 2 })
  expect((await shop.run('health', '--stalled-after', 'soon')).errors).toContain(
    '--stalled-after takes a time such as 60s',
  )
})
