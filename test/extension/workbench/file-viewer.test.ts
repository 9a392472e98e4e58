import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { SampleWorkspace } from '../../support/vscode/sample-workspace.ts'
import { Workbench } from '../../support/vscode/workbench.ts'

test('a segment opens as a table of its batches, and that of the offsets topic in words', async () => {
  await using workspace = await SampleWorkspace.create()
  const data = join(workspace.folder, 'data')
  const offsets = readdirSync(data).find((name) => name.startsWith('__consumer_offsets-'))
  await using workbench = await Workbench.open({ folder: workspace.folder })
  await workbench.row('data').click()
  await workbench.row(offsets ?? '').click()
  await workbench.row('00000000000000000000.log').click()
  const page = await workbench.webview((frame) =>
    frame.getByText('mail commits refunds-0 at 30').or(frame.getByText('fraud commits payments')),
  )
  await workbench.picture('file-viewer')
  expect(await page.getByRole('row').count()).toBeGreaterThan(3)
  expect(await page.locator('caption').innerText()).toContain('rows')
})
