import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { copyDirectory } from '../support/directory-copy.ts'
import { endJava } from '../support/java-server.ts'
import { consumerGroups, formatDirectory, startBroker } from '../support/kafka.ts'
import { ABILITIES, HASTY_BROKER, writeGroups, writeTopics } from '../support/kafka-history.ts'
import { Workbench } from '../support/vscode/workbench.ts'

test('the copy of a running broker opens in the workbench, with every group that kafka-consumer-groups lists', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-broker-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const directory = join(folder, 'broker')
  const options = { properties: HASTY_BROKER }
  await formatDirectory(directory, options)
  const broker = await startBroker(directory, options)
  const workspace = join(folder, 'workspace')
  const names: string[] = []
  try {
    await writeTopics(directory, broker)
    await writeGroups(broker, ABILITIES.newest, join(folder, 'state'))
    const rows = await consumerGroups(broker.bootstrap, ['--all-groups'])
    names.push(...new Set(rows.flatMap((row) => row['GROUP'] ?? [])))
    copyDirectory(directory, join(workspace, 'kafka-logs'))
  } finally {
    await broker.kill()
    await endJava()
  }
  await using workbench = await Workbench.open({ folder: workspace, settings: { 'tidemark.tree.sortBy': 'name' } })
  await workbench.openInspector()
  expect(names.length).toBeGreaterThan(3)
  for (const name of names) await workbench.row(name).waitFor()
  await workbench.picture('broker')
}, 300_000)
