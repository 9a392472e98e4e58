/**
 * A consuming owner that kills itself at a given operation:
 * `node worker.ts DIRECTORY EVIDENCE_FILE POINT NTH RECORDS`. With POINT `none` it drains the topic and ends.
 */
import { openSync, writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { open } from '../../../sdk/index.ts'
import { nodeEnvironment } from '../../../sdk/testing.ts'
import { EVERY_RECORDS } from './evidence.ts'
import { Killer, type KillPoint, killingEnvironment } from './killing-environment.ts'

const [directory = '', evidenceFile = '', point = 'none', nth = '1', records = '0'] = process.argv.slice(2)
const killer = new Killer(point as KillPoint, Number(nth))
const evidence = openSync(evidenceFile, 'a')
const tide = await open(directory, { environment: killingEnvironment(nodeEnvironment(), killer) })
const openedAtMs = performance.now()
const orders = tide.topic('orders', { partitions: 3, configs: { 'segment.bytes': '1048576' } })

if (point === 'join') killer.arm()
const drains = point === 'none'
// Whatever was to be met and was not: the owner dies idle.
if (!drains) setTimeout(() => killer.kill(), 10_000).unref()
const producing = produce(Number(records))
await consume()
await producing
await tide.close()

async function produce(count: number): Promise<void> {
  const value = Buffer.alloc(700, 'v')
  for (let sent = 0; sent < count; sent += 50) {
    await orders.sendBatch(Array.from({ length: 50 }, (_, index) => ({ key: String(sent + index), value })))
    await sleep(0)
  }
}

async function consume(): Promise<void> {
  const line = Buffer.alloc(9)
  let count = 0
  if (point === 'join') setTimeout(() => killer.kill(), Number(nth) * 3)
  const commit = { everyRecords: EVERY_RECORDS, intervalMs: 20, idleMs: 5 }
  for await (const record of orders.consume({ group: 'billing', commit, follow: !drains })) {
    if (++count === 1) killer.arm()
    if (point === 'idle') setTimeout(() => killer.passes('idle') && killer.kill(), 60).unref()
    line.writeUInt8(record.partition, 0)
    line.writeUInt32BE(record.offset, 1)
    line.writeUInt32BE(count === 1 ? Math.round(performance.now() - openedAtMs) : 0, 5)
    writeSync(evidence, line)
    if (count % 40 === 0) await sleep(0)
  }
}
