import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { open } from '../../../sdk/index.ts'
import { BusyService } from '../../support/vscode/busy-service.ts'
import { SampleWorkspace } from '../../support/vscode/sample-workspace.ts'
import { Workbench } from '../../support/vscode/workbench.ts'

async function committed(folder: string, group: string) {
  await using tide = await open(join(folder, 'data'), { readOnly: true })
  return await tide.groups.offsets(group)
}

/** As far as the preview. */
async function askToResetMail(workbench: Workbench): Promise<void> {
  await workbench.openInspector()
  await workbench.row('mail').waitFor()
  await workbench.run('Tidemark: Reset…')
  await workbench.pick('mail')
  await workbench.pick('To the earliest record')
}

test('a group is reset and the reset undone by keyboard alone, with the change shown before it is done', async () => {
  await using workspace = await SampleWorkspace.create()
  const before = await committed(workspace.folder, 'mail')
  await workspace.tide.close()
  await using workbench = await Workbench.open({ folder: workspace.folder })
  const { page } = workbench
  await askToResetMail(workbench)
  await workbench.entries.getByText('30 → 0').waitFor()
  await workbench.entries.getByText('30 records delivered again').waitFor()
  await workbench.picture('reset-preview')
  await workbench.pick('Move mail on 1 partition')
  await workbench.dialog.getByText('Move the group mail on 1 partition?').waitFor()
  await workbench.picture('reset-confirm')
  await page.keyboard.press('Enter')
  await workbench.row('mail30 behind').waitFor()
  expect((await committed(workspace.folder, 'mail')).map(({ offset }) => offset)).toEqual([0])
  await workbench.run('Tidemark: Undo the Last Reset…')
  await workbench.pick('mail')
  await workbench.pick('Move mail on 1 partition')
  await workbench.dialog.waitFor()
  await page.keyboard.press('Enter')
  await workbench.row('mailup to date').waitFor()
  const strip = (offsets: typeof before) => offsets.map(({ committedAtMs: _, ...rest }) => rest)
  expect(strip(await committed(workspace.folder, 'mail'))).toEqual(strip(before))
})

test('the group of a program that runs is moved through the program, and moved back', async () => {
  await using workspace = await SampleWorkspace.create()
  await using workbench = await Workbench.open({ folder: workspace.folder })
  const { page } = workbench
  const seen: number[] = []
  const consumer = workspace.tide.topic('refunds').consume({ group: 'mail' })
  const reading = (async () => {
    for await (const { offset } of consumer) seen.push(offset)
  })()
  await askToResetMail(workbench)
  await workbench.entries.getByText('1 member is running. It stays').waitFor()
  await workbench.picture('reset-running')
  await workbench.pick('Move mail on 1 partition')
  await workbench.dialog.getByText('1 member is running.').waitFor()
  await page.keyboard.press('Enter')
  await workbench.notifications.getByText('mail was moved. Its members go on there.').waitFor()
  await workbench.row('mailup to date').waitFor()
  expect(seen).toEqual(Array.from({ length: 30 }, (_, offset) => offset))
  await workbench.notifications.getByRole('button', { name: 'Undo' }).click()
  await vi.waitFor(async () =>
    expect((await committed(workspace.folder, 'mail')).map(({ metadata }) => metadata)).toEqual(['']),
  )
  expect((await committed(workspace.folder, 'mail')).map(({ offset }) => offset)).toEqual([30])
  await consumer.close()
  await reading
})

test('the record that a running group is stuck on is skipped, and its loop goes on behind it', async () => {
  await using service = await BusyService.start()
  await using workbench = await Workbench.open({ folder: service.folder })
  const { page } = workbench
  await workbench.openInspector()
  await workbench.row(/postman.*stuck/).waitFor()
  await workbench.picture('stuck-before')
  await workbench.run('Tidemark: Skip the Record It Is Stuck On…')
  await workbench.pick('postman')
  await workbench.entries.getByText('1 record skipped').waitFor()
  await workbench.picture('stuck-preview')
  await workbench.pick('Move postman on 1 partition')
  await workbench.dialog.waitFor()
  await page.keyboard.press('Enter')
  await workbench.row(/postman.*up to date/).waitFor()
  await workbench.picture('stuck-after')
})

test('deleted commits are put back from the notification', async () => {
  await using workspace = await SampleWorkspace.create()
  await workspace.tide.close()
  await using workbench = await Workbench.open({ folder: workspace.folder })
  const { page } = workbench
  await workbench.openInspector()
  await workbench.row('mail').waitFor()
  await workbench.run('Tidemark: Delete What It Committed…')
  await workbench.pick('mail')
  await workbench.dialog.getByText('refunds-0: 30').waitFor()
  await page.keyboard.press('Enter')
  await workbench.notifications.getByText('What mail had committed was deleted.').waitFor()
  await workbench.row('mail').waitFor({ state: 'detached' })
  expect(await committed(workspace.folder, 'mail')).toEqual([])
  await workbench.notifications.getByRole('button', { name: 'Undo' }).click()
  await workbench.row('mailup to date').waitFor()
  expect((await committed(workspace.folder, 'mail')).map(({ offset }) => offset)).toEqual([30])
})
