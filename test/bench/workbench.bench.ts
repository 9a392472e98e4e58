/**
 * `npm run bench -- workbench [--groups 20 --partitions 1 --commits 200 --idle-seconds 60]`: the packed extension in a
 * workbench, while a program commits: from commit to changed text in the page, how long the extension takes to activate,
 * and what it adds to the cost of its extension host. VS Code's own extensions are never idle, so the same host is also
 * measured without ours, before it is activated.
 */
import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { CommittingProgram } from '../support/bench/committing-program.ts'
import { percentile } from '../support/bench/percentile.ts'
import { Workbench } from '../support/vscode/workbench.ts'

const { values: options } = parseArgs({
  options: {
    groups: { type: 'string', default: '20' },
    partitions: { type: 'string', default: '1' },
    commits: { type: 'string', default: '200' },
    'idle-seconds': { type: 'string', default: '60' },
  },
})
const RECORDS = 2_000
/** The first by name: rows that are in sight whatever the size of the window. */
const IN_SIGHT = Array.from({ length: Number(options.groups) }, (_, group) => group)
  .sort((a, b) => (`group-${a}` < `group-${b}` ? -1 : 1))
  .slice(0, 10)
const PAUSE_MS = 50
/** A unit of processor time in /proc, on every Linux there is. */
const TICK_MS = 10

/** Runs in the page: resolves with the time at which a row of the side bar begins with a text. */
const WAIT_FOR_TEXT = `(text) => new Promise((resolve) => {
  const side = document.querySelector('.part.sidebar')
  const look = () => {
    const rows = [...side.querySelectorAll('.monaco-list-row')]
    if (!rows.some((row) => row.textContent.startsWith(text))) return
    observer.disconnect()
    resolve(Date.now())
  }
  const observer = new MutationObserver(look)
  observer.observe(side, { subtree: true, childList: true, characterData: true, attributes: true })
  look()
})`

const { groups, partitions } = options
const idleMs = Number(options['idle-seconds']) * 1_000
const folder = mkdtempSync(join(tmpdir(), 'tidemark-workbench-'))
const idle = await withoutTidemark()
try {
  await using program = await CommittingProgram.start(join(folder, 'data'), groups, partitions)
  await using workbench = await Workbench.open({ folder, settings: { 'tidemark.tree.sortBy': 'name' } })
  console.log(`${groups} groups × ${partitions} partitions, the packed extension in a workbench`)
  const startedMs = performance.now()
  await workbench.openInspector()
  await workbench.row('group-0').waitFor({ timeout: 120_000 })
  console.log(`  from opening the view to its rows: ${Math.round(performance.now() - startedMs)} ms`)
  const tookMs: number[] = []
  const before = hostUsage()
  for (let turn = 0; turn < Number(options.commits); turn++) {
    const group = IN_SIGHT[turn % IN_SIGHT.length] ?? 0
    const offset = RECORDS - 2 * Number(options.commits) + turn
    tookMs.push(await commitAndSee(workbench, program, group, offset))
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
  }
  const [half, most] = [0.5, 0.95].map((part) => Math.round(percentile(tookMs, part)))
  console.log(`  from commit to changed text: p50 ${half} ms, p95 ${most} ms`)
  console.log(
    `  processor time of the extension host: ${Math.round((hostUsage().cpuMs - before.cpuMs) / tookMs.length)} ms a commit`,
  )
  const [atOnce, sdk, parser] = await loading()
  console.log(`  activation by VS Code's clock, in which other extensions load, too: ${await activation(workbench)}`)
  console.log(
    `  processor time of loading: ${atOnce} ms at activation, ${sdk} with the first directory, ${parser} with the first call of consume in a file`,
  )
  await settle()
  const inSight = await idleCost()
  await workbench.page.locator('.activitybar a[aria-label^="Explorer"]').first().click()
  await settle()
  const hidden = await idleCost()
  const cost = (name: string, { percent, megabytes }: Usage) =>
    console.log(`    ${name}: ${percent.toFixed(2)} % of a processor, ${megabytes} MiB`)
  console.log(`  the extension host over ${options['idle-seconds']} seconds in which nothing happens`)
  cost('without Tidemark', idle)
  cost('with its tree in sight', inSight)
  cost('with its tree hidden', hidden)
} finally {
  rmSync(folder, { recursive: true, force: true })
}

