import { mkdtempSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { open } from '../../sdk/index.ts'

const LOG = '00000000000000000000.log'

async function createDirectory(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-tails-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const directory = join(folder, 'data')
  await using tide = await open(directory)
  for (let count = 0; count < 6; count++) await tide.topic('t').send({ value: Buffer.from('x') })
  await tide.groups.commit('g', [{ topic: 't', partition: 0, offset: 3 }])
  return directory
}

test('a metadata log that lost its end is refused every time, and no partition is touched', async () => {
  const directory = await createDirectory()
  const file = join(directory, '__cluster_metadata-0', LOG)
  truncateSync(file, statSync(file).size - 1)
  const partitions = readdirSync(directory).filter((name) => /-\d+$/.test(name))
  for (let attempt = 0; attempt < 3; attempt++) {
    await expect(open(directory)).rejects.toMatchObject({ code: 'CORRUPT_BATCH' })
  }
  expect(readdirSync(directory).filter((name) => /-\d+$/.test(name))).toEqual(partitions)
})

test('records cut off the end of a log after an orderly stop are told', async () => {
  const directory = await createDirectory()
  const file = join(directory, 't-0', LOG)
  truncateSync(file, statSync(file).size - 1)
  const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
  onTestFinished(() => warn.mockRestore())
  await using tide = await open(directory)
  await tide.topic('t').offsets('latest')
  expect(warn.mock.calls.map(([message]) => String(message))).toContainEqual(
    expect.stringMatching(/t-0 has lost offsets 5 to 5/),
  )
})
