/**
 * An owner that works on what is in `orders` with failing and slow handlers, and is killed from outside:
 * `node handler-worker.ts DIRECTORY EVIDENCE_FILE fails|healed`. It says `working` when the first record is begun, and ends
 * by itself when it is through with everything.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { json, open } from '../../../sdk/index.ts'
import { ATTEMPTS, CONCURRENCY, EVERY_RECORDS, fateOf, HandlerEvidence } from './handler-evidence.ts'

const SLOW_MS = 50

const [directory = '', evidenceFile = '', mode = 'fails'] = process.argv.slice(2)
const evidence = new HandlerEvidence(evidenceFile)
await using tide = await open(directory)
const orders = tide.topic('orders', { value: json<number>() })
const consumer = orders.consume({
  group: 'billing',
  follow: false,
  commit: { everyRecords: EVERY_RECORDS, intervalMs: 50, idleMs: 10 },
})
let isWorking = false
await consumer.run(
  async (record) => {
    if (!isWorking) process.stdout.write('working\n')
    isWorking = true
    evidence.write('begun', record)
    const fate = fateOf(record.value)
    if (fate === 'poison' && mode === 'fails') throw new Error('poison')
    await sleep(fate === 'slow' ? SLOW_MS : 0)
    evidence.write('through', record)
  },
  {
    concurrency: CONCURRENCY,
    retry: { attempts: ATTEMPTS, delayMs: 20 },
    onFailure: (record) => {
      evidence.write('given up', record)
      return { deadLetter: 'orders-failed' }
    },
  },
)
