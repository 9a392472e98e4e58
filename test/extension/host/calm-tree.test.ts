import { expect, test, vi } from 'vitest'
import { showWorkspace } from '../../support/vscode/shown-workspace.ts'

const COMMITS = 30
const PATIENCE = { timeout: 20_000 }

test('VS Code draws the rows that commits have changed, and no others', async () => {
  const { sample, statistics } = await showWorkspace()
  await vi.waitFor(() => expect(statistics.drawnRows).toBeGreaterThan(1), PATIENCE)
  // The first rows are drawn more than once: when they come, and when the view is shown.
  await vi.waitFor(async () => {
    const { drawnRows } = statistics
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    expect(statistics.drawnRows).toBe(drawnRows)
  }, PATIENCE)
  const start = { ...statistics }
  for (let offset = 0; offset < COMMITS; offset++) {
    const before = { ...statistics }
    await sample.tide.groups.commit('mail', [{ topic: 'refunds', partition: 0, offset }])
    await vi.waitFor(() => {
      expect(statistics.changedRows).toBeGreaterThan(before.changedRows)
      expect(statistics.drawnRows).toBeGreaterThan(before.drawnRows)
    }, PATIENCE)
  }
  const drawn = statistics.drawnRows - start.drawnRows
  expect(drawn).toBeGreaterThanOrEqual(COMMITS)
  // It may be fewer: what changes again within a fifth of a second is drawn once.
  expect(drawn).toBeLessThanOrEqual(statistics.changedRows - start.changedRows)
}, 120_000)
