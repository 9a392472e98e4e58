/**
 * `npm start`: the whole story in about 20 seconds. A child process replays flights into a topic and consumes them in
 * two groups; this process watches from the files, kills the child with SIGKILL in mid-flow, starts it again, and then
 * checks, from what the handlers wrote down themselves, that nothing was skipped and hardly anything done twice.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { open, type Tidemark } from '../../sdk/index.ts'
import { judge, readEvidence, type Seen, type Verdict } from './evidence.ts'
import { readFlights } from './flights.ts'
import { Screen } from './screen.ts'

const GROUPS = ['delays', 'notifications'] as const
const ROUNDS = 8
const EVERY_RECORDS = 1_000
const PATIENCE_MS = 90_000

const here = fileURLToPath(new URL('.', import.meta.url))
const folder = join(here, '..', '..', '.demo')
const directory = join(folder, 'data')
const screen = new Screen()

rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })
const total = readFlights().length * ROUNDS

screen.say(screen.bold('Tidemark: consumers that remember, in a directory, without a server'))
screen.say()
screen.say(
  `A child process owns ${relative(process.cwd(), directory) || directory}. It replays ${count(total)} flights into a topic of`,
)
screen.say('3 partitions and consumes them in two groups: "delays" is fast, "notifications" is slow.')
screen.say('This process only reads the files. In mid-flow it kills the child with SIGKILL.')
screen.say()

let child = startWorker()
const watching = await follow()
const killAt = 0.45 + Math.random() * 0.15
await watch(watching, (progress) => progress.delays >= killAt)
const died = once(child, 'exit')
child.kill('SIGKILL')
await died
const before = new Map(GROUPS.map((group) => [group, readEvidence(folder, group)]))
const committed = await committedOffsets(watching)
screen.say()
screen.say(
  `${screen.bold('SIGKILL.')} No handler finished its sentence; nobody could save anything. What is on the disk:`,
)
for (const group of GROUPS) screen.say(`  ${group.padEnd(14)} ${describeCommits(committed.get(group))}`)
screen.say()
screen.say('Starting it again…')
child = startWorker()
await watch(watching, (progress) => progress.delays === 1 && progress.notifications === 1)
const left = once(child, 'exit')
child.kill('SIGTERM')
await left

const ends = new Map(
  (await watching.topic('flights').offsets('latest')).map(({ partition, offset }) => [partition, offset]),
)
const bytes = { data: logBytes('flights-'), commits: logBytes('__consumer_offsets-') }
await watching.close()
finish(GROUPS.map((group) => judgeGroup(group)))

function judgeGroup(group: string): Verdict {
  const early = before.get(group as (typeof GROUPS)[number]) as Seen[]
  const late = readEvidence(folder, group).slice(early.length)
  return judge(group, early, late, ends, committed.get(group) ?? new Map())
}

function startWorker(): ChildProcess {
  const worker = spawn(process.execPath, [join(here, 'worker.ts'), directory, folder, String(ROUNDS)], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  process.once('exit', () => worker.kill('SIGKILL'))
  worker.on('exit', (code) => {
    if (code !== null && code !== 0) fail(`The child ended with exit code ${code}.`)
  })
  return worker
}

/** A follower: reads the files of a running, crashed or copied directory and writes nothing. */
async function follow(): Promise<Tidemark> {
  const deadline = performance.now() + PATIENCE_MS
  for (;;) {
    try {
      return await open(directory, { readOnly: true })
    } catch (error) {
      if (performance.now() > deadline) throw error
      await sleep(50)
    }
  }
}

type Progress = Record<(typeof GROUPS)[number], number>

async function watch(tide: Tidemark, done: (progress: Progress) => boolean): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS
  const startedMs = performance.now()
  for (;;) {
    const rows = await tide.lag()
    const progress = { delays: 0, notifications: 0 }
    const lines = GROUPS.map((group) => {
      const own = rows.filter((row) => row.group === group)
      const processed = own.reduce((sum, row) => sum + (row.committedOffset ?? 0), 0)
      const behind = own.reduce((sum, row) => sum + (row.lagRecords ?? 0), 0)
      progress[group] = processed / total
      return `  ${group.padEnd(14)} ${screen.bar(processed / total)}  committed ${count(processed).padStart(8)}   ${count(behind).padStart(8)} behind`
    })
    screen.draw([...lines, screen.dim(`  ${((performance.now() - startedMs) / 1_000).toFixed(0)} s`)])
    if (done(progress)) return
    if (performance.now() > deadline) fail('This takes far too long: giving up.')
    await sleep(100)
  }
}

async function committedOffsets(tide: Tidemark): Promise<Map<string, Map<number, number>>> {
  const committed = new Map<string, Map<number, number>>()
  for (const row of await tide.lag()) {
    if (row.committedOffset === null) continue
    const partitions = committed.get(row.group) ?? new Map<number, number>()
    committed.set(row.group, partitions.set(row.partition, row.committedOffset))
  }
  return committed
}

function describeCommits(partitions: ReadonlyMap<number, number> | undefined): string {
  if (partitions === undefined) return 'nothing committed yet'
  return [...partitions]
    .sort(([a], [b]) => a - b)
    .map(([partition, offset]) => `partition ${partition} at ${count(offset)}`)
    .join(', ')
}

function logBytes(prefix: string): number {
  return readdirSync(directory)
    .filter((name) => name.startsWith(prefix))
    .flatMap((name) => readdirSync(join(directory, name)).map((file) => join(directory, name, file)))
    .filter((file) => file.endsWith('.log'))
    .reduce((sum, file) => sum + statSync(file).size, 0)
}

function finish(verdicts: readonly Verdict[]): void {
  screen.say()
  screen.say(screen.bold('What the handlers saw, by their own notes:'))
  let fine = true
  for (const verdict of verdicts) {
    const good = verdict.skipped === 0 && verdict.redeliveredMax <= EVERY_RECORDS && verdict.wrongResumes.length === 0
    fine &&= good && verdict.processed === total
    screen.say(
      `  ${good ? '✔' : '✘'} ${verdict.group.padEnd(14)} ${count(verdict.processed)} flights processed, ${count(verdict.skipped)} skipped, ` +
        `${count(verdict.redelivered)} redelivered`,
    )
    const resumed = verdict.wrongResumes.join('; ') || 'went on exactly at the committed offsets'
    screen.say(
      `${' '.repeat(19)}(at most ${count(verdict.redeliveredMax)} in a partition; the bound is ${count(EVERY_RECORDS)}), ${resumed}`,
    )
  }
  const share = (100 * bytes.commits) / bytes.data
  screen.say(
    `  The memory of both groups, both runs: ${count(bytes.commits)} bytes, ${share.toFixed(2)} % of ${count(bytes.data)} bytes of flights.`,
  )
  screen.say()
  if (!fine) fail('That is not what Tidemark promises.')
  screen.say(screen.bold('Try next:'))
  const shown = relative(process.cwd(), directory) || directory
  for (const [command, what] of [
    [`lag ${shown}`, 'where every group is'],
    [`read ${shown} flights --max 3`, 'the records themselves'],
    [`reset ${shown} --group delays --to-earliest`, 'what would change; --execute does it'],
    [`verify ${shown}`, 'every batch, checksum and index'],
  ] as const) {
    screen.say(`  npm run -s tidemark -- ${command.padEnd(48)} ${screen.dim(what)}`)
  }
}

function fail(message: string): never {
  screen.say()
  screen.say(`✘ ${message}`)
  process.exit(1)
}

function count(value: number): string {
  return value.toLocaleString('en-US')
}
