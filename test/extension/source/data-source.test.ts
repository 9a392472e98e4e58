import { rename } from 'node:fs/promises'
import { expect, onTestFinished, test, vi } from 'vitest'
import { QuantityWords } from '../../../extension/model/quantity-words.ts'
import { rowChanges } from '../../../extension/model/row-changes.ts'
import { DEFAULT_LOOK } from '../../../extension/model/tree-look.ts'
import type { TreeRow } from '../../../extension/model/tree-row.ts'
import { treeRows } from '../../../extension/model/tree-rows.ts'
import { DataSource } from '../../../extension/source/data-source.ts'
import { SampleWorkspace } from '../../support/vscode/sample-workspace.ts'

const words = new QuantityWords('en')

async function createSource() {
  const workspace = await SampleWorkspace.create()
  // Groups are judged anew when some time has passed, and speeds change then: it stands still.
  vi.useFakeTimers({ toFake: ['performance'] })
  const source = new DataSource(`${workspace.folder}/data`, 'data', () => {})
  onTestFinished(async () => {
    vi.useRealTimers()
    await source.dispose()
    await workspace[Symbol.asyncDispose]()
  })
  let rows: readonly TreeRow[] = []
  /** The labels of what has to be drawn again. */
  const look = async (nowMs = Date.now()) => {
    await source.schedule.now()
    const before = rows
    rows = treeRows([source.snapshot], DEFAULT_LOOK, { words, nowMs })
    const { ids } = rowChanges(before, rows)
    return { rows, before, drawn: ids.flatMap((id) => labelsOf(rows, id)) }
  }
  return { workspace, source, look }
}

function labelsOf(rows: readonly TreeRow[], id: string): readonly string[] {
  return rows.flatMap((row) => [...(row.id === id ? [row.label] : []), ...labelsOf(row.children, id)])
}

test('a commit has its own rows drawn again, and no others', async () => {
  const { workspace, look } = await createSource()
  await look()
  expect((await look()).drawn).toEqual([])
  await workspace.tide.topic('refunds').send({ value: Buffer.from('one more') })
  expect((await look()).drawn).toEqual(['mail'])
  await workspace.tide.groups.commit('fraud', [{ topic: 'payments', partition: 1, offset: 3 }])
  expect((await look()).drawn).toEqual(['fraud', 'partition 1'])
})

test('rows of groups that have not changed are the same objects, until time changes their words', async () => {
  const { look } = await createSource()
  const nowMs = Date.now()
  const { rows } = await look(nowMs)
  const soon = await look(nowMs + 1_000)
  expect(soon.rows.every((row, at) => row === rows[at])).toBe(true)
  const later = await look(nowMs + 61_000)
  expect(later.drawn).toContain('partition 0')
  expect(JSON.stringify(later.rows)).toContain('1 min ago')
})

test('a directory that cannot be read any more says why, keeps what was read, and is read again when it is back', async () => {
  const { workspace, source, look } = await createSource()
  await look()
  const away = `${workspace.folder}/away`
  await rename(source.id, away)
  await look()
  expect(source.snapshot.status).toMatchObject({ kind: 'unavailable' })
  expect(source.snapshot.groups.map(({ group }) => group)).toEqual(['fraud', 'mail'])
  await rename(away, source.id)
  await look()
  expect(source.snapshot.status).toEqual({ kind: 'read' })
})
