import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { json, open } from '../../../sdk/index.ts'
import { verifyDirectory } from '../../../sdk/inspect.ts'
import { fateOf, type HandlerStep, readHandlerEvidence } from '../../support/kill/handler-evidence.ts'
import { runWorker } from '../../support/kill/run-worker.ts'
import { seededRandom } from '../../support/seeded-random.ts'

/** The full form: `HANDLER_RECORDS=100000 HANDLER_KILLS=40`. */
const RECORDS = Number(process.env['HANDLER_RECORDS'] ?? 6_000)
const KILLS = Number(process.env['HANDLER_KILLS'] ?? 4)
const SEED = Number(process.env['SEED'] ?? Date.now() % 100_000)
const PARTITIONS = 4
const KEYS = 500
const LONGEST_LIFE_MS = 500

interface Stored {
  /** The number that was sent, by place. */
  readonly numbers: Map<string, number>
  readonly keys: Map<string, string>
}

test(`${RECORDS} records, 1 % poison, 5 % slow, ${KILLS} SIGKILLs: each poison record is a dead letter once, all others are processed (SEED=${SEED})`, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-handlers-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const directory = join(folder, 'data')
  const random = seededRandom(SEED)
  await sendOrders(directory)
  const stored = await readOrders(directory)
  const finished = new Set<string>()
  const begun = new Map<string, number>()
  const totals = { kills: 0, attempts: 0, again: 0, givenUpAgain: 0 }
  const startedAtMs = performance.now()
  for (let run = 0; ; run++) {
    const lifeMs = totals.kills < KILLS ? 20 + random() * LONGEST_LIFE_MS : undefined
    const file = join(folder, `run-${run}.steps`)
    const wasKilled = await work([directory, file, 'fails'], lifeMs)
    judge([readHandlerEvidence(file)], { stored, finished, begun, totals }, `SEED=${SEED}, run ${run}`)
    await checkCommits(directory, stored, finished, `SEED=${SEED} after run ${run}`)
    if (!wasKilled) break
    totals.kills++
  }
  const seconds = (performance.now() - startedAtMs) / 1_000
  const letters = await checkAllIsThrough(directory, stored, finished)
  expect(totals.kills).toBeGreaterThanOrEqual(Math.ceil(KILLS / 2))
  // Of many kills some fall between a letter and its commit, else nothing was shown; of few perhaps none.
  if (KILLS >= 20) expect(totals.givenUpAgain).toBeGreaterThan(0)
  await checkSentBack(directory, folder, letters)
  console.log(
    `${RECORDS} records (SEED=${SEED}), ${totals.kills} kills in ${seconds.toFixed(1)} s: ${totals.attempts} attempts, ${totals.again} records begun again after they were through, ${totals.givenUpAgain} given up again whose letter was there, ${letters} letters, each once`,
  )
}, 600_000)

test(`two processes at a time, owner or neighbour, ${KILLS} SIGKILLs: the same, and no key is worked on out of order (SEED=${SEED})`, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-handlers-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const directory = join(folder, 'data')
  const random = seededRandom(SEED)
  await sendOrders(directory)
  const stored = await readOrders(directory)
  const runs: HandlerStep[][] = []
  let [kills, started] = [0, 0]
  const oneAfterAnother = async () => {
    for (let wasKilled = true; wasKilled; ) {
      const file = join(folder, `run-${started++}.steps`)
      const lifeMs = kills < KILLS ? 20 + random() * LONGEST_LIFE_MS : undefined
      wasKilled = await work([directory, file, 'fails'], lifeMs)
      runs.push(readHandlerEvidence(file))
      if (wasKilled) kills++
    }
  }
  await Promise.all([oneAfterAnother(), oneAfterAnother()])
  // With `follow: false` each ends with its own share. What one was giving up as the other ended waits for whoever comes next.
  await oneAfterAnother()
  const finished = new Set<string>()
  const totals = { kills, attempts: 0, again: 0, givenUpAgain: 0 }
  judge(runs, { stored, finished, begun: new Map(), totals }, `SEED=${SEED}`)
  await checkCommits(directory, stored, finished, `SEED=${SEED}`)
  await checkAllIsThrough(directory, stored, finished)
  expect(kills).toBeGreaterThanOrEqual(Math.ceil(KILLS / 2))
  console.log(`two processes (SEED=${SEED}): ${kills} kills, ${totals.attempts} attempts, ${totals.again} again`)
}, 600_000)

/** Everything is finished, and the letters are those of the poison records, each once. How many there are. */
async function checkAllIsThrough(directory: string, stored: Stored, finished: ReadonlySet<string>): Promise<number> {
  expect([...stored.numbers.keys()].filter((place) => !finished.has(place))).toEqual([])
  const poison = [...stored.numbers].filter(([, n]) => fateOf(n) === 'poison').map(([place]) => place)
  expect(await lettersOf(directory), 'each poison record once').toEqual(poison.toSorted())
  return poison.length
}

async function sendOrders(directory: string): Promise<void> {
  await using tide = await open(directory)
  const orders = tide.topic('orders', { value: json<number>(), partitions: PARTITIONS })
  const records = Array.from({ length: RECORDS }, (_, n) => ({ key: `key-${n % KEYS}`, value: n }))
  await orders.sendAll(records)
}

