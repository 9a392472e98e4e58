/** Where this machine has a desktop VS Code. */
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** The `code` program, where there is one and a screen to show it on. */
export function desktopVscode(): string | undefined {
  const hasScreen = process.platform !== 'linux' || process.env['DISPLAY'] || process.env['WAYLAND_DISPLAY']
  if (!hasScreen) return undefined
  const name = process.platform === 'win32' ? 'code.cmd' : 'code'
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path))
}
