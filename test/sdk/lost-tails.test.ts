import { mkdtempSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { open } from '../../sdk/index.ts'

const LOG = '00000000000000000000.log'

async function consume(records: AsyncIterable<{ offset: number }>): Promise<number[]> {
  const offsets: number[] = []
  for await (const { offset } of records) offsets.push(offset)
  return offsets
}

async function createDirectory(configs: Record<string, string> = {}): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-tails-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const directory = join(folder, 'data')
  await using tide = await open(directory)
  const topic = tide.topic('t', { configs })
  for (let count = 0; count < 6; count++) await topic.send({ key: 'k', value: Buffer.from('x') })
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

test('records cut off the end of a log after an orderly stop are told, to groups inside the cut too, in every opening', async () => {
  const directory = await createDirectory()
  const file = join(directory, 't-0', LOG)
  truncateSync(file, statSync(file).size - 250)
  const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
  onTestFinished(() => warn.mockRestore())
  const told = () => warn.mock.calls.map(([message]) => String(message))
  {
    await using tide = await open(directory)
    expect(tide.recovery).toEqual([])
    expect(await tide.topic('t').send({ value: Buffer.from('new') })).toMatchObject({ offset: 6 })
    expect(tide.recovery).toMatchObject([{ topic: 't', partition: 0, missing: { fromOffset: 2, toOffset: 6 } }])
    expect(told()).toContainEqual(expect.stringMatching(/t-0 has lost offsets 2 to 5/))
  }
  for (const readOnly of [false, true]) {
    await using tide = await open(directory, { readOnly })
    const topic = tide.topic('t')
    await expect(consume(topic.read({ follow: false }))).rejects.toMatchObject({ code: 'CORRUPT_BATCH', offset: 2 })
    expect(await consume(topic.read({ follow: false, onDamage: 'skip' }))).toEqual([0, 1, 6])
    expect(told()).toContainEqual(expect.stringMatching(/Offsets 2 to 5 of t-0 cannot be read.*skipped/))
    if (readOnly) continue
    // The group stands at 3.
    await expect(consume(topic.consume({ group: 'g', follow: false }))).rejects.toMatchObject({ code: 'CORRUPT_BATCH' })
    expect(await consume(topic.consume({ group: 'g', follow: false, onDamage: 'skip' }))).toEqual([6])
  }
})

test('a loop over a compacted topic that lost its end does not wait for what is gone', async () => {
  const directory = await createDirectory({ 'cleanup.policy': 'compact' })
  const file = join(directory, 't-0', LOG)
  truncateSync(file, statSync(file).size - 250)
  for (let opening = 0; opening < 2; opening++) {
    await using tide = await open(directory)
    expect(await consume(tide.topic('t').read({ follow: false }))).toEqual([0, 1])
    expect(tide.recovery).toMatchObject(opening === 0 ? [{ missing: { fromOffset: 2, toOffset: 6 } }] : [])
  }
  await using follower = await open(directory, { readOnly: true })
  expect(await consume(follower.topic('t').read({ follow: false }))).toEqual([0, 1])
})
