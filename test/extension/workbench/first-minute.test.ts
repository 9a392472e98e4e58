import { expect, test } from 'vitest'
import { BusyService } from '../../support/vscode/busy-service.ts'
import { Workbench } from '../../support/vscode/workbench.ts'

/** Runs in the page: what VS Code itself sees of a person. */
const COUNT_CLICKS = `clicks = 0; addEventListener('click', () => clicks++, { capture: true })`

test('from installing the .vsix to the lag of a running program a newcomer needs one click', async () => {
  await using service = await BusyService.start()
  // Installed from the command line into a profile that nobody has used, and a folder that nobody has trusted.
  await using workbench = await Workbench.open({ folder: service.folder, workspaceTrust: true })
  const { page } = workbench
  await page.evaluate(COUNT_CLICKS)
  const clicks = () => page.evaluate<number>('clicks')
  const status = page.locator('.statusbar-item[aria-label^="Tidemark"]')
  await status.filter({ hasText: /behind|in trouble|up to date/ }).waitFor()
  expect(await clicks()).toBe(0)
  await status.click()
  await workbench.row(/reports.*(behind|up to date)/).waitFor()
  await workbench.row('fraud').waitFor()
  expect(await clicks()).toBe(1)
  await workbench.picture('first-minute')
})
