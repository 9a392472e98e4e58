import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startNeighbour } from '../../support/neighbours/process.ts'
import { SampleWorkspace } from '../../support/vscode/sample-workspace.ts'
import { Workbench } from '../../support/vscode/workbench.ts'

test('the processes that have a directory open are listed: its owner, and one that works through it', async () => {
  await using workspace = await SampleWorkspace.create()
  const neighbour = await startNeighbour(join(workspace.folder, 'data'))
  await using workbench = await Workbench.open({ folder: workspace.folder })
  await workbench.openInspector()
  await workbench.row('fraud').waitFor()
  await workbench.run('Tidemark: Show Processes…')
  await workbench.entries
    .filter({ hasText: `process ${process.pid}` })
    .filter({ hasText: 'owner' })
    .waitFor()
  await workbench.entries
    .filter({ hasText: `process ${neighbour.pid}` })
    .filter({ hasText: 'works through' })
    .waitFor()
  await workbench.picture('processes')
  expect(await workbench.entries.count()).toBe(2)
})
