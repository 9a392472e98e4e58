import { expect, test, vi } from 'vitest'
import { commands } from 'vscode'
import { setUntilEnd, showWorkspace } from '../../support/vscode/shown-workspace.ts'

const SPEAKING = ['badge', 'statusBar', 'notifications', 'codeLens'] as const

test('hidden and silent, nothing is read, whatever is committed; whoever looks again sees it', async () => {
  const { sample, statistics } = await showWorkspace()
  await vi.waitFor(() => expect(statistics.reads).toBeGreaterThan(0), { timeout: 10_000 })

  for (const name of SPEAKING) await setUntilEnd(`${name}.enabled`, false)
  await commands.executeCommand('workbench.view.explorer')
  await commands.executeCommand('workbench.action.closeAllEditors')
  const commit = async (offset: number) => {
    await sample.tide.groups.commit('fraud', [{ topic: 'payments', partition: 0, offset }])
    await new Promise((resolve) => setTimeout(resolve, 150))
  }
  // A read may be under way, and the view be hidden only in a while.
  await vi.waitFor(
    async () => {
      const { reads } = statistics
      for (let offset = 0; offset < 10; offset++) await commit(offset)
      expect(statistics.reads).toBe(reads)
    },
    { timeout: 20_000 },
  )
  const { reads } = statistics
  // Longer than a summary would wait.
  for (let offset = 0; offset < 40; offset++) await commit(offset)
  expect(statistics.reads - reads).toBe(0)

  const { drawnRows } = statistics
  await commands.executeCommand('tidemark.groups.focus')
  await vi.waitFor(() => expect(statistics.drawnRows).toBeGreaterThan(drawnRows), { timeout: 10_000 })
}, 90_000)
