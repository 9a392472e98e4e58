import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished, test } from 'vitest'
import { open } from '../../../sdk/index.ts'
import { SampleWorkspace } from '../../support/vscode/sample-workspace.ts'
import { Workbench } from '../../support/vscode/workbench.ts'

function emptyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-empty-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

async function expectWelcome(workbench: Workbench, text: string, picture: string): Promise<void> {
  await workbench.openInspector()
  await workbench.page.locator('.welcome-view-content').getByText(text).waitFor()
  await workbench.picture(picture)
}

test('without a folder the view says what to open', async () => {
  await using workbench = await Workbench.open({ folder: undefined })
  await expectWelcome(workbench, 'Open a folder with a data directory in it', 'welcome-no-folder')
})

test('without a data directory it says what makes one, and shows it as soon as it is there', async () => {
  const folder = emptyFolder()
  await using workbench = await Workbench.open({ folder })
  await expectWelcome(workbench, 'There is no data directory in this workspace yet', 'welcome-no-directory')
  await using tide = await open(join(folder, 'data'))
  await workbench.page.locator('.welcome-view-content').getByText('No consumer group has committed').waitFor()
  await workbench.picture('welcome-no-groups')
  await tide.topic('payments').send({ value: Buffer.from('first') })
  for await (const _ of tide.topic('payments').consume({ group: 'first', follow: false }));
  await workbench.row('firstup to date').waitFor()
})

test('a filter that matches nothing says so, and is cleared by one click', async () => {
  await using workspace = await SampleWorkspace.create()
  await using workbench = await Workbench.open({ folder: workspace.folder })
  await workbench.openInspector()
  await workbench.row('fraud').waitFor()
  await workbench.run('Tidemark: Filter…')
  await workbench.input.fill('nothing like it')
  await workbench.page.keyboard.press('Enter')
  await workbench.page.locator('.welcome-view-content').getByText('The filter matches no group').waitFor()
  await workbench.picture('welcome-no-match')
  await workbench.page.locator('.welcome-view-content').getByRole('button', { name: 'Clear the Filter' }).click()
  await workbench.row('fraud').waitFor()
})

test('in Restricted Mode directories are shown and nothing can be changed', async () => {
  await using workspace = await SampleWorkspace.create()
  await workspace.tide.close()
  await using workbench = await Workbench.open({
    folder: workspace.folder,
    workspaceTrust: true,
    settings: { 'security.workspace.trust.startupPrompt': 'never', 'security.workspace.trust.banner': 'never' },
  })
  await workbench.openInspector()
  await workbench.row('mailup to date').waitFor()
  await workbench.run('Tidemark: Reset…')
  await workbench.notifications.getByText('This workspace is not trusted').waitFor()
  await workbench.picture('restricted')
})
