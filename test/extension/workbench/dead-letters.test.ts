import { join } from 'node:path'
import { expect, test } from 'vitest'
import { open } from '../../../sdk/index.ts'
import { SampleWorkspace } from '../../support/vscode/sample-workspace.ts'
import { Workbench } from '../../support/vscode/workbench.ts'

test('dead letters are listed with their error and sent back by keyboard alone', async () => {
  await using workspace = await SampleWorkspace.create()
  await workspace.leaveDeadLetters()
  await workspace.tide.close()
  await using workbench = await Workbench.open({ folder: workspace.folder })
  const { page } = workbench
  await workbench.openInspector()
  await workbench.row('printer').waitFor()
  await workbench.run('Tidemark: Show Dead Letters…')
  await workbench.entries.getByText('RangeError: no printer for page 29').waitFor()
  await workbench.picture('dead-letters')
  await page.keyboard.type('page 17')
  await workbench.entries.getByText('RangeError: no printer for page 17').waitFor()
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Space')
  await page.keyboard.press('Enter')
  await workbench.dialog.getByText('Send 1 dead letter back?').waitFor()
  await workbench.dialog.getByText('1 new record in refunds').waitFor()
  await page.keyboard.press('Enter')
  await workbench.notifications.getByText('1 dead letter of refunds-failed was sent back.').waitFor()
  await workbench.row('mail1 behind').waitFor()
  await using tide = await open(join(workspace.folder, 'data'), { readOnly: true })
  const left = await tide.deadLetters('refunds-failed').list()
  expect(left.map(({ origin }) => origin.offset)).toEqual(
    Array.from({ length: 30 }, (_, at) => at).filter((at) => at !== 17),
  )
})
