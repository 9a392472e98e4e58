import { expect, test } from 'vitest'
import { readWholeFile } from '../../../sdk/log/whole-file.ts'
import { tidemark } from './support/memory-terminal.ts'
import { createShop, type Shop } from './support/shop.ts'

const LOG = 'shop/payments-0/00000000000000000000.log'

async function dump({ environment }: Shop, ...typed: string[]) {
  return await tidemark(['dump', ...typed], { environment })
}

test('a log is shown as a table of its batches that fits a terminal, with --records as its records', async () => {
  const shop = await createShop()
  const { code, output, errors } = await dump(shop, LOG)
  expect([code, errors]).toEqual([0, ''])
  expect(output).toBe(
    [
      LOG,
      'log segment of payments-0, from offset 0 on, 202 B',
      'OFFSETS          RECORDS      BYTE      SIZE  LATEST RECORD         MORE',
      '0-5                    6         0       202  2023-11-14T22:13:25Z  pid 0/0#0',
      '',
    ].join('\n'),
  )
  for (const line of output.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
  const records = (await dump(shop, LOG, '--records')).output
  expect(records).toContain('\n  0  2023-11-14T22:13:20.000Z  card-0  amount 0  trace=abc\n')
  expect(records).toContain('\n  5  2023-11-14T22:13:25.000Z  card-2  amount 5\n')
})

test('several files of several kinds are shown one after the other, empty ones too', async () => {
  const shop = await createShop()
  const files = [
    'payments-0/00000000000000000000.timeindex',
    'payments-0/leader-epoch-checkpoint',
    'payments-0/00000000000000000000.index',
    'meta.properties',
  ]
  const { code, output } = await dump(shop, ...files.map((name) => `shop/${name}`))
  expect(code).toBe(0)
  expect(output).toContain(
    '               TIMESTAMP  OFFSET\n2023-11-14T22:13:25.000Z       5\n\nshop/payments-0/leader-epoch',
  )
  expect(output).toContain('EPOCH  START OFFSET\n    0             0\n')
  expect(output).toContain('and where it begins, 0 B\nnothing stands in it\n\nshop/meta.properties\n')
  expect(output).toContain('node.id       1\n')
  expect(output.split('\n').filter((line) => line.length > 80)).toEqual([])
})

test('what was committed is told in words, and as JSON with names and values', async () => {
  const shop = await createShop()
  const folder = shop.environment.files.list('/shop').find((name) => name.startsWith('__consumer_offsets'))
  const path = `shop/${folder}/00000000000000000000.log`
  expect((await dump(shop, path)).output).toContain('  0  fraud commits payments-0 at 2, with "mine"\n')
  const rows = (await dump(shop, path, '--json')).json()
  expect(rows.map((row) => row['row'])).toEqual(['file', 'batch', 'record', 'record'])
  expect(rows[2]).toMatchObject({
    file: path,
    offset: 0,
    meaning: {
      type: 'OffsetCommit',
      key: { group: 'fraud', topic: 'payments', partition: 0 },
      value: { offset: 2, leaderEpoch: 0, metadata: 'mine' },
    },
  })
  expect(Object.keys(rows[2]!['value'] as object)).toEqual(['base64'])
})

test('damage is told in its place, what stands behind it is shown, and it exits with 1', async () => {
  const shop = await createShop()
  const bytes = readWholeFile(shop.environment.files, `/${LOG}`)!
  const file = shop.environment.files.open(`/${LOG}`, { write: true })
  const broken = Buffer.from(bytes)
  broken[100]! ^= 1
  const behind = Buffer.from(bytes)
  behind.writeBigInt64BE(6n)
  file.write([broken, behind], 0)
  file.close()
  const { code, output } = await dump(shop, LOG)
  expect(code).toBe(1)
  expect(output).toMatch(/\nproblem at 0 {2}202 bytes cannot be read: its CRC is .*\n/)
  expect(output).toContain('\n6-11 ')
})

test('a name that would break the terminal is shown harmless, and wrong use says what is known', async () => {
  const shop = await createShop()
  const tide = await shop.open()
  await tide.groups.commit('evil\u001b[2J\n', [{ topic: 'payments', partition: 0, offset: 1 }])
  await tide.close()
  const folders = shop.environment.files.list('/shop').filter((name) => name.startsWith('__consumer_offsets'))
  const { output } = await dump(shop, ...folders.map((name) => `shop/${name}/00000000000000000000.log`))
  expect(output).toContain('evil\\x1b[2J\\x0a commits payments-0 at 1')
  expect(await dump(shop, 'shop')).toMatchObject({
    code: 2,
    errors: expect.stringContaining('shop is a directory. Name files in it, such as shop/'),
  })
})
