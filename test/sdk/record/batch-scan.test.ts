import { expect, test } from 'vitest'
import { encodeBatch } from '../../../sdk/record/batch-builder.ts'
import { scanBatches } from '../../../sdk/record/batch-scan.ts'
import { seededRandom } from '../../support/seeded-random.ts'

/** `count` batches of two records each, one after the other from offset 10. */
function createBatches(count: number): Buffer[] {
  return Array.from({ length: count }, (_, index) => {
    const records = [0, 1].map((record) => ({
      key: null,
      value: Buffer.from(`${index}-${record}`),
      timestampMs: index,
    }))
    return encodeBatch(records, { baseOffset: 10 + 2 * index, partitionLeaderEpoch: 1 })
  })
}

test('whole batches are found, with nothing left over', () => {
  const bytes = Buffer.concat(createBatches(3))
  for (const verify of ['crc', 'header'] as const) {
    const { batches, validBytes, problem } = scanBatches(bytes, { verify, baseOffset: 10 })
    expect(batches.map((batch) => batch.baseOffset)).toEqual([10, 12, 14])
    expect({ validBytes, problem }).toEqual({ validBytes: bytes.length, problem: null })
  }
  expect(scanBatches(Buffer.alloc(0), { verify: 'crc' })).toEqual({ batches: [], validBytes: 0, problem: null })
})

test('a batch cut off anywhere is incomplete, and says how much it needs', () => {
  const [first, second] = createBatches(2) as [Buffer, Buffer]
  const bytes = Buffer.concat([first, second])
  for (let length = first.length + 1; length < bytes.length; length++) {
    const { batches, validBytes, problem } = scanBatches(bytes.subarray(0, length), { verify: 'crc' })
    expect([batches.length, validBytes]).toEqual([1, first.length])
    const sizeBytes = length - first.length < 61 ? 61 : second.length
    expect(problem, `${length} bytes`).toMatchObject({ kind: 'incomplete', position: first.length, sizeBytes })
  }
})

test('a tail that was allocated and never written is zeros', () => {
  const [first] = createBatches(1) as [Buffer]
  for (const zeros of [12, 61, 4096, 100_000]) {
    const { validBytes, problem } = scanBatches(Buffer.concat([first, Buffer.alloc(zeros)]), { verify: 'crc' })
    expect(validBytes).toBe(first.length)
    expect(problem, `${zeros}`).toMatchObject({ kind: 'zeros', position: first.length })
  }
  const almost = Buffer.alloc(10_000)
  almost[9_999] = 1
  expect(scanBatches(almost, { verify: 'crc' }).problem).toMatchObject({ kind: 'corrupt', position: 0 })
})

test('a damaged batch ends the scan; its CRC is looked at only when asked', () => {
  const [first, second, third] = createBatches(3) as [Buffer, Buffer, Buffer]
  second[second.length - 2] = 0xee
  const bytes = Buffer.concat([first, second, third])
  const checked = scanBatches(bytes, { verify: 'crc' })
  expect(checked).toMatchObject({ validBytes: first.length, problem: { kind: 'corrupt', position: first.length } })
  expect(checked.problem?.reason).toContain('CRC')
  expect(scanBatches(bytes, { verify: 'header' })).toMatchObject({ validBytes: bytes.length, problem: null })
})

test('an incredible header is corrupt even where the bytes end, so that nobody waits for the rest', () => {
  const [batch] = createBatches(1) as [Buffer]
  batch[16] = 9
  expect(scanBatches(batch.subarray(0, 65), { verify: 'header' }).problem).toMatchObject({ kind: 'corrupt' })
})

test('with a base offset, batches go up from there: older ones that reappear are corrupt', () => {
  const [first, second] = createBatches(2) as [Buffer, Buffer]
  const { problem } = scanBatches(Buffer.concat([second, first]), { verify: 'crc', baseOffset: 0 })
  expect(problem).toMatchObject({ kind: 'corrupt', position: second.length })
  expect(problem?.reason).toContain('begins at offset 10, where 14 or more is expected')
  expect(scanBatches(first, { verify: 'crc', baseOffset: 11 }).problem).toMatchObject({ kind: 'corrupt', position: 0 })
  expect(scanBatches(Buffer.concat([first, first]), { verify: 'crc' }).problem).toBeNull()
})

const SEED = Number(process.env['SEED'] ?? 11)
test(`mutated logs: the valid prefix reads the same again, nothing but its records is handed out (SEED=${SEED})`, () => {
  const random = seededRandom(SEED)
  const integer = (limit: number) => Math.floor(random() * limit)
  const batches = createBatches(12)
  const original = Buffer.concat(batches)
  for (let step = 0; step < 1500; step++) {
    const bytes = Buffer.from(original.subarray(0, random() < 0.3 ? integer(original.length) : original.length))
    for (let flips = integer(3); flips > 0 && bytes.length > 0; flips--) bytes[integer(bytes.length)] = integer(256)
    for (const verify of ['crc', 'header'] as const) {
      const scan = scanBatches(bytes, { verify, baseOffset: 10 })
      expect(scan.problem === null, `step ${step}`).toBe(scan.validBytes === bytes.length)
      const again = scanBatches(bytes.subarray(0, scan.validBytes), { verify, baseOffset: 10 })
      expect(again).toMatchObject({ validBytes: scan.validBytes, problem: null })
      expect(again.batches.map((batch) => batch.bytes)).toEqual(scan.batches.map((batch) => batch.bytes))
      if (verify === 'header') continue
      // Offsets and leader epochs are not under the CRC; everything else of a batch that passes is as it was written.
      scan.batches.forEach((batch, index) => {
        expect(batch.bytes.subarray(16).equals(batches[index]!.subarray(16)), `step ${step}`).toBe(true)
        expect(batch.records()).toHaveLength(2)
      })
    }
  }
})

test(`random bytes never make a scan throw or take long (SEED=${SEED})`, () => {
  const random = seededRandom(SEED)
  for (let step = 0; step < 1000; step++) {
    const bytes = Buffer.from(Array.from({ length: random() * 300 }, () => (random() < 0.4 ? 0 : random() * 256)))
    if (bytes.length > 16) bytes[16] = 2
    const { validBytes, problem } = scanBatches(bytes, { verify: 'crc' })
    expect([0, bytes.length]).toContain(validBytes)
    if (bytes.length > 0) expect(problem).not.toBeNull()
  }
})
