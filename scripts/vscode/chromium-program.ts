/** Where this machine has a Chromium. */
import { existsSync } from 'node:fs'

const PLACES: Partial<Record<NodeJS.Platform, readonly string[]>> = {
  linux: ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome', '/snap/bin/chromium'],
  darwin: [
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    '/Applications/Chromium.app/Contents/MacOS/Chromium',
    '/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge',
  ],
  win32: [
    'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
    'C:\\Program Files (x86)\\Microsoft\\Edge\\Application\\msedge.exe',
  ],
}

/** The first Chromium, Chrome or Edge found; CHROMIUM names another. */
export function chromiumProgram(): string | undefined {
  const named = process.env['CHROMIUM']
  return named ?? PLACES[process.platform]?.find((path) => existsSync(path))
}