interface Usage {
  readonly percent: number
  readonly megabytes: number
}

/** A workbench on a folder without a data directory, which nothing activates the extension for. */
async function withoutTidemark(): Promise<Usage> {
  const empty = mkdtempSync(join(tmpdir(), 'tidemark-workbench-'))
  try {
    await using workbench = await Workbench.open({ folder: empty })
    await workbench.page.locator('.activitybar a').first().waitFor()
    await settle()
    return await idleCost()
  } finally {
    rmSync(empty, { recursive: true, force: true })
  }
}

/** What has just been started or done is compiled, collected and saved for some seconds more. */
function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.min(20_000, idleMs)))
}

async function idleCost(): Promise<Usage> {
  const before = hostUsage()
  await new Promise((resolve) => setTimeout(resolve, idleMs))
  const { cpuMs, megabytes } = hostUsage()
  return { percent: ((cpuMs - before.cpuMs) / idleMs) * 100, megabytes }
}

/** Of each file the best of some: processor time, which does not depend on what else the machine does. */
async function loading(): Promise<readonly number[]> {
  const program = fileURLToPath(new URL('../support/bench/loaded-extension.cjs', import.meta.url))
  const files = ['extension.cjs', 'extension-sdk.cjs', 'extension-parser.cjs']
  const runs: number[][] = []
  for (let run = 0; run < 5; run++) {
    const { stdout } = await promisify(execFile)(process.execPath, [program, ...files])
    runs.push(JSON.parse(stdout))
  }
  return files.map((_, index) => Math.round(Math.min(...runs.map((costs) => costs[index] ?? Number.NaN))))
}

/** As VS Code has measured it, by the clock. */
async function activation(workbench: Workbench): Promise<string> {
  // The list is sorted by this time and holds only what is in sight; the quick ones are far down.
  await workbench.page.setViewportSize({ width: 1280, height: 4_000 })
  await workbench.run('Developer: Show Running Extensions')
  const row = workbench.page.locator('.editor-container .monaco-list-row').filter({ hasText: 'Tidemark' }).first()
  const said = await row.innerText()
  await workbench.page.keyboard.press('Escape')
  return /Activation: (\d+\s?ms)/.exec(said)?.[1] ?? said
}

/** Milliseconds from when the commit had returned in the program to when the page said so. */
async function commitAndSee(
  workbench: Workbench,
  program: CommittingProgram,
  group: number,
  offset: number,
): Promise<number> {
  const behind = ((RECORDS - offset) * Number(partitions)).toLocaleString('en')
  const asked = JSON.stringify(`group-${group}${behind} behind`)
  const seen = workbench.page.evaluate<number>(`(${WAIT_FOR_TEXT})(${asked})`)
  const committedAtMs = await program.commit(group, offset)
  return (await seen) - committedAtMs
}

/** Of the extension host below this process. Linux tells; elsewhere nothing is known. */
function hostUsage(): { readonly cpuMs: number; readonly megabytes: number } {
  try {
    const parents = new Map<number, number>()
    const hosts: number[] = []
    for (const pid of readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)) {
      const stat = statOf(pid)
      if (stat === undefined) continue
      parents.set(pid, Number(stat[1]))
      if (readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('--type=extensionHost')) hosts.push(pid)
    }
    const isBelow = (pid: number): boolean => pid === process.pid || (pid > 1 && isBelow(parents.get(pid) ?? 0))
    const host = hosts.find(isBelow)
    const stat = host === undefined ? undefined : statOf(host)
    if (stat === undefined) return { cpuMs: Number.NaN, megabytes: Number.NaN }
    return { cpuMs: (Number(stat[11]) + Number(stat[12])) * TICK_MS, megabytes: Math.round(Number(stat[21]) / 256) }
  } catch {
    return { cpuMs: Number.NaN, megabytes: Number.NaN }
  }
}

/** The fields behind the name in parentheses; undefined where the process is gone. */
function statOf(pid: number): readonly string[] | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
  } catch {
    return undefined
  }
}
