import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { json, open } from '../../../sdk/index.ts'
import { runWorker } from '../../support/kill/run-worker.ts'

/** Says whether it was killed. */
async function works(directory: string, how: 'as owner' | 'next door'): Promise<boolean> {
  if (how === 'as owner') return await runWorker('deadly-worker.ts', [directory])
  await using _owner = await open(directory)
  return await runWorker('deadly-worker.ts', [directory])
}

test('a record whose handler kills the process is a dead letter after a few restarts, and the rest is processed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-deadly-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const directory = join(folder, 'data')
  {
    await using tide = await open(directory)
    const values = Array.from({ length: 100 }, (_, n) => ({ key: `${n}`, value: n }))
    await tide.topic('in', { value: json<number>() }).sendBatch(values)
  }
  let kills = 0
  while (await works(directory, kills % 2 === 0 ? 'next door' : 'as owner')) {
    kills++
    if (kills > 9) throw new Error('it is killed for ever')
  }
  expect(kills).toBe(7)
  await using tide = await open(directory, { readOnly: true })
  const letters = await tide.deadLetters('in-failed').list()
  expect(letters.map(({ origin, attempts, error }) => [origin.offset, attempts, error.name])).toEqual([
    [70, 6, 'TidemarkError [ATTEMPT_UNFINISHED]'],
  ])
  expect(await tide.groups.offsets('g')).toMatchObject([{ offset: 100, metadata: '' }])
})
