import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { SampleWorkspace } from '../../support/vscode/sample-workspace.ts'
import { Workbench } from '../../support/vscode/workbench.ts'

const SERVICE = `import { open } from 'tidemark'

await using tide = await open('./data')
const payments = tide.topic('payments')

for await (const payment of payments.consume({ group: 'fraud' })) {
  await score(payment.value)
}

for await (const payment of payments.consume({ group: process.env.GROUP })) {
  console.log(payment.id)
}
`

test('lag stands above the lines that consume, follows the commits, and leads to the group', async () => {
  await using workspace = await SampleWorkspace.create()
  const file = join(workspace.folder, 'service.mjs')
  writeFileSync(file, SERVICE)
  await using workbench = await Workbench.open({ folder: workspace.folder, openFile: file })
  const lenses = workbench.page.locator('.codelens-decoration')
  await lenses.filter({ hasText: 'fraud · 1,500 behind · not running' }).waitFor()
  await lenses.filter({ hasText: 'lag of the group process.env.GROUP…' }).waitFor()
  await workbench.picture('code-lens')
  const limit = 1_000
  for await (const _ of workspace.tide.topic('payments').consume({ group: 'fraud', limit }));
  await lenses.filter({ hasText: 'fraud · 500 behind' }).waitFor()
  await lenses.getByText('fraud · 500 behind').click()
  const selected = workbench.page.locator('.part.sidebar .monaco-list-row.selected')
  await selected.waitFor()
  expect(await selected.innerText()).toContain('fraud')
})
