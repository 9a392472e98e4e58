/** Real processes with one directory. */
import { once } from 'node:events'
import { dirname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { expect, onTestFinished, test } from 'vitest'
import { open } from '../../../sdk/index.ts'
import { createDirectory, type Neighbour, startNeighbour } from '../../support/neighbours/process.ts'

const KILLS = Number(process.env['KILLS'] ?? 6)

async function kindOf(neighbour: Neighbour): Promise<unknown> {
  const from = neighbour.told.length
  neighbour.say('kind')
  return (await neighbour.until(({ kind }) => kind !== undefined, from))['kind']
}

/** Values of the topic as a reader of the files sees them. */
async function valuesIn(directory: string): Promise<string[]> {
  await using tide = await open(directory, { readOnly: true })
  const values: string[] = []
  for await (const { value } of tide.topic('t').read({ from: 'earliest', follow: false })) {
    values.push(Buffer.from(value).toString())
  }
  return values
}

test(`of three processes the owner is killed, ${KILLS} times: sends and loops of the others go on by themselves`, async () => {
  const directory = createDirectory()
  let processes = [await startNeighbour(directory)]
  while (processes.length < 3) processes.push(await startNeighbour(directory))
  const all = [...processes]
  const takeOversMs: number[] = []
  for (const each of processes) {
    each.say('consume g')
    each.say(`send ${each.pid}`)
  }
  for (let kill = 0; kill < KILLS; kill++) {
    for (const each of processes) await each.until(({ sent }) => sent !== undefined)
    const kinds = await Promise.all(processes.map(kindOf))
    expect(kinds.filter((kind) => kind === 'owner')).toHaveLength(1)
    const owner = processes[kinds.indexOf('owner')]!
    const others = processes.filter((each) => each !== owner)
    const killedAtMs = performance.now()
    owner.kill('SIGKILL')
    // Answers of the owner that was, already on their way, do not count.
    await owner.exited
    const marks = others.map(({ told }) => told.length + 1)
    await Promise.all(others.map((each, index) => each.until(({ sent }) => sent !== undefined, marks[index])))
    takeOversMs.push(performance.now() - killedAtMs)
    const next = await startNeighbour(directory)
    all.push(next)
    next.say('consume g')
    next.say(`send ${next.pid}`)
    processes = [...others, next]
  }
  for (const each of processes) each.say('stop')
  for (const each of processes) await each.until(({ stopped }) => stopped === true)
  await using tide = await open(directory, { survives: 'process-crash' })
  await tide.groups.caughtUp('g')
  for (const each of processes) each.say('close')
  for (const each of processes) await each.until(({ closed }) => closed === true)
  const told = all.flatMap((each) => each.evidence())
  expect(told.filter(({ failed }) => failed !== undefined)).toEqual([])
  const stored = await valuesIn(directory)
  const known = new Set(stored)
  expect(known.size, 'nothing is stored twice').toBe(stored.length)
  const missing = told.flatMap(({ sent }) => (sent === undefined || known.has(sent as string) ? [] : [sent]))
  expect(missing, 'nothing acknowledged is lost').toEqual([])
  const seen = new Set(told.map(({ partition, offset, group }) => group && `${partition}@${offset}`))
  for (const { partition, offset: end } of await tide.topic('t').offsets('latest')) {
    const skipped = Array.from({ length: end }, (_, offset) => `${partition}@${offset}`).filter((id) => !seen.has(id))
    expect(skipped, 'nothing is skipped').toEqual([])
  }
  const sorted = takeOversMs.toSorted((a, b) => a - b)
  const at = (share: number) => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!)
  console.log(
    `take-over, from SIGKILL to the next acknowledged send of every neighbour: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, slowest ${at(1)} ms`,
  )
}, 120_000)

test('processes that have different temporary directories find each other', async () => {
  const directory = createDirectory()
  const owner = await startNeighbour(directory, { TMPDIR: dirname(directory) })
  const neighbour = await startNeighbour(directory, { TMPDIR: '/nowhere' })
  expect(await Promise.all([owner, neighbour].map(kindOf))).toEqual(['owner', 'neighbour'])
})

test('an owner that is stopped keeps the directory; its neighbours wait, say so, and go on when it does', async () => {
  const directory = createDirectory()
  const owner = await startNeighbour(directory)
  const other = await startNeighbour(directory)
  owner.kill('SIGSTOP')
  other.say('send x')
  await expect.poll(() => other.errors.join('\n'), { timeout: 15_000 }).toContain('TIDEMARK_OWNER_SILENT')
  expect(other.errors.join('\n')).toContain(`process ${owner.pid}, which does not answer`)
  expect(other.told.filter(({ sent }) => sent !== undefined)).toEqual([])
  owner.kill('SIGCONT')
  await other.until(({ sent }) => sent === 'x-0')
  expect(await kindOf(owner)).toBe('owner')
})

test('an owner that closes hands over, and the loops of the others go on', async () => {
  const directory = createDirectory()
  const owner = await startNeighbour(directory)
  const other = await startNeighbour(directory)
  other.say('consume g')
  owner.say('send x')
  await other.until(({ group }) => group === 'g')
  owner.say('stop')
  await owner.until(({ stopped }) => stopped === true)
  owner.say('close')
  await owner.until(({ closed }) => closed === true)
  other.say('send y')
  const { partition, offset } = await other.until(({ sent }) => sent === 'y-3')
  await other.until((told) => told['group'] === 'g' && told['partition'] === partition && told['offset'] === offset)
  expect(await kindOf(other)).toBe('owner')
})

test('a worker thread works through the thread that owns the directory, and takes it when that closes', async () => {
  const directory = createDirectory()
  const tide = await open(directory)
  await tide.topic('t').send({ value: Buffer.from('main') })
  const source = `
    import { parentPort } from 'node:worker_threads'
    const { open } = await import(${JSON.stringify(new URL('../../../sdk/index.ts', import.meta.url).href)})
    const tide = await open(${JSON.stringify(directory)})
    parentPort.on('message', async () => {
      const { offset } = await tide.topic('t').send({ value: Buffer.from('thread') })
      parentPort.postMessage({ kind: tide.kind, offset })
    })
    parentPort.postMessage({ kind: tide.kind })`
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`))
  onTestFinished(() => void worker.terminate())
  const answer = async () => (await once(worker, 'message'))[0] as unknown
  expect(await answer()).toEqual({ kind: 'neighbour' })
  worker.postMessage('send')
  expect(await answer()).toEqual({ kind: 'neighbour', offset: 1 })
  await tide.close()
  worker.postMessage('send')
  expect(await answer()).toMatchObject({ offset: 2 })
  worker.postMessage('send')
  expect(await answer()).toEqual({ kind: 'owner', offset: 3 })
})

test('a process with nothing left to do ends, also as a neighbour', async () => {
  const directory = createDirectory()
  await using _ = await open(directory)
  const other = await startNeighbour(directory)
  expect(await kindOf(other)).toBe('neighbour')
  other.say('close')
  await other.until(({ closed }) => closed === true)
})