async function readOrders(directory: string): Promise<Stored> {
  await using tide = await open(directory, { readOnly: true })
  const stored: Stored = { numbers: new Map(), keys: new Map() }
  for await (const { partition, offset, key, value } of tide
    .topic('orders', { value: json<number>() })
    .read({ follow: false })) {
    stored.numbers.set(`${partition}@${offset}`, value)
    stored.keys.set(`${partition}@${offset}`, key!)
  }
  expect(stored.numbers.size).toBe(RECORDS)
  return stored
}

/** Whether it was killed, `lifeMs` after it began to work. */
async function work(args: readonly string[], lifeMs: number | undefined): Promise<boolean> {
  return await runWorker('handler-worker.ts', args, (worker) => {
    if (lifeMs === undefined) return
    worker.stdout.once('data', () => {
      const timer = setTimeout(() => worker.kill('SIGKILL'), lifeMs)
      worker.once('exit', () => clearTimeout(timer))
    })
  })
}

interface Known {
  readonly stored: Stored
  /** Places of records that were through or given up, in this run or before. */
  readonly finished: Set<string>
  readonly begun: Map<string, number>
  readonly totals: { attempts: number; again: number; givenUpAgain: number }
}

/** Of each key no record is begun before those in front of it were finished once, and in each run never two at a time. */
function judge(
  runs: readonly (readonly HandlerStep[])[],
  { stored, finished, begun, totals }: Known,
  place: string,
): void {
  const runningIn = runs.map(() => new Map<string, string>())
  const steps = runs.flatMap((each, run) => each.map((step) => ({ ...step, running: runningIn[run]! })))
  for (const { step, partition, offset, running } of steps.toSorted((one, other) => Number(one.at - other.at))) {
    const name = `${partition}@${offset}`
    const key = stored.keys.get(name)!
    if (step === 'begun') {
      totals.attempts++
      const other = running.get(key)
      if (other !== undefined && other !== name) throw new Error(`${place}: ${name} of ${key} is begun beside ${other}`)
      const last = begun.get(key) ?? -1
      for (let before = last; before >= 0 && before < offset; before++) {
        const earlier = `${partition}@${before}`
        if (stored.keys.get(earlier) === key && !finished.has(earlier))
          throw new Error(`${place}: ${name} of ${key} is begun before ${earlier} is finished`)
      }
      begun.set(key, Math.max(last, offset))
      if (finished.has(name)) totals.again++
      running.set(key, name)
      continue
    }
    // The process before may have ended in its last attempt: then it is given up without another one.
    const isKnown = running.get(key) === name || (step === 'given up' && !running.has(key))
    if (!isKnown) throw new Error(`${place}: ${name} of ${key} is ${step} while ${running.get(key)} runs`)
    expect(step === 'given up', `${place}: ${name}`).toBe(fateOf(stored.numbers.get(name)!) === 'poison')
    if (step === 'given up' && finished.has(name)) totals.givenUpAgain++
    running.delete(key)
    finished.add(name)
  }
}

/** Nothing is committed that is not through, or whose letter is not there. */
async function checkCommits(
  directory: string,
  stored: Stored,
  finished: ReadonlySet<string>,
  place: string,
): Promise<void> {
  await using tide = await open(directory, { readOnly: true })
  const committed = await tide.groups.offsets('billing')
  const letters = new Set(await lettersOf(directory))
  for (const { partition, offset: end } of committed) {
    for (let offset = 0; offset < end; offset++) {
      const name = `${partition}@${offset}`
      const isPoison = fateOf(stored.numbers.get(name)!) === 'poison'
      if (!(isPoison ? letters : finished).has(name)) throw new Error(`${place}: ${name} is committed and not finished`)
    }
  }
}

/** The places that the dead letters are from, sorted; one that is there twice stands here twice. */
async function lettersOf(directory: string): Promise<string[]> {
  await using tide = await open(directory, { readOnly: true })
  const letters = await tide.deadLetters('orders-failed').list()
  return letters.map(({ origin: { partition, offset } }) => `${partition}@${offset}`).toSorted()
}

async function checkSentBack(directory: string, folder: string, count: number): Promise<void> {
  const places: string[] = []
  {
    await using tide = await open(directory)
    for (const { partition, offset } of await tide.deadLetters('orders-failed').sendBack()) {
      places.push(`${partition}@${offset}`)
    }
  }
  expect(places).toHaveLength(count)
  const file = join(folder, 'healed.steps')
  await work([directory, file, 'healed'], undefined)
  const through = readHandlerEvidence(file).filter(({ step }) => step === 'through')
  expect(through.map(({ partition, offset }) => `${partition}@${offset}`).toSorted()).toEqual(places.toSorted())
  await using tide = await open(directory, { readOnly: true })
  expect(await tide.deadLetters('orders-failed').list()).toEqual([])
  expect((await tide.lag({ group: 'billing' })).map(({ lagRecords }) => lagRecords)).toEqual([0, 0, 0, 0])
  expect((await verifyDirectory(directory)).filter(({ severity }) => severity !== 'note')).toEqual([])
}
