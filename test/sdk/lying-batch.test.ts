import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { open } from '../../sdk/index.ts'
import { RecordBatch } from '../../sdk/record/record-batch.ts'

const BATCHES = 6
/** Where a batch says how many offsets it takes. */
const LAST_OFFSET_DELTA = [23, 24, 25, 26] as const

async function readAround(directory: string): Promise<number[]> {
  await using tide = await open(directory)
  const offsets: number[] = []
  for await (const record of tide.topic('t').read({ follow: false, onDamage: 'skip' })) offsets.push(record.offset)
  return offsets
}

test('a batch that lies about its offsets is skipped alone, whichever bit of it is flipped, and the loop ends', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-lying-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const whole = join(folder, 'whole')
  const tide = await open(whole)
  for (let batch = 0; batch < BATCHES; batch++)
    await tide.topic('t').sendBatch([{ value: Buffer.from('a') }, { value: Buffer.from('b') }])
  await tide.close()
  const bytes = readFileSync(join(whole, 't-0', '00000000000000000000.log'))
  const { sizeBytes } = new RecordBatch(bytes)
  for (const batch of [0, 2]) {
    for (const at of LAST_OFFSET_DELTA) {
      for (const bit of [0, 2, 7]) {
        const directory = join(folder, `${batch}-${at}-${bit}`)
        cpSync(whole, directory, { recursive: true })
        const flipped = Buffer.from(bytes)
        flipped[batch * sizeBytes + at]! ^= 1 << bit
        writeFileSync(join(directory, 't-0', '00000000000000000000.log'), flipped)
        const others = Array.from({ length: BATCHES * 2 }, (_, offset) => offset).filter(
          (offset) => offset >> 1 !== batch,
        )
        expect(await readAround(directory), `batch ${batch}, byte ${at}, bit ${bit}`).toEqual(others)
      }
    }
  }
})
