/**
 * Runs code blocks one after the other, each in a directory of its own where there is `./data` with payments that two groups
 * are on, and prints what became of each as a line of JSON. Programs that would run for ever are asked to end, as a user would.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { open, type Tidemark } from '../../../sdk/index.ts'

/** So long without much to do: what has not ended by itself by then waits for something. */
const IDLE_MS = 300
const LIMIT_MS = 10_000

export interface BlockReport {
  readonly file: string
  readonly error: string | null
}

const [folder = '', ...files] = process.argv.slice(2)
const print = console.log
console.log = console.table = console.warn = console.info = () => {}

for (const file of files) {
  print(JSON.stringify(await run(file)))
}
process.exit()

async function run(file: string): Promise<BlockReport> {
  const cwd = mkdtempSync(join(tmpdir(), 'tidemark-block-'))
  process.chdir(cwd)
  const tide = await createData()
  Object.assign(globalThis, { tide, write: nothing, insertMany: nothing, send: nothing, score: nothing })
  const ended = import(pathToFileURL(join(folder, file)).href).then(
    () => null,
    (error: unknown) => (error instanceof Error ? (error.stack ?? error.message) : String(error)),
  )
  let error = await untilIdle(ended)
  if (error === undefined) {
    process.emit('SIGTERM')
    error = await untilIdle(ended)
  }
  // Loops without a signal end with the directory.
  await tide.close()
  error ??= await within(ended, LIMIT_MS)
  process.chdir(tmpdir())
  rmSync(cwd, { recursive: true, force: true })
  return { file, error: error === undefined ? 'it does not end' : error }
}

/** What the promise becomes, unless the process has nothing left to do before; on a busy machine that takes its time. */
async function untilIdle<T>(promise: Promise<T>): Promise<T | undefined> {
  for (let waitedMs = 0; waitedMs < LIMIT_MS; waitedMs += IDLE_MS) {
    const before = performance.eventLoopUtilization()
    const result = await within(promise, IDLE_MS)
    if (result !== undefined) return result
    if (performance.eventLoopUtilization(before).utilization < 0.5) break
  }
  return undefined
}

function within<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  const { promise: late, resolve } = Promise.withResolvers<undefined>()
  const timer = setTimeout(() => resolve(undefined), ms)
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

async function nothing(): Promise<void> {}

/** `./data` of a program that has been running for a while, and the files of one that used none. */
async function createData(): Promise<Tidemark> {
  mkdirSync('backups')
  writeFileSync('invoices.json', '[{ "amount": 12 }, { "amount": 30 }]')
  writeFileSync('position.json', '1')
  const tide = await open('./data')
  const payments = tide.topic('payments', { partitions: 3 })
  for (let amount = 0; amount < 12; amount++) {
    await payments.send({ key: `card-${amount}`, value: Buffer.from(JSON.stringify({ amount })) })
  }
  for (const group of ['fraud', 'scores']) for await (const _ of payments.consume({ group, follow: false }));
  return tide
}
