import { expect, test } from 'vitest'
import { MemoryEnvironment } from '../../sdk/environment/memory-environment.ts'
import { open } from '../../sdk/index.ts'
import { BATCH_LENGTH_AT, LEADER_EPOCH_AT, MAGIC_AT } from '../../sdk/record/batch-header.ts'

const DIRECTORY = '/data'
const LOG = `${DIRECTORY}/t-0/00000000000000000000.log`
const BATCHES = 4
const OFFSETS = Array.from({ length: BATCHES * 2 }, (_, offset) => offset)

/** What is known when the directory is opened again. */
const STOPS = {
  'an orderly stop': [],
  'a crash': ['.kafka_cleanshutdown'],
  'a crash, and nobody knows what was flushed': ['.kafka_cleanshutdown', 'recovery-point-offset-checkpoint'],
} as const

/** A directory with batches of two records, all of the same size. */
async function createDirectory(padding: number, configs: Record<string, string> = {}) {
  const environment = new MemoryEnvironment()
  const tide = await open(DIRECTORY, { environment })
  const topic = tide.topic('t', { configs })
  for (let batch = 0; batch < BATCHES; batch++) {
    await topic.sendBatch([
      { key: 'k', value: Buffer.alloc(padding, batch) },
      { key: 'l', value: Buffer.from('w') },
    ])
  }
  await tide.close()
  const sizeBytes = environment.files.stat(LOG)!.sizeBytes
  return { environment, sizeBytes, batchBytes: sizeBytes / BATCHES }
}

function flip(whole: MemoryEnvironment, at: number, bit: number, removed: readonly string[]): MemoryEnvironment {
  const environment = whole.crash({ keepUnsynced: 'all' })
  const file = environment.files.open(LOG, { write: true })
  const byte = Buffer.alloc(1)
  file.read(byte, at)
  file.write([Buffer.from([byte[0]! ^ (1 << bit)])], at)
  file.close()
  for (const name of removed) environment.files.remove(`${DIRECTORY}/${name}`)
  return environment
}

interface Seen {
  /** The offsets that were handed out. */
  readonly offsets: number[]
  /** Whether it ended in CORRUPT_BATCH, or a warning or `recovery` told. */
  readonly isTold: boolean
}

/** `group`: by a loop of that group instead of a plain read. */
async function look(
  environment: MemoryEnvironment,
  how: { readonly onDamage: 'throw' | 'skip'; readonly readOnly?: boolean; readonly group?: string },
): Promise<Seen> {
  const before = environment.warnings.length
  const { onDamage, readOnly = false, group } = how
  await using tide = await open(DIRECTORY, { environment, readOnly })
  const topic = tide.topic('t')
  const offsets: number[] = []
  let code: string | undefined
  try {
    const options = { follow: false, onDamage }
    const records = group === undefined ? topic.read(options) : topic.consume({ ...options, group })
    for await (const { offset } of records) offsets.push(offset)
  } catch (error) {
    code = (error as { code: string }).code
    if (code !== 'CORRUPT_BATCH') throw error
  }
  const isTold = code !== undefined || environment.warnings.length > before || tide.recovery.length > 0
  return { offsets, isTold }
}

async function checkFlip(environment: MemoryEnvironment, hit: number | undefined, context: string): Promise<void> {
  const others = OFFSETS.filter((offset) => offset >> 1 !== hit)
  const before = OFFSETS.filter((offset) => hit === undefined || offset >> 1 < hit)
  const isEndKnown = environment.files.stat(`${DIRECTORY}/recovery-point-offset-checkpoint`) !== undefined
  // An end that is not known to be flushed may just be being written.
  const isTold = hit !== undefined && (isEndKnown || hit < BATCHES - 1)
  const followed = await look(environment, { onDamage: 'skip', readOnly: true })
  expect(followed, `${context}: a follower skips`).toEqual({ offsets: others, isTold })
  const stopped = await look(environment, { onDamage: 'throw' })
  expect(stopped.isTold, `${context}: the owner tells`).toBe(hit !== undefined)
  expect(stopped.offsets, `${context}: the owner stops`).toEqual(before)
  const loop = await look(environment, { onDamage: 'skip', group: 'g' })
  expect(loop.offsets, `${context}: a loop skips`).toEqual(others)
}

/** Not under the CRC, and known from `leader-epoch-checkpoint`: records are right without it. */
function isEpoch(at: number): boolean {
  return at >= LEADER_EPOCH_AT && at < MAGIC_AT
}

test.each(Object.entries(STOPS))(
  'a flipped bit is told, and every batch beside it handed out, wherever it is, after %s',
  async (_, removed) => {
    const { environment, sizeBytes, batchBytes } = await createDirectory(2)
    for (let at = 0; at < sizeBytes; at++) {
      const hit = isEpoch(at % batchBytes) ? undefined : Math.floor(at / batchBytes)
      const bit = at % 8
      await checkFlip(flip(environment, at, bit, removed), hit, `byte ${at}, bit ${bit}`)
    }
  },
  90_000,
)

test.each(['delete', 'compact'])(
  'a batch whose length is wrong hides no other, also where it ends as another does (%s)',
  async (policy) => {
    // One bit of the length then means a number of whole batches.
    const { environment, batchBytes } = await createDirectory(50, { 'cleanup.policy': policy })
    expect(batchBytes).toBe(128)
    for (let hit = 0; hit < BATCHES; hit++) {
      // Beyond bit 12, all of them mean more than there is.
      for (const bit of [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 31]) {
        const at = hit * batchBytes + BATCH_LENGTH_AT + 3 - (bit >> 3)
        for (const [stop, removed] of Object.entries(STOPS)) {
          await checkFlip(
            flip(environment, at, bit & 7, removed),
            hit,
            `batch ${hit}, bit ${bit} of its length, ${stop}`,
          )
        }
      }
    }
  },
  90_000,
)
