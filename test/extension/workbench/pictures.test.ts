import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { BusyService } from '../../support/vscode/busy-service.ts'
import { SampleWorkspace } from '../../support/vscode/sample-workspace.ts'
import { Workbench } from '../../support/vscode/workbench.ts'

test('groups that keep up, catch up, are stuck and lose records are told apart, while the program runs and after SIGKILL', async () => {
  await using service = await BusyService.start()
  await using workbench = await Workbench.open({ folder: service.folder, viewport: { width: 1000, height: 560 } })
  await workbench.openInspector()
  await workbench.widenSideBar(540)
  await workbench.row('fraud').waitFor()
  await workbench.row(/reports.*catching up/).waitFor()
  await workbench.row(/postman.*stuck/).waitFor()
  // Retention looks for the first time half a minute after opening.
  await workbench.row(/visitor.*lost/).waitFor({ timeout: 90_000 })
  await workbench.row('reports').click()
  await workbench.page.keyboard.press('ArrowRight')
  await workbench.row('partition 2').waitFor()
  await workbench.picture('running')
  // So that the picture keeps still, once the last read has been drawn.
  await workbench.run('Tidemark: Pause Live Updates')
  const why = workbench.page.locator('.monaco-hover').getByText('it does not get past offset')
  await vi.waitFor(
    async () => {
      await workbench.row('postman').click()
      await workbench.page.keyboard.press('Control+K')
      await workbench.page.keyboard.press('Control+I')
      await why.waitFor({ timeout: 5_000 })
      // The mouse stays at what it points at.
      await workbench.page.screenshot({ path: workbench.picturePath('why'), animations: 'disabled' })
      expect(await why.isVisible()).toBe(true)
    },
    { timeout: 60_000 },
  )
  await workbench.run('Tidemark: Resume Live Updates')
  await workbench.page.getByRole('button', { name: 'Pause Live Updates' }).waitFor()
  await service.kill()
  await workbench.row(/reports.*not running/).waitFor()
  await workbench.picture('killed')
  expect(await workbench.rows.allInnerTexts()).toEqual(expect.arrayContaining([expect.stringContaining('visitor')]))
})

test.for([
  ['Default Dark Modern', 'dark'],
  ['Default High Contrast', 'high-contrast'],
] as const)('in the theme %s the rows stay readable, beside the code that consumes', async ([theme, name]) => {
  await using service = await BusyService.start()
  const openFile = join(service.folder, 'service.mjs')
  await using workbench = await Workbench.open({
    folder: service.folder,
    openFile,
    settings: { 'workbench.colorTheme': theme },
  })
  await workbench.openInspector()
  await workbench.row(/postman.*stuck/).waitFor()
  const lens = workbench.page.locator('.codelens-decoration').filter({ hasText: 'fraud ·' })
  await lens.waitFor()
  await workbench.run('Go to Line')
  await workbench.input.fill(':46')
  await workbench.page.keyboard.press('Enter')
  await workbench.page.locator('.codelens-decoration').filter({ hasText: 'postman ·' }).waitFor()
  await workbench.picture(name)
})

test('a zoom of 200 % keeps the number that matters in sight', async () => {
  await using workspace = await SampleWorkspace.create()
  await using workbench = await Workbench.open({
    folder: workspace.folder,
    viewport: { width: 640, height: 400 },
    scale: 2,
  })
  await workbench.openInspector()
  await workbench.row('fraud1,500 behind').waitFor()
  await workbench.picture('zoomed')
})

test('so does a side bar as narrow as it can be', async () => {
  await using workspace = await SampleWorkspace.create()
  await using workbench = await Workbench.open({ folder: workspace.folder })
  const { page } = workbench
  await workbench.openInspector()
  await workbench.row('fraud1,500 behind').waitFor()
  await workbench.widenSideBar(180)
  await expect.poll(async () => (await page.locator('.part.sidebar').boundingBox())?.width).toBeLessThan(200)
  await workbench.picture('narrow')
})
