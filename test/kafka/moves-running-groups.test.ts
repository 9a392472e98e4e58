/** What moving a running group writes is what a broker loads and its tools print. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { open, type Tidemark } from '../../sdk/index.ts'
import { copyDirectory } from '../support/directory-copy.ts'
import { consumerGroups, startBroker } from '../support/kafka.ts'

test('a broker takes over a group that was moved while it ran: members, epochs and offsets', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-kafka-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const directory = join(folder, 'data')
  await moveRunningGroup(join(folder, 'running'), directory)
  await using broker = await startBroker(directory)
  const rows = await consumerGroups(broker.bootstrap, ['--group', 'fraud'])
  const offsets = rows.map((row) => [row['TOPIC'], row['PARTITION'], row['CURRENT-OFFSET']].join(' '))
  expect(offsets.sort()).toEqual(['payments 0 7', 'payments 1 10', 'payments 2 3'])
}, 600_000)

/** Two members, one of them static and away in the end; two moves, one of which nobody has heard of. */
async function moveRunningGroup(directory: string, copy: string): Promise<void> {
  await using tide = await open(directory)
  const records = [...Array(30).keys()].map((index) => ({ value: Buffer.from('x'), partition: index % 3 }))
  await tide.topic('payments', { partitions: 3 }).sendBatch(records)
  const first = tide.topic('payments').consume({ group: 'fraud', instanceId: 'a' })
  const second = tide.topic('payments').consume({ group: 'fraud' })
  const reading = [first, second].map(async (consumer) => {
    for await (const _ of consumer) {
      // Reads on until it is closed.
    }
  })
  await tide.groups.caughtUp('fraud')
  await move(tide, 2, 3)
  await tide.groups.caughtUp('fraud')
  await first.close()
  // The holder hears of this at its next heartbeat; the copy is made before.
  await move(tide, 0, 7)
  await move(tide, 2, 3)
  copyDirectory(directory, copy)
  await second.close()
  await Promise.all(reading)
}

async function move(tide: Tidemark, partition: number, offset: number): Promise<void> {
  const plan = await tide.groups.planReset(
    'fraud',
    { offset },
    { topics: [{ topic: 'payments', partitions: [partition] }] },
  )
  await plan.apply({ running: true })
}
