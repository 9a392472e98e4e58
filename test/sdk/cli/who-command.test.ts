import { expect, onTestFinished, test } from 'vitest'
import { open } from '../../../sdk/open.ts'
import { createShop } from './support/shop.ts'

test('who owns the directory and who works through it is listed, without whoever asks', async () => {
  const shop = await createShop()
  expect(await shop.run('who')).toMatchObject({ code: 0, output: 'No process has shop open for writing.\n' })
  const tide = await shop.open()
  const there = shop.environment.anotherProcess()
  const neighbour = await open('shop', { environment: there, clientId: 'mailer' })
  onTestFinished(() => neighbour.close())
  expect([tide.kind, neighbour.kind]).toEqual(['owner', 'neighbour'])
  const environment = shop.environment.anotherProcess()
  const { output } = await shop.run('who', { environment })
  expect(output.split('\n').map((line) => line.trim().split(/ {2,}/))).toEqual([
    ['Process', 'Role', 'Program', 'Since'],
    [String(shop.environment.process.pid), 'owner', 'tidemark', 'just now'],
    [String(there.process.pid), 'neighbour', 'mailer', 'just now'],
    [''],
  ])
  const rows = (await shop.run('who', '--json', { environment })).json()
  expect(rows).toEqual([
    { role: 'owner', pid: shop.environment.process.pid, clientId: 'tidemark', sinceMs: expect.any(Number) },
    { role: 'neighbour', pid: there.process.pid, clientId: 'mailer', sinceMs: expect.any(Number) },
  ])
})

test('of an owner that takes nobody in the pid is told, and that the others are not known', async () => {
  const shop = await createShop()
  const broker = shop.environment.anotherProcess()
  expect(broker.lockDirectory(broker.files.realPath('shop')).held).toBe(true)
  const { code, output } = await shop.run('who', { environment: shop.environment.anotherProcess() })
  expect(code).toBe(0)
  expect(output).toContain(`${broker.process.pid}  owner  -        -`)
  expect(output).toContain('It cannot be asked who else is connected')
})
