import { test } from 'vitest'
import { SampleWorkspace } from '../../support/vscode/sample-workspace.ts'
import { Workbench } from '../../support/vscode/workbench.ts'

test('from a group in the tree to the very record it will process next, and to records as they come', async () => {
  await using workspace = await SampleWorkspace.create()
  await workspace.tide.topic('refunds').sendBatch([{ key: 'r', value: Buffer.from('{"refund":30,"reason":"late"}') }])
  await using workbench = await Workbench.open({ folder: workspace.folder })
  await workbench.openInspector()
  await workbench.row('mail1 behind').click()
  await workbench.run('Tidemark: Show the Next Record')
  const editor = workbench.page.locator('.editor-instance .view-lines')
  await editor.getByText('is the next record that mail will process').waitFor()
  await editor.getByText('▶ offset 30').waitFor()
  await workbench.picture('next-record')
  await workbench.run('Tidemark: Follow New Records')
  await editor.getByText('The newest records').waitFor()
  await workspace.tide.topic('refunds').send({ value: Buffer.from('just sent') })
  await editor.getByText('"just sent"').waitFor()
})
