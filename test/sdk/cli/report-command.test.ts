import { expect, test } from 'vitest'
import { readWholeFile } from '../../../sdk/log/whole-file.ts'
import { createShop, type Shop } from './support/shop.ts'

/** Everything in the shop's records and commits that is nobody else's business. */
const PAYLOADS = ['card-', 'amount', 'trace', 'abc', 'mine']

async function createTroubledShop(): Promise<Shop> {
  const shop = await createShop()
  const tide = await shop.open()
  await tide.groups.commit('late | group', [{ topic: 'payments', partition: 0, offset: 60, metadata: 'mine' }], {
    pastEnd: true,
  })
  await tide.groups.commit(`"five" o'clock`, [{ topic: 'payments', partition: 0, offset: 70 }], { pastEnd: true })
  return shop
}

test('a report has versions, topics, groups, verdicts, lag, commits and findings, and nothing of the records', async () => {
  const { run } = await createTroubledShop()
  const { code, output, errors } = await run('report')
  expect([code, errors]).toEqual([0, ''])
  for (const title of ['Topics', 'Groups', 'What is wrong', 'Lag', 'Newest commits', 'Verification']) {
    expect(output).toContain(`\n## ${title}\n\n`)
  }
  expect(output).toContain('| Platform | Node v24, a machine in memory |')
  expect(output).toContain('| payments-0 | 0 | 6 |')
  expect(output.match(/^\| \\_\\_consumer\\_offsets-\d+ to \d+ \| 0 \| 0 \| 0 \|/gm)?.length).toBeGreaterThan(0)
  expect(output.match(/consumer\\_offsets-/g)!.length).toBeLessThan(10)
  expect(output).toContain('| late \\| group | payments-0 | 54 past the end | 60 | 6 |')
  expect(output).toContain('- **error past-the-end**, late \\| group on payments-0: ')
  expect(output).toContain('- **warning commit**')
  for (const payload of PAYLOADS) expect(output).not.toContain(payload)
})

test('JSON has exactly the promised names', async () => {
  const { run } = await createTroubledShop()
  const { json, output } = await run('report', '--json')
  const [report] = json()
  expect(Object.keys(report!)).toEqual('tidemark platform atMs directory topics groups lag history findings'.split(' '))
  expect(report).toMatchObject({
    directory: { path: '/shop', isOwned: true, ownerPid: expect.any(Number) },
    topics: expect.arrayContaining([expect.objectContaining({ topic: 'payments', configs: expect.any(Object) })]),
    groups: [{ group: `"five" o'clock` }, { group: 'fraud' }, { group: 'late | group', status: 'error' }],
    history: expect.arrayContaining([
      { group: 'fraud', topic: 'payments', partition: 0, kind: 'commit', offset: 2, timestampMs: expect.any(Number) },
    ]),
    findings: [expect.objectContaining({ rule: 'commit' }), expect.objectContaining({ rule: 'commit' })],
  })
  for (const payload of PAYLOADS) expect(output).not.toContain(payload)
  expect((await run('report', '--json', '--no-verify')).json()).toMatchObject([{ findings: null }])
})

test('anonymous: no name of a topic, a group or the directory is left, also not inside of sentences', async () => {
  const { run } = await createTroubledShop()
  for (const typed of [['--json'], []]) {
    const { output } = await run('report', '--anonymous', ...typed)
    for (const name of ['payments', 'fraud', 'late |', 'late \\|', '/shop', "o'clock"])
      expect(output, name).not.toContain(name)
    expect(output).toMatch(/topic\d/)
    expect(output).toContain('past-the-end')
    expect(output).toMatch(/consumer\\?_offsets/)
  }
})

test('--output writes it to a file and says so; a file that cannot be written exits with 1', async () => {
  const { run, environment } = await createTroubledShop()
  const { code, output, errors } = await run('report', '-o', '/report.md')
  expect([code, output]).toEqual([0, ''])
  expect(errors).toBe('Written to /report.md. Read it before you hand it on.\n')
  expect(readWholeFile(environment.files, '/report.md')!.toString()).toMatch(/^# Tidemark report\n/)
  const failed = await run('report', '-o', '/nowhere/report.md')
  expect([failed.code, failed.errors]).toEqual([1, expect.stringContaining('Could not write /nowhere/report.md')])
})
