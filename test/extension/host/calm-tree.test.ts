import { expect, test, vi } from 'vitest'
import { commands } from 'vscode'
import { setUntilEnd, showWorkspace } from '../../support/vscode/shown-workspace.ts'

const COMMITS = 6
const PATIENCE = { timeout: 20_000, interval: 20 }

test('VS Code draws the rows that commits have changed and, as it does by itself, those shown below them; no others', async () => {
  await setUntilEnd('tree.sortBy', 'name')
  const { sample, statistics } = await showWorkspace()
  const { groups } = sample.tide
  const payments = [0, 1, 2].map((partition) => ({ topic: 'payments', partition, offset: 0 }))
  await groups.commit('books', [...payments, { topic: 'refunds', partition: 0, offset: 0 }])
  await atRest()
  await expectDrawn('mail', 'refunds', 0, { changed: ['mail'], drawn: ['mail'] })

  await commands.executeCommand('tidemark.revealGroup', 'fraud')
  await commands.executeCommand('tidemark.revealGroup', 'books')
  await commands.executeCommand('list.focusDown')
  await commands.executeCommand('list.expand')
  await atRest()
  await expectDrawn('fraud', 'payments', 1, {
    changed: ['fraud', 'partition 1'],
    drawn: ['fraud', 'partition 0', 'partition 1', 'partition 2'],
  })
  await expectDrawn('books', 'payments', 2, {
    changed: ['books', 'payments', 'partition 2'],
    drawn: ['books', 'payments', 'partition 0', 'partition 1', 'partition 2', 'refunds'],
  })
  // The topic is its only partition.
  await expectDrawn('books', 'refunds', 0, {
    changed: ['books', 'refunds'],
    drawn: ['books', 'payments', 'partition 0', 'partition 1', 'partition 2', 'refunds'],
  })

  await commands.executeCommand('list.collapseAll')
  await atRest()
  // VS Code lets go of what lies below only when it draws what lies above.
  await groups.commit('books', [{ topic: 'payments', partition: 0, offset: 50 }])
  await atRest()
  await expectDrawn('books', 'payments', 0, { changed: ['books'], drawn: ['books'] })

  /** Commits again and again, and waits each time until VS Code has drawn. */
  async function expectDrawn(
    group: string,
    topic: string,
    partition: number,
    { changed, drawn }: { readonly changed: readonly string[]; readonly drawn: readonly string[] },
  ): Promise<void> {
    const start = { ...statistics }
    for (let offset = 1; offset <= COMMITS; offset++) {
      await groups.commit(group, [{ topic, partition, offset }])
      const drawnSoFar = () => statistics.drawnRows - start.drawnRows
      await vi.waitFor(() => expect(drawnSoFar(), `drawn: ${group}`).toBe(offset * drawn.length), PATIENCE)
    }
    expect(statistics.changedRows - start.changedRows, `changed: ${group}`).toBe(COMMITS * changed.length)
  }

  /** Until all that was committed so far is drawn. */
  async function atRest(): Promise<void> {
    await commands.executeCommand('tidemark.refresh')
    await vi.waitFor(async () => {
      const { drawnRows } = statistics
      await new Promise((resolve) => setTimeout(resolve, 700))
      expect(statistics.drawnRows).toBe(drawnRows)
    }, PATIENCE)
  }
}, 120_000)
