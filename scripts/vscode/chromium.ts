/** A Chromium of this machine, without a window, to show the workbench in. */
import { type Browser, chromium } from 'playwright-core'
import { chromiumProgram } from './chromium-program.ts'

export async function launchChromium(viewport = { width: 1280, height: 800 }): Promise<Browser> {
  const executablePath = chromiumProgram()
  if (executablePath === undefined)
    throw new Error('There is no Chromium, Chrome or Edge on this machine; CHROMIUM can say where one is.')
  return await chromium.launch({
    executablePath,
    args: [
      // Its sandbox needs rights that containers and root do not have; it shows nothing but our own page.
      '--no-sandbox',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
      // The page asks its own machine for webviews.
      '--disable-features=LocalNetworkAccessChecks',
      `--window-size=${viewport.width},${viewport.height}`,
    ],
  })
}
