import { expect, test } from 'vitest'
import { createShop } from './support/shop.ts'

test('a copy is made, checked, and can be read; a second one to the same place is wrong use', async () => {
  const { run, environment } = await createShop()
  const { code, output, errors } = await run('backup', 'copy')
  expect([code, errors]).toEqual([0, ''])
  expect(output).toMatch(
    /^Copied 4 partitions \(Kafka's own topics too\), [\d.]+ KiB, to copy in \d+\.\d s\. Nothing is wrong with it\.\n$/,
  )
  const { tidemark } = await import('./support/memory-terminal.ts')
  const of = async (directory: string) => (await tidemark(['lag', directory, '--json'], { environment })).json()
  expect(await of('copy')).toEqual(await of('shop'))
  const again = await run('backup', 'copy')
  expect([again.code, again.output]).toEqual([2, ''])
  expect(again.errors).toContain('/copy is not empty')
})

test('JSON has exactly the promised names; without a check the findings are null', async () => {
  const { run } = await createShop()
  const [made] = (await run('backup', 'copy', '--json')).json()
  expect(made).toEqual({ destination: '/copy', partitions: 4, sizeBytes: expect.any(Number), findings: [] })
  const [unchecked] = (await run('backup', 'other', '--json', '--no-verify')).json()
  expect(unchecked).toMatchObject({ findings: null })
  expect((await run('backup', 'third', '--no-verify')).output).toContain('It was not checked.\n')
})

test('damage that is copied exits with 1 and names the command that tells more', async () => {
  const { run, environment } = await createShop()
  const file = environment.files.open('/shop/payments-0/00000000000000000000.log', { write: true })
  file.write([Buffer.from('!')], 80)
  file.close()
  const { code, output } = await run('backup', 'copy')
  expect(code).toBe(1)
  expect(output).toContain('tidemark verify copy')
})

test('on a terminal it says how far it is; an interrupt removes what was copied and exits with 1', async () => {
  const { run, environment } = await createShop()
  const { errors } = await run('backup', 'copy', { isTerminal: true })
  expect(errors).toContain('copying: partition ')
  const { code } = await run('backup', 'other', { signal: AbortSignal.abort() })
  expect([code, environment.files.list('/other')]).toEqual([1, []])
})
