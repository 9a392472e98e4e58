import { expect, test } from 'vitest'
import { createShop } from './support/shop.ts'

test('a dry run shows what would be forgotten and how to put it back, and changes nothing', async () => {
  const { run } = await createShop()
  const before = (await run('lag', '--json')).output
  const { code, output } = await run('delete', '-g', 'fraud')
  expect(code).toBe(0)
  expect(output).toBe(
    [
      'Group fraud, dry run',
      '',
      'Topic     Partition  Committed  Metadata',
      'payments          0          2  mine',
      'payments          1          4',
      '',
      'To put it back, save these lines in a file:',
      '{"topic":"payments","partition":0,"offset":2,"leaderEpoch":0,"metadata":"mine"}',
      '{"topic":"payments","partition":1,"offset":4,"leaderEpoch":-1,"metadata":""}',
      'tidemark undo shop --group fraud --from-file FILE --execute',
      '',
      'Nothing was changed. Add --execute to do it.',
      '',
    ].join('\n'),
  )
  expect((await run('lag', '--json')).output).toBe(before)
})

test('how to put it back can be pasted into a shell, whatever the group is called', async () => {
  const shop = await createShop()
  const tide = await shop.open()
  await tide.groups.commit('`id` $HOME', [{ topic: 'payments', partition: 0, offset: 1 }])
  const { output } = await shop.run('delete', '-g', '`id` $HOME')
  expect(output).toContain("tidemark undo shop --group '`id` $HOME' --from-file FILE --execute\n")
})

test('--execute deletes the group; with --topic only what it committed there', async () => {
  const shop = await createShop()
  {
    await using tide = await shop.open()
    await tide.topic('refunds').send({ value: Buffer.from('x') })
    await tide.groups.commit('fraud', [{ topic: 'refunds', partition: 0, offset: 1 }])
  }
  const topic = await shop.run('delete', '-g', 'fraud', '-t', 'payments', '--execute')
  expect([topic.code, topic.output.split('\n').at(-2)]).toEqual([0, 'Done: the group has forgotten this.'])
  expect((await shop.run('lag', '--json')).json().map((row) => row['topic'])).toEqual(['refunds'])
  const whole = await shop.run('delete', '-g', 'fraud', '--execute', '--json')
  expect(whole.json()).toEqual([
    { group: 'fraud', topic: 'refunds', partition: 0, offset: 1, leaderEpoch: -1, metadata: '', executed: true },
  ])
  expect((await shop.run('groups', '--json')).output).toBe('')
})

test('a group with members is refused; a group or a topic that is not there is wrong use', async () => {
  const shop = await createShop()
  const tide = await shop.open()
  const records = tide.topic('payments').consume({ group: 'fraud' })[Symbol.asyncIterator]()
  await records.next()
  expect((await shop.run('delete', '-g', 'fraud')).output).toContain('The group has 1 member: while they run')
  const refused = await shop.run('delete', '-g', 'fraud', '--execute')
  expect(refused.code).toBe(1)
  expect(refused.errors).toContain('stop its consumers')
  await records.return?.()
  expect((await shop.run('lag', '--json')).json().length).toBe(2)
  expect((await shop.run('delete')).errors).toContain('--group is missing')
  expect(await shop.run('delete', '-g', 'nobody')).toMatchObject({ code: 2 })
  const missing = await shop.run('delete', '-g', 'fraud', '-t', 'refunds')
  expect([missing.code, missing.errors.split('\n')[0]]).toEqual([
    2,
    'tidemark: Group fraud has committed nothing for topic refunds.',
  ])
})
