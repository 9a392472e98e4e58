import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { open } from '../../../sdk/index.ts'
import { type Cell, readArchitectureTable } from '../../support/processed/architecture-table.ts'
import { committed } from '../../support/processed/scenario.ts'

/** How each kind of end looks from outside: exit code or signal. */
const ENDS: Readonly<Record<string, number | string>> = {
  SIGTERM: 0,
  'process.exit': 0,
  'unhandled rejection': 1,
  SIGKILL: 'SIGKILL',
}

for (const cell of readArchitectureTable().filter(({ event }) => event in ENDS)) {
  const { event, per, by, resumesAt } = cell
  test.concurrent(`${event}, per ${per}, committing by ${by}: the group goes on at ${resumesAt}`, async ({
    expect,
    onTestFinished,
  }) => {
    const directory = mkdtempSync(join(tmpdir(), 'tidemark-ends-'))
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
    expect(await runToItsEnd(directory, cell)).toBe(resumesAt)
  })
}

test('every way a process can end has a row for records and one for batches', () => {
  const rows = new Set(readArchitectureTable().map((cell) => `${cell.event}, per ${cell.per}`))
  for (const event of Object.keys(ENDS))
    for (const per of ['record', 'batch']) expect(rows).toContain(`${event}, per ${per}`)
})

async function runToItsEnd(directory: string, { event, per, by }: Cell): Promise<number> {
  const program = fileURLToPath(new URL('../../support/processed/ending-process.ts', import.meta.url))
  const child = spawn(process.execPath, [program, directory, event, per, by], { stdio: ['ignore', 'ignore', 'pipe'] })
  const [errors, [code, signal]] = await Promise.all([text(child.stderr), once(child, 'exit')])
  expect(signal ?? code, errors).toBe(ENDS[event])
  await using tide = await open(directory)
  return await committed(tide)
}
