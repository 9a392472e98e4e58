import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { Chaos } from '../../support/chaos/chaos.ts'
import { GROUPS } from '../../support/chaos/evidence.ts'
import { takeOvers } from '../../support/chaos/take-over.ts'
import { judge } from '../../support/chaos/verdict.ts'

/** `CHAOS_SECONDS=1800 CHAOS_SEED=7 npx vitest run --project core test/sdk/neighbours/chaos.test.ts` runs it for long. */
const SECONDS = Number(process.env['CHAOS_SECONDS'] ?? 20)
const SEED = Number(process.env['CHAOS_SEED'] ?? 1)

test(
  `four processes, three groups, twelve partitions, whoever is killed, stopped or restarted, owner or not: nothing is lost or skipped, and no more comes again than a commit reaches back (${SECONDS} s, CHAOS_SEED=${SEED})`,
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tidemark-chaos-'))
    const chaos = new Chaos(folder, SEED)
    onTestFinished(() => {
      chaos.end()
      if (process.env['CHAOS_KEEP'] === undefined) rmSync(folder, { recursive: true, force: true })
    })
    await chaos.run(SECONDS * 1_000)
    const lives = chaos.lives()
    const { violations, ...figures } = judge(lives, await chaos.remains(), GROUPS)
    const takeOverMs = takeOvers(chaos.blows, lives)
    const blows = Object.groupBy(chaos.blows, ({ kind, wasOwner }) => `${kind}${wasOwner ? ' of the owner' : ''}`)
    if (process.env['CHAOS_KEEP'] !== undefined) writeFileSync(join(folder, 'blows.json'), JSON.stringify(chaos.blows))
    const struck = Object.fromEntries(Object.entries(blows).map(([kind, each]) => [kind, each?.length]))
    const at = (share: number) => Math.round(takeOverMs[Math.floor((takeOverMs.length - 1) * share)] ?? 0)
    const said = JSON.stringify({ struck, ...figures, takeOverMs: { p50: at(0.5), p99: at(0.99), max: at(1) } })
    console.log(`CHAOS_SEED=${SEED}, ${SECONDS} s, ${folder}: ${said}`)
    expect(
      [...chaos.deaths, ...violations.slice(0, 20)],
      `CHAOS_SEED=${SEED}: ${violations.length} violations; ${said}`,
    ).toEqual([])
    expect(figures.sent, said).toBeGreaterThan(SECONDS * 20)
    expect(Math.max(0, ...takeOverMs), `take-over, ms: ${said}`).toBeLessThan(20_000)
  },
  (SECONDS + 120) * 1_000,
)
