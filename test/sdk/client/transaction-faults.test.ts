/** A consume → send → commit step on disks that refuse, fail or fill up, at every operation of it. */
import { expect, test } from 'vitest'
import type { CrashOptions } from '../../../sdk/environment/memory-disk.ts'
import { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import { open, string, type Tidemark, TidemarkError } from '../../../sdk/index.ts'
import { verifyDirectory } from '../../../sdk/inspect.ts'

const PATH = '/data'
const INPUTS = 4
const PER_TRANSACTION = 2
/** What becomes of each input: records to these partitions. */
const COPIES = [0, 0, 1] as const

const FAULTS = [
  { operation: 'change', error: 'EIO', sticky: false },
  { operation: 'change', error: 'ENOSPC', sticky: false },
  { operation: 'change', error: 'EIO', sticky: true },
  { operation: 'change', error: 'ENOSPC', sticky: true },
  // Reading, asking for sizes, closing.
  { operation: 'any', error: 'EIO', sticky: false },
  { operation: 'open', error: 'EMFILE', sticky: true },
] as const
type Fault = (typeof FAULTS)[number]

/** What happens then: the power goes, the process is killed, or it goes on, and opens the directory again. */
const ENDS = ['power loss', 'power loss that leaves some', 'kill', 'goes on'] as const
type End = (typeof ENDS)[number]

/** One step with one fault in it. */
interface Run {
  readonly environment: MemoryEnvironment
  readonly tide: Tidemark
  /** Inputs of which a transaction said that they count. */
  readonly acknowledged: Set<string>
  readonly seed: number
  readonly what: string
}

async function createMachine(): Promise<MemoryEnvironment> {
  const environment = new MemoryEnvironment({ clock: 'manual' })
  await using tide = await open(PATH, { environment })
  await tide.topic('out', { value: string, partitions: 2 }).ensure()
  const values = Array.from({ length: INPUTS }, (_, n) => ({ value: `${n}` }))
  await tide.topic('in', { value: string }).sendBatch(values)
  return environment
}

/** Copies what is left of `in`, and stops at the first failure, which must be in our words. */
async function copy({ tide, acknowledged }: Run): Promise<TidemarkError | undefined> {
  const output = tide.topic('out', { value: string })
  const consumer = tide.topic('in', { value: string }).consume({ group: 'copy', follow: false })
  try {
    for await (const { records } of consumer.batches({ maxRecords: PER_TRANSACTION })) {
      await consumer.transaction((tx) => {
        for (const { value } of records) for (const partition of COPIES) void tx.send(output, { value, partition })
      })
      for (const { value } of records) acknowledged.add(value)
    }
  } catch (error) {
    if (!(error instanceof TidemarkError)) throw error
    return error
  }
  return undefined
}

/** How many inputs readers of committed records get, by partition: each as a whole, once, in order. */
async function inputsSeen(tide: Tidemark, what: string): Promise<readonly number[]> {
  const values: string[][] = [[], []]
  for await (const { partition, value } of tide.topic('out', { value: string }).read({ follow: false })) {
    values[partition]!.push(value)
  }
  return values.map((seen, partition) => {
    const copies = COPIES.filter((each) => each === partition)
    const count = seen.length / copies.length
    expect(seen, what).toEqual(Array.from({ length: count }, (_, n) => copies.map(() => `${n}`)).flat())
    expect(count % PER_TRANSACTION, `a transaction in partition ${partition}, ${what}`).toBe(0)
    return count
  })
}

/** Between two markers one partition may know of a transaction before the other; but no reader sees half of one in either. */
async function checkReader(tide: Tidemark, what: string): Promise<void> {
  try {
    await inputsSeen(tide, what)
  } catch (error) {
    if (!(error instanceof TidemarkError)) throw error
  }
}

/** The clock goes on until it is through, or `isStuck`. */
async function passing<T>({ environment, what }: Run, work: Promise<T>, isStuck = () => false): Promise<T | 'stuck'> {
  let isOver = false
  const over = () => (isOver = true)
  work.then(over, over)
  for (let turn = 1; !isOver; turn++) {
    if (isStuck()) return 'stuck'
    if (turn === 8_000) throw new Error(`it hangs: ${what}`)
    await environment.timers.yield()
    // A disk that stays broken holds up some things for ever.
    if (turn === 300) environment.heal()
    if (turn % 10 === 0) environment.advance(200)
  }
  return await work
}

function operationsOf({ counts }: MemoryEnvironment, { operation }: Fault): number {
  if (operation !== 'any') return operation === 'change' ? counts.changes : counts[operation]
  const { changes: _, ...each } = counts
  return Object.values(each).reduce((sum, count) => sum + count, 0)
}

/** How many operations that a fault may hit the step has without one. */
async function countOperations(machine: MemoryEnvironment): Promise<ReadonlyMap<Fault, number>> {
  const environment = machine.crash({ keepUnsynced: 'all' })
  await using tide = await open(PATH, { environment })
  const before = FAULTS.map((fault) => operationsOf(environment, fault))
  const run = { environment, tide, acknowledged: new Set<string>(), seed: 0, what: 'without a fault' }
  expect(await passing(run, copy(run))).toBeUndefined()
  return new Map(FAULTS.map((fault, at) => [fault, operationsOf(environment, fault) - before[at]!]))
}

/** Runs the step, and applies each end to what is left. Says whether somebody was told of the fault. */
async function runCells(
  machine: MemoryEnvironment,
  { fault, after, ends }: { readonly fault: Fault; readonly after: number; readonly ends: readonly End[] },
): Promise<boolean> {
  const what = `${fault.operation} ${after} fails with ${fault.error}${fault.sticky ? ', and all that follow' : ''}`
  const environment = machine.crash({ keepUnsynced: 'all' })
  const tide = await open(PATH, { environment })
  const run: Run = { environment, tide, acknowledged: new Set(), seed: after, what }
  environment.failNext(fault.operation, { ...fault, after })
  const failure = await passing(run, copy(run))
  await passing(run, checkReader(tide, what))
  environment.heal()
  const follower = await open(PATH, { environment: environment.anotherProcess(), readOnly: true })
  await checkReader(follower, `${what}, another process`)
  await follower.close()
  // The last one changes the run itself.
  for (const end of ENDS) if (ends.includes(end)) await checkEnd({ ...run, what: `${what}; then ${end}` }, end)
  return failure !== undefined
}

async function checkEnd(run: Run, end: End): Promise<void> {
  if (end === 'goes on') {
    await goOn(run)
    await checkNext(run)
    return
  }
  const kept = { 'power loss': 'none', 'power loss that leaves some': run.seed, kill: 'all' } as const
  const options: CrashOptions = { keepUnsynced: kept[end] }
  await checkNext({ ...run, environment: run.environment.crash(options) })
}

/** In the same process, as far as that is possible before the directory is opened again. */
async function goOn(run: Run): Promise<void> {
  const { environment, tide, what } = run
  // What became of a decision that could not be flushed only the next owner can find out.
  const isStuck = () => environment.warnings.some(({ message }) => /Could not flush __transaction_state/.test(message))
  await passing(run, copy(run), isStuck)
  await checkReader(tide, what)
  const closed = tide.close().catch((error: unknown) => expect(error, what).toBeInstanceOf(TidemarkError))
  await passing(run, closed)
}

/** Outputs and commits agree, what was acknowledged is there, and the step goes on to its end. */
async function checkNext(before: Omit<Run, 'tide'>): Promise<void> {
  const { environment, acknowledged, what } = before
  const tide = await open(PATH, { environment })
  const run = { ...before, tide, acknowledged: new Set(acknowledged) }
  const committed = async () => (await tide.groups.offsets('copy'))[0]?.offset ?? 0
  const [zero, one] = await inputsSeen(tide, what)
  expect(one, `as many inputs in both partitions, ${what}`).toBe(zero)
  expect(await committed(), `input is committed with its outputs, ${what}`).toBe(zero)
  expect(zero, `what was acknowledged, ${what}`).toBeGreaterThanOrEqual(acknowledged.size)
  expect(await passing(run, copy(run)), `the next owner goes on, ${what}`).toBeUndefined()
  expect([...(await inputsSeen(tide, what)), await committed()], what).toEqual([INPUTS, INPUTS, INPUTS])
  await tide.close()
  const findings = await verifyDirectory(PATH, { environment })
  const bad = findings.filter(({ severity }) => severity !== 'note')
  expect(bad, what).toEqual([])
}

function twoEnds(after: number): readonly End[] {
  return [ENDS[after % ENDS.length]!, ENDS[(after + 1) % ENDS.length]!]
}

/** Every fault and every end at each operation, instead of one fault and two ends: 2 minutes. */
const ALL = process.env['ALL'] !== undefined

test('whatever operation fails in a step in transactions, each input comes out once, and is committed then', {
  timeout: 600_000,
}, async () => {
  const machine = await createMachine()
  const operations = await countOperations(machine)
  let cells = 0
  let runs = 0
  let refused = 0
  for (const [number, fault] of FAULTS.entries()) {
    for (let after = 0; after < operations.get(fault)!; after++) {
      if (!ALL && (after + number) % FAULTS.length > 0) continue
      const ends = ALL ? ENDS : twoEnds(after)
      if (await runCells(machine, { fault, after, ends })) refused++
      cells += ends.length
      runs++
    }
  }
  console.log(
    `${cells} cells: ${runs} faults in a step of ${[...operations.values()].join(', ')} operations, ${refused} told`,
  )
  expect(cells).toBeGreaterThan(220)
  expect(refused).toBeGreaterThan(runs * 0.9)
})
