/** Where downloads that belong to no checkout are kept, so that a fresh one does not fetch them again. */
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** The user's cache folder of this system, `tidemark-tests` inside it. */
export function cacheFolder(): string {
  const platformCache =
    process.platform === 'win32'
      ? process.env['LOCALAPPDATA']
      : process.platform === 'darwin'
        ? join(homedir(), 'Library/Caches')
        : process.env['XDG_CACHE_HOME']
  return join(platformCache || join(homedir(), '.cache'), 'tidemark-tests')
}

/** Fills `folder` once: built beside it and renamed, so that of two runs at the same time one simply comes second. */
export async function fillOnce(folder: string, fill: (unfinished: string) => Promise<unknown>): Promise<string> {
  if (existsSync(folder)) return folder
  const unfinished = `${folder}.${process.pid}.unfinished`
  mkdirSync(unfinished, { recursive: true })
  try {
    await fill(unfinished)
    if (!existsSync(folder)) renameSync(unfinished, folder)
  } catch (error) {
    if (!existsSync(folder)) throw error
  } finally {
    rmSync(unfinished, { recursive: true, force: true })
  }
  return folder
}
