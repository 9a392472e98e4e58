import { expect, test } from 'vitest'
import { readWholeFile } from '../../../sdk/log/whole-file.ts'
import { createShop, type Shop } from './support/shop.ts'

const LOG = '/shop/payments-0/00000000000000000000.log'

function damage({ environment: { files } }: Shop, path: string, at: number): void {
  const bytes = readWholeFile(files, path)!
  bytes[at] = bytes[at]! ^ 1
  const file = files.open(path, { write: true })
  file.write([bytes], 0)
  file.close()
}

test('a directory as the SDK left it has nothing wrong', async () => {
  const { run } = await createShop()
  const { code, output, errors } = await run('verify')
  expect([code, errors]).toEqual([0, ''])
  expect(output).toMatch(/^Checked \d partitions \(Kafka's own topics too\), \d+ records in .*\. Nothing is wrong\.\n$/)
  expect((await run('verify', '--json')).output).toBe('')
})

test('damage is told with place, loss and what to do, and exits with 1', async () => {
  const shop = await createShop()
  damage(shop, LOG, 100)
  const { code, output } = await shop.run('verify')
  expect(code).toBe(1)
  expect(output).toContain('damage  payments-0\n  payments-0/00000000000000000000.log, byte 0, offset 0\n')
  expect(output).toContain('  Lost: offsets 0 to 5 (6)\n')
  expect(output).toContain('  A Kafka broker: It cuts nothing here')
  expect(output).toContain('To do: Restore the partition from a copy')
  expect(output).toMatch(/1 damaged place, 1 warning\.\n$/)
  expect(output).toContain(
    'put the group behind the loss: tidemark reset shop --group fraud --topic payments:0 --to-offset 6 --execute',
  )
  const [finding] = (await shop.run('verify', '--json')).json()
  expect(Object.keys(finding!)).toEqual([
    'severity',
    'rule',
    'topic',
    'partition',
    'file',
    'position',
    'offset',
    'offsetsLost',
    'what',
    'whatABrokerWouldDo',
    'whatToDo',
  ])
  expect(finding).toMatchObject({ severity: 'damage', rule: 'batch', topic: 'payments', partition: 0, position: 0 })
})

test('on a terminal, lines are broken between words, and a command to be copied is not', async () => {
  const shop = await createShop()
  damage(shop, LOG, 100)
  const { output } = await shop.run('verify', { isTerminal: true, variables: { NO_COLOR: '1' } })
  for (const line of output.split('\n')) if (!/^Checked|tidemark reset/.test(line)) expect(line.length).toBeLessThan(81)
  expect(output).toContain('\n    tidemark reset shop --group fraud --topic payments:0 --to-offset 6 --execute\n')
})

test('what a crash leaves is a note, and exits with 0', async () => {
  const shop = await createShop()
  const tide = await shop.open()
  await tide.topic('payments').send({ value: Buffer.alloc(3000), partition: 0 })
  const crashed = shop.environment.crash({ keepUnsynced: 'all' })
  // The records of the shop are old enough for a segment of their own.
  const path = '/shop/payments-0/00000000000000000006.log'
  const file = crashed.files.open(path, { write: true })
  file.truncate(file.sizeBytes() - 1000)
  file.close()
  const { code, output } = await shop.run('verify', { environment: crashed })
  expect(output).toContain('note  payments-0')
  expect(output).toContain('Nothing is wrong. 1 note.')
  expect(code).toBe(0)
})

test('a person sees how far it is', async () => {
  const { run } = await createShop()
  expect((await run('verify', { isTerminal: true })).errors).toContain('partition ')
})

test('an interrupt ends it with 1: it is not known whether all is well', async () => {
  const shop = await createShop()
  const tide = await shop.open()
  const value = Buffer.alloc(900_000)
  for (let count = 0; count < 6; count++) await tide.topic('payments').send({ value, partition: 0 })
  const { code, errors } = await shop.run('verify', { signal: AbortSignal.abort() })
  expect(code).toBe(1)
  expect(errors).toContain('stopped before its end')
})
