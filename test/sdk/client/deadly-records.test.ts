/** Records on which the process ends, again and again. */
import { expect, test } from 'vitest'
import { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import type { RunOptions } from '../../../sdk/index.ts'
import { turns, until } from './support/create-client.ts'
import { createRun, type Text } from './support/create-run.ts'

interface Life {
  /** Values in the order in which their attempts began. */
  readonly begun: string[]
  /** Those that were under way when the process ended; undefined where it came to its end in order. */
  readonly underWay: readonly string[] | undefined
}

/** Runs a process after the other on one disk until one comes to its end: each dies when it begins a deadly record. */
async function live(values: readonly string[], deadly: (value: string) => boolean, options: RunOptions<Text>) {
  let environment = new MemoryEnvironment({ clock: 'manual' })
  let records = values.map((value) => [value, value] as const)
  const lives: Life[] = []
  for (;;) {
    const { consume, tide, committed } = await createRun(records, { environment, partitions: 2 })
    records = []
    const begun: string[] = []
    const underWay = new Set<string>()
    let ending: 'killed' | 'over' | undefined
    const handler = async ({ value }: Text) => {
      if (ending !== undefined) return await new Promise<never>(() => {})
      begun.push(value)
      underWay.add(value)
      if (deadly(value)) ending = 'killed'
      await (deadly(value) ? new Promise<never>(() => {}) : turns(2))
      if (ending === undefined) underWay.delete(value)
    }
    const run = consume().run(handler, options)
    run.then(
      () => (ending = 'over'),
      () => {},
    )
    await until('the process ends', () => ending !== undefined)
    if (ending === 'over') {
      const letters = (await tide.deadLetters('dead').list()).map(({ bytes }) => Buffer.from(bytes.value!).toString())
      lives.push({ begun, underWay: undefined })
      return { lives, letters, metadata: (await committed())?.metadata, tide }
    }
    // The disk as it is when the handler has just begun.
    environment = environment.crash({ keepUnsynced: 'all' })
    lives.push({ begun, underWay: [...underWay] })
    if (lives.length > 30) throw new Error(`it dies for ever: ${JSON.stringify(lives.at(-1))}`)
  }
}

const VALUES = Array.from({ length: 60 }, (_, n) => `${n}`)

test.each([
  { attempts: 1, kills: 7 },
  { attempts: 6, kills: 7 },
  { attempts: 8, kills: 9 },
])(
  'a record that ends the process is a dead letter after $attempts attempts and $kills kills, and it alone',
  async ({ attempts, kills }) => {
    const options = { concurrency: 8, retry: { attempts }, onFailure: { deadLetter: 'dead' } } as const
    const { lives, letters, metadata } = await live(VALUES, (value) => value === '31', options)
    expect(letters).toEqual(['31'])
    expect(lives).toHaveLength(kills + 1)
    expect(metadata).toBe('')
    const done = new Set(lives.flatMap(({ begun }) => begun))
    expect(done.size, 'all were begun').toBe(60)
    // It was one of several at first, and is alone from then on.
    expect(lives[1]!.underWay!.length).toBeGreaterThan(1)
    for (const { underWay } of lives.slice(2, -1)) expect(underWay).toEqual(['31'])
    expect(lives.at(-1)!.begun).not.toContain('31')
  },
)

test('several of them are, one after the other', async () => {
  const options = { concurrency: 8, retry: { attempts: 2 }, onFailure: { deadLetter: 'dead' } } as const
  const deadly = ['0', '1', '31', '59']
  const { letters, lives } = await live(VALUES, (value) => deadly.includes(value), options)
  expect(letters.sort()).toEqual([...deadly].sort())
  expect(lives.length).toBeLessThan(7 * deadly.length)
})

test('where a failure stops the run such a record is tried at every start, alone', async () => {
  const options = { concurrency: 8, retry: { attempts: 2 } } as const
  await expect(live(VALUES, (value) => value === '31', options)).rejects.toThrow('it dies for ever: {"begun":["31"]')
})

test('who comes to its end in order leaves nothing behind, and only the first record of a partition costs a commit', async () => {
  const { consume, tide, committed } = await createRun(VALUES.map((value) => [value, value] as const))
  const commits: unknown[] = []
  await consume().run(() => {}, { concurrency: 8 })
  expect(await committed()).toMatchObject({ offset: 60, metadata: '' })
  for (const { entries } of await tide.groups.history('g')) commits.push(...entries)
  expect(commits.length).toBeLessThanOrEqual(3)
})
