import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { setTimeout as delay } from 'node:timers/promises'
import type { AxeResults } from 'axe-core'
import type { Frame } from 'playwright-core'
import { expect, test } from 'vitest'
import { SampleWorkspace } from '../../support/vscode/sample-workspace.ts'
import { Workbench } from '../../support/vscode/workbench.ts'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

async function violations(frame: Frame): Promise<readonly string[]> {
  await frame.evaluate(AXE)
  const results = await frame.evaluate<AxeResults>(() =>
    (globalThis as never as { axe: { run(): Promise<AxeResults> } }).axe.run(),
  )
  return results.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
}

test('the timeline shows what a group committed when, as a picture and as a table, and follows', async () => {
  await using workspace = await SampleWorkspace.create()
  const payments = workspace.tide.topic('payments')
  const more = () => payments.consume({ group: 'fraud', limit: 100 })
  // A program that works while VS Code starts: the picture shows steps, and an end of the log that moves.
  const work = async () => {
    for (let round = 0; round < 8; round++) {
      await payments.sendBatch(
        Array.from({ length: 60 }, (_, index) => ({ key: `card-${index}`, value: Buffer.from('{}') })),
      )
      for await (const _ of more());
      await delay(800)
    }
  }
  const [opened] = await Promise.all([Workbench.open({ folder: workspace.folder }), work()])
  await using workbench = opened
  await workbench.openInspector()
  await workbench.row('fraud').click()
  await workbench.run('Tidemark: Show the Commit Timeline')
  const page = await workbench.webview((frame) => frame.getByRole('heading', { name: 'Commits of fraud' }))
  await page.getByRole('img').first().waitFor()
  await workbench.picture('timeline')
  expect(await violations(page)).toEqual([])
  await page.getByText('As a table').first().click()
  const cells = page.getByRole('table').first().getByRole('cell')
  const newest = await cells.nth(1).innerText()
  for await (const _ of more());
  await expect.poll(() => cells.nth(1).innerText(), { timeout: 60_000 }).not.toBe(newest)
})
