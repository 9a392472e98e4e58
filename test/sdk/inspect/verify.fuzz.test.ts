import { expect, test } from 'vitest'
import { randomFrom } from '../../../sdk/environment/seeded-random.ts'
import { createCraftedDirectory, FIRST, SECOND } from './support/crafted-directory.ts'

const SEED = Number(process.env['SEED'] ?? 1)
const STEPS = Number(process.env['STEPS'] ?? 300)

/** Files in which every bit means something that can be proved. */
const PROVABLE = [
  ...[FIRST, SECOND].flatMap((name) => [`${name}.log`, `${name}.index`, `${name}.timeindex`]),
  't-0/00000000000000000036.snapshot',
  '__cluster_metadata-0/00000000000000000000.log',
]

test(`any flipped bit, any cut and any overwritten stretch is found, in bounded time (SEED=${SEED})`, async () => {
  const random = randomFrom(SEED)
  for (let step = 0; step < STEPS; step++) {
    const directory = createCraftedDirectory({ isCrashed: false })
    const name = PROVABLE[random.below(PROVABLE.length)]!
    const kind = ['flip', 'cut', 'overwrite'][random.below(3)]!
    let isChanged = false
    directory.change(name, (bytes) => {
      let at = random.below(bytes.length)
      // A time index may name any offset of the batch, so the lowest bits of an offset prove nothing.
      if (name.endsWith('.timeindex') && at % 12 === 11) at -= 1
      const before = Buffer.from(bytes)
      if (kind === 'cut') return bytes.subarray(0, at)
      if (kind === 'flip') bytes[at] = bytes[at]! ^ (1 << random.below(8))
      else for (let to = at; to < Math.min(bytes.length, at + 300); to++) bytes[to] = random.below(256)
      isChanged = !bytes.equals(before)
      return bytes
    })
    const findings = await directory.verify()
    // A metadata log or an index that ends earlier may be a whole, older one.
    const mayPass = kind === 'cut' ? name.startsWith('__cluster') || name.endsWith('.index') : !isChanged
    if (!mayPass) expect(findings, `step ${step}: ${kind} ${name}`).not.toEqual([])
  }
})
