/**
 * `npm run bench -- many [--topics 10 --partitions 100 --groups 1000 --behind-megabytes 10240 --max-open-files 256]`: one
 * directory with many partitions and groups, and a group that begins far behind.
 *
 * Every row is a process of its own, so that memory and descriptors are its own. Milliseconds but for those two.
 */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'

const { values: options } = parseArgs({
  options: {
    topics: { type: 'string', default: '10' },
    partitions: { type: 'string', default: '100' },
    groups: { type: 'string', default: '1000' },
    'behind-megabytes': { type: 'string', default: '10240' },
    'max-open-files': { type: 'string', default: '' },
  },
})
const { topics, partitions, groups } = options
const behindMegabytes = options['behind-megabytes']

/** What is printed of each step, in this order. */
const COLUMNS = [
  'open',
  'create',
  'first send',
  'next send',
  'first commits',
  'lag',
  'lag again',
  'commit p50',
  'close',
]
const STEPS = [
  ['fill', 'new'],
  ['use', 'after a clean stop'],
  ['kill', ''],
  ['use', 'after a kill'],
  ['follow', 'follower'],
] as const

const folder = mkdtempSync(join(tmpdir(), 'tidemark-many-'))
try {
  console.log(`${topics} topics × ${partitions} partitions, ${groups} groups; ms, but for MiB and descriptors (fds)`)
  console.log(['', ...COLUMNS, 'MiB', 'fds'].map(pad).join(''))
  for (const [step, name] of STEPS) {
    const printed = await run('many-owner.ts', join(folder, 'data'), step, topics, partitions, groups)
    if (name !== '') console.log(rowOf(name, JSON.parse(printed)))
  }
  rmSync(join(folder, 'data'), { recursive: true, force: true })
  await run('far-behind.ts', folder, 'write', behindMegabytes)
  console.log(`\nA group ${behindMegabytes} MiB behind, 1 KiB values`)
  for (const loop of ['batches', 'records']) {
    const { took, roseByHalf, rose, peak } = JSON.parse(await run('far-behind.ts', folder, loop, behindMegabytes))
    const seconds = (took / 1_000).toFixed(1)
    const memory = `memory rose by ${show(roseByHalf)} MiB to the middle, by ${show(rose)} MiB to the end, at most ${show(peak)} MiB`
    console.log(`  by ${loop}: ${seconds} s, ${memory}`)
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}

/** What the program printed. One that is killed on purpose has printed nothing. */
async function run(program: string, ...given: string[]): Promise<string> {
  const path = fileURLToPath(new URL(`../support/bench/${program}`, import.meta.url))
  const limit = options['max-open-files']
  const [command, args] =
    limit === ''
      ? [process.execPath, [path, ...given]]
      : ['sh', ['-c', `ulimit -n ${limit} && exec "$@"`, 'sh', process.execPath, path, ...given]]
  try {
    return (await promisify(execFile)(command, args)).stdout
  } catch (error) {
    if ((error as { signal?: string }).signal === 'SIGKILL') return ''
    throw error
  }
}

function rowOf(name: string, figures: Readonly<Record<string, number>>): string {
  const cells = COLUMNS.map((column) => figures[column]).map((ms) => (ms === undefined ? '' : show(ms)))
  const { megabytes = Number.NaN, descriptors = Number.NaN } = figures
  return [name, ...cells, show(megabytes), show(descriptors)].map(pad).join('')
}

function show(value: number): string {
  return value < 10 ? value.toFixed(2) : String(Math.round(value))
}

function pad(text: string, column: number): string {
  return column === 0 ? text.padEnd(20) : text.padStart(14)
}
