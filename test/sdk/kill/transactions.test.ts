/** A consume → send step in transactions, killed again and again: every input comes out once. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { open, string } from '../../../sdk/index.ts'
import { verifyDirectory } from '../../../sdk/inspect.ts'
import { scanBatches } from '../../../sdk/record/batch-scan.ts'
import { copyInTransactions, createInputs } from '../../support/kill/transaction-kills.ts'
import { seededRandom } from '../../support/seeded-random.ts'

const KILLS = Number(process.env['KILLS'] ?? 20)
const INPUTS = Number(process.env['INPUTS'] ?? 2_000)
/** Of the directories that kills leave so many are looked at in every byte. */
const VERIFIED = 20
const SEED = Number(process.env['SEED'] ?? Date.now() % 100_000)

/** Values of committed records, told from the files alone: batches, and the markers behind them. */
function committedValues(directory: string, topic: string): string[] {
  const values: string[] = []
  for (const folder of readdirSync(directory).filter((name) => name.startsWith(`${topic}-`))) {
    const open = new Map<number, string[]>()
    const logs = readdirSync(join(directory, folder)).filter((name) => name.endsWith('.log'))
    for (const log of logs.sort()) {
      for (const batch of scanBatches(readFileSync(join(directory, folder, log)), { verify: 'crc' }).batches) {
        const { producerId } = batch
        const [record] = batch.records()
        if (batch.isControl) {
          if (record!.key!.readInt16BE(2) === 1) values.push(...(open.get(producerId) ?? []))
          open.delete(producerId)
          continue
        }
        const found = batch.records().map(({ value }) => String(value))
        if (batch.isTransactional) open.set(producerId, [...(open.get(producerId) ?? []), ...found])
        else values.push(...found)
      }
    }
    expect([...open.values()].flat(), `nothing is left open in ${folder}`).toEqual([])
  }
  return values.sort()
}

test(`${KILLS} SIGKILLs of a step in transactions: each of ${INPUTS} inputs comes out once (SEED=${SEED})`, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-once-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const directory = join(folder, 'data')
  const inputs = await createInputs(directory, INPUTS)
  const random = seededRandom(SEED)
  let killed = 0
  for (let kill = 0; kill < KILLS; kill++) {
    const after = 1 + Math.floor(random() * 6)
    if (await copyInTransactions(directory, { after, delayMs: random() * 8 })) killed++
    if (kill % Math.ceil(KILLS / VERIFIED) > 0) continue
    const findings = await verifyDirectory(directory)
    const what = `kill ${kill} after ${after} transactions (SEED=${SEED})`
    expect(
      findings.filter(({ severity }) => severity !== 'note'),
      what,
    ).toEqual([])
  }
  expect(killed).toBeGreaterThanOrEqual(KILLS * 0.9)
  await copyInTransactions(directory, 'none')
  expect(committedValues(directory, 'out')).toEqual(inputs.toSorted())
  await using tide = await open(directory, { readOnly: true })
  const read: string[] = []
  for await (const { value } of tide.topic('out', { value: string }).read({ follow: false })) read.push(value)
  expect(read.sort()).toEqual(inputs.toSorted())
  expect((await tide.lag({ group: 'copy' })).reduce((sum, { lag }) => sum + (lag ?? 0), 0)).toBe(0)
}, 900_000)
