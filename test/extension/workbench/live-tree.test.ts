import { expect, test } from 'vitest'
import { BusyService } from '../../support/vscode/busy-service.ts'
import { SampleWorkspace } from '../../support/vscode/sample-workspace.ts'
import { Workbench } from '../../support/vscode/workbench.ts'

test('the packed extension finds the directory of a running program and shows its groups live', async () => {
  await using workspace = await SampleWorkspace.create()
  await using workbench = await Workbench.open({ folder: workspace.folder })
  await workbench.openInspector()
  await workbench.row('fraud').waitFor()
  // After a minute it also says how old the oldest record is.
  expect(await workbench.rows.allInnerTexts()).toEqual([
    expect.stringMatching(/^fraud1,500 behind · (oldest .* · )?not running · payments$/),
    'mailup to date · not running · refunds',
  ])
  await workspace.tide.topic('refunds').send({ value: Buffer.from('one more') })
  await workbench.row('mail1 behind').waitFor()
  await workbench.picture('live-tree')
})

test('the row of a group in a busy program never stands still', async () => {
  await using service = await BusyService.start()
  await using workbench = await Workbench.open({ folder: service.folder })
  await workbench.openInspector()
  const row = workbench.row(/reports.*catching up/)
  await row.waitFor()
  for (let turn = 0; turn < 15; turn++) {
    const before = await row.innerText()
    await expect.poll(() => row.innerText(), { timeout: 8_000 }).not.toBe(before)
  }
})
