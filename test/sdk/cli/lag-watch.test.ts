import { expect, test } from 'vitest'
import type { Environment } from '../../../sdk/environment/environment.ts'
import type { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import { open } from '../../../sdk/open.ts'
import { overridden } from '../../support/overridden.ts'
import { createShop, type Shop } from './support/shop.ts'

const ESCAPE = '\u001b'

/** The screen as a person sees it after everything that was printed: the last frame. */
function lastFrame(output: string): string[] {
  const frame = output.split(`${ESCAPE}[H`).at(-1)!.split(`${ESCAPE}[J`)[0]!
  return frame.split('\r\n').map((line) => line.replaceAll(new RegExp(`${ESCAPE}\\[\\d*[mK]`, 'g'), ''))
}

/** Watches on a terminal until `step` has said "done"; it is called with the last frame whenever something was drawn. */
async function watchScreen(
  shop: Shop,
  step: (frame: string, press: (key: string) => void, resize: () => void) => void,
  options: {
    columns?: number
    rows?: number
    variables?: Record<string, string>
    typed?: string[]
    environment?: Environment
  } = {},
) {
  const size = { columns: options.columns ?? 120, rows: options.rows ?? 24 }
  let person = { press: (_key: string) => {}, resize: () => {} }
  const printed = await shop.run('lag', '--watch', ...(options.typed ?? []), {
    isTerminal: true,
    size,
    variables: options.variables ?? {},
    environment: options.environment ?? shop.environment,
    onStart: (given) => {
      person = given
    },
    closeWhen: (output) => {
      if (output.includes(`${ESCAPE}[J`)) step(lastFrame(output).join('\n'), person.press, person.resize)
      return false
    },
  })
  return { ...printed, size }
}

test('a screen of its own, sorted by trouble, with speed and age; q leaves everything as it was', async () => {
  const shop = await createShop()
  const tide = await shop.open()
  await tide.groups.commit('ahead', [{ topic: 'payments', partition: 0, offset: 60 }], { pastEnd: true })
  const { code, output, errors } = await watchScreen(shop, (_frame, press) => press('q'))
  expect([code, errors]).toEqual([0, ''])
  expect(output.startsWith(`${ESCAPE}[?1049h${ESCAPE}[?25l`)).toBe(true)
  expect(output.endsWith(`${ESCAPE}[?25h${ESCAPE}[?1049l`)).toBe(true)
  // Nothing is cleared before it is drawn anew.
  expect(output).not.toContain(`${ESCAPE}[2J`)
  const frame = lastFrame(output)
  expect(frame[0]).toMatch(/^\d\d:\d\d:\d\d {2}shop$/)
  expect(frame[1]).toContain('2 groups, 4 behind, 2 in trouble.')
  expect(frame[1]).toContain('has the directory open for writing.')
  expect(frame[3]).toMatch(/^Group +Partition +How far +Oldest +Processed +Trend +Caught up in +Next +Log end$/)
  expect(frame[4]).toMatch(/^ahead {2}payments-0 {2}54 past the end/)
  expect(frame[5]).toMatch(/^fraud {2}payments-0 {2}4 behind .* days /)
  expect(frame[6]).toMatch(/^fraud {2}payments-1 {2}up to date +0 s/)
  expect(frame.join('\n')).toContain('ahead: past-the-end, ')
  expect(frame.at(-1)).toBe('q ends this.')
})

test.each(['\u0003', 'Q', ESCAPE])('the key %j ends it, too, with 0', async (key) => {
  const { code } = await watchScreen(await createShop(), (_frame, press) => press(key))
  expect(code).toBe(0)
})

test('NO_COLOR leaves colours away, and a window of 60 columns, or of any size, is never written beyond', async () => {
  const shop = await createShop()
  const tide = await shop.open()
  const name = 'a group whose name is as long as people make them when they are let'
  await tide.groups.commit(name, [{ topic: 'payments', partition: 0, offset: 1 }])
  const plain = await watchScreen(shop, (_frame, press) => press('q'), { columns: 60, variables: { NO_COLOR: '1' } })
  expect(plain.output).not.toMatch(new RegExp(`${ESCAPE}\\[\\d+m`))
  for (const [columns, rows] of [
    [60, 24],
    [40, 10],
    [200, 50],
  ] as const) {
    const { output } = await watchScreen(shop, (_frame, press) => press('q'), { columns, rows })
    const frame = lastFrame(output)
    expect(frame.length, `${columns} × ${rows}`).toBeLessThanOrEqual(rows)
    for (const line of frame) expect([...line].length, line).toBeLessThanOrEqual(columns)
    expect(frame.join('\n')).toContain('5 behind')
    expect(frame.at(-1)).toBe('q ends this.')
  }
})

test('more rows than the window has are counted', async () => {
  const shop = await createShop()
  const tide = await shop.open()
  for (let group = 0; group < 30; group++) {
    await tide.groups.commit(`group ${group}`, [{ topic: 'payments', partition: 1, offset: 4 }])
  }
  const { output } = await watchScreen(shop, (_frame, press) => press('q'), { rows: 20 })
  const frame = lastFrame(output)
  expect(frame).toHaveLength(20)
  expect(frame.find((line) => line.startsWith('…'))).toMatch(/^… and \d\d more\.$/)
})

test('a resize is drawn at once, and what changed is told below', async () => {
  const shop = await createShop()
  const tide = await shop.open()
  const steps: string[] = []
  await watchScreen(shop, (frame, press, resize) => {
    if (steps.length === 0) {
      steps.push(frame)
      resize()
    } else if (steps.length === 1) {
      // The same again, although nothing has changed.
      expect(frame).toBe(steps[0])
      steps.push(frame)
      void tide.groups.commit('fraud', [{ topic: 'payments', partition: 0, offset: 5 }])
    } else if (frame.includes('next 5 (+3), end 6')) press('q')
  })
  expect(steps).toHaveLength(2)
})

test('a directory that goes away and comes back, and a program that starts again, are told; nothing ends', async () => {
  const shop = await createShop()
  const environment: MemoryEnvironment = shop.environment
  const owner = environment.anotherProcess()
  const seen: string[] = []
  const interrupt = new AbortController()
  const steps: [string, () => Promise<void> | void][] = [
    ['4 behind', () => environment.files.rename('/shop', '/elsewhere')],
    ['There is no directory shop at the moment.', () => environment.files.rename('/elsewhere', '/shop')],
    ['can be read again', async () => void (await open('shop', { environment: owner })).topic('t')],
    [`Process ${owner.process.pid} has the directory open`, () => owner.kill()],
    ['No program has the directory open', () => interrupt.abort()],
  ]
  const { code } = await shop.run('lag', '--watch', {
    signal: interrupt.signal,
    closeWhen: (output) => {
      const [wanted, next] = steps[0] ?? []
      if (wanted !== undefined && output.slice(seen.join('').length).includes(wanted)) {
        seen.push(output.slice(seen.join('').length))
        steps.shift()
        void next?.()
      }
      return false
    },
  })
  expect([code, steps]).toEqual([0, []])
})

/** A process that cannot ask the owner, and one that cannot read what groups committed. */
function onlookers(machine: MemoryEnvironment): { files: Environment; endpoint: Environment } {
  const endpoint = machine.anotherProcess()
  endpoint.failNext('read', { error: 'EIO', sticky: true, path: /__|payments/ })
  return { endpoint, files: overridden<Environment>(machine.anotherProcess(), { connect: async () => undefined }) }
}

test('the program that has the directory tells the same, row by row and word by word, as its files', async () => {
  const shop = await createShop()
  const tide = await shop.open()
  await tide.groups.commit('ahead', [{ topic: 'payments', partition: 0, offset: 60 }], { pastEnd: true })
  const consumer = tide.topic('payments').consume({ group: 'fraud' })
  const loop = consumer[Symbol.asyncIterator]()
  expect((await loop.next()).value?.offset).toBe(2)
  const { endpoint, files } = onlookers(shop.environment)
  for (const typed of [[], ['--json'], ['--group', 'fraud'], ['--group', 'nobody']]) {
    const told = await shop.run('lag', ...typed, { environment: endpoint })
    const read = await shop.run('lag', ...typed, { environment: files })
    expect({ ...told, json: [] }, typed.join(' ')).toEqual({ ...read, json: [] })
  }
  const watch = async (environment: Environment) => {
    const { json } = await shop.run('lag', '--watch', '--json', { environment, closeWhen: () => true })
    return json().map(({ atMs: _, ...line }) => line)
  }
  const told = await watch(endpoint)
  expect(told).toEqual(await watch(files))
  expect(told.filter(({ memberId }) => memberId != null)).toHaveLength(2)
  expect(told.filter(({ verdict }) => verdict !== undefined)).not.toEqual([])
})

test('a screen says so where the files are read although a program has the directory', async () => {
  const shop = await createShop()
  await shop.open()
  const { endpoint, files } = onlookers(shop.environment)
  const foot = async (environment: Environment) => {
    const { output } = await watchScreen(shop, (_frame, press) => press('q'), { environment })
    return lastFrame(output).at(-1)
  }
  expect(await foot(endpoint)).toBe('q ends this.')
  expect(await foot(files)).toBe('q ends this. That program does not answer: this is read from the files.')
})

test('in JSON the same has names', async () => {
  const shop = await createShop()
  const { environment } = shop
  const interrupt = new AbortController()
  let isGone = false
  const { json } = await shop.run('lag', '--watch', '--json', {
    signal: interrupt.signal,
    closeWhen: (output) => {
      if (!isGone) environment.files.rename('/shop', '/elsewhere')
      isGone = true
      if (output.includes('There is no directory')) interrupt.abort()
      return false
    },
  })
  expect(json().at(-1)).toEqual({ atMs: expect.any(Number), problem: 'There is no directory shop at the moment.' })
})
