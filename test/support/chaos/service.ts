/**
 * One process of a chaos run: `node service.ts DIRECTORY EVIDENCE_FILE NAME`. It sends numbered records of its own keys,
 * one after the other per key, and consumes in every group. `stop sending` on stdin does that; SIGTERM ends it in order;
 * with its parent it dies.
 */
import { openSync, writeSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { open, shutdownSignal, string } from '../../../sdk/index.ts'
import { EVERY_RECORDS, type Evidence, GROUPS, nowMs, PARTITIONS, TOPIC, toLine } from './evidence.ts'

const [directory = '', evidenceFile = '', name = ''] = process.argv.slice(2)
const file = openSync(evidenceFile, 'a')
const signal = shutdownSignal()
const KEYS = 4
const PAUSE_MS = 20
const BURST = 25
let isSending = true

createInterface({ input: process.stdin })
  .on('line', (line) => {
    if (line === 'stop sending') isSending = false
  })
  .on('close', () => process.exit(3))

function note(evidence: Evidence): void {
  writeSync(file, toLine(evidence))
}

process.on('unhandledRejection', (error) => note({ what: 'failed', atMs: nowMs(), why: `unhandled: ${error}` }))

const tide = await open(directory, { survives: 'process-crash', clientId: name, signal, waitMs: 60_000 }).catch(
  (error) => {
    // Asked to end before it was there.
    if (signal.aborted) process.exit(0)
    throw error
  },
)
const events = tide.topic(TOPIC, { partitions: PARTITIONS, value: string })

/** One after the other; of the last key many at once, so that a kill finds some on their way. */
async function sendAll(key: number): Promise<void> {
  const atOnce = key === KEYS - 1 ? BURST : 1
  for (let n = 0; isSending && !signal.aborted; n += atOnce) {
    await Promise.all(Array.from({ length: atOnce }, (_, more) => send(`${name}.${key}`, n + more)))
    await sleep(PAUSE_MS * atOnce)
  }
}

async function send(key: string, n: number): Promise<void> {
  const id = `${key}:${n}`
  note({ what: 'send', atMs: nowMs(), id })
  try {
    const { partition, offset } = await events.send({ key, value: id })
    note({ what: 'sent', atMs: nowMs(), id, place: `${partition}@${offset}` })
  } catch (error) {
    note({ what: 'refused', atMs: nowMs(), id, why: String((error as { code?: unknown }).code ?? error) })
  }
}

async function consume(group: string): Promise<void> {
  const commit = { everyRecords: EVERY_RECORDS, intervalMs: 500, idleMs: 100 }
  for await (const { partition, offset, value } of events.consume({ group, commit, signal })) {
    note({ what: 'processed', atMs: nowMs(), group, place: `${partition}@${offset}`, id: value })
  }
}

const work = [...Array.from({ length: KEYS }, (_, key) => sendAll(key)), ...GROUPS.map((group) => consume(group))].map(
  (each) => each.catch((error: unknown) => note({ what: 'failed', atMs: nowMs(), why: String(error) })),
)
await Promise.all(work)
await tide.close()
// Nothing but stdin is left.
process.exit(0)
