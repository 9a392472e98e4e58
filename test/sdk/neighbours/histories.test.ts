/** Random histories of several processes with one directory, on a machine in memory: a seed repeats one. */
import { expect, test } from 'vitest'
import { type Consumer, open, string, type Tidemark, type TidemarkError, type TopicRecord } from '../../../sdk/index.ts'
import { MemoryEnvironment } from '../../../sdk/testing.ts'
import { seededRandom } from '../../support/seeded-random.ts'

const SEED = Number(process.env['SEED'] ?? Date.now() % 100_000)
const HISTORIES = Number(process.env['HISTORIES'] ?? 12)
const STEPS = 60
const PARTITIONS = 3
const EVERY_RECORDS = 5
const WINDOW = PARTITIONS * (EVERY_RECORDS + 1)
/** As in the loop under `for await`. */
const RECORDS_PER_BREATH = 64

/** What is said by a process that is dead is not heard. */
interface Process {
  readonly environment: MemoryEnvironment
  readonly tide: Tidemark
  readonly consumer: Consumer<TopicRecord<'t', string | null, string>>
  readonly loop: Promise<void>
  isDead: boolean
  /** A loop that has not begun yet when its directory is closed says so. */
  isClosing: boolean
}

class History {
  readonly place: string
  readonly #random: () => number
  readonly #machine: MemoryEnvironment
  readonly #processes: Process[] = []
  #sent = 0
  /** Values whose send was answered. */
  readonly acknowledged: string[] = []
  readonly #sending: { readonly process: Process; readonly answered: Promise<void> }[] = []
  /** How often each record was handed out, and how many may come again: the window, and the one in hand, of each partition. */
  readonly handedOut = new Map<string, number>()
  mayComeAgain = 0
  readonly failures: string[] = []

  constructor(seed: number) {
    this.place = `SEED=${seed}`
    this.#random = seededRandom(seed)
    this.#machine = new MemoryEnvironment({ seed })
  }

  below(limit: number): number {
    return Math.floor(this.#random() * limit)
  }

  get #alive(): Process[] {
    return this.#processes.filter(({ isDead }) => !isDead)
  }

  async start(): Promise<void> {
    const environment = this.#machine.anotherProcess()
    const tide = await open('/data', { environment, survives: this.below(2) === 0 ? 'power-loss' : 'process-crash' })
    const topic = tide.topic('t', { partitions: PARTITIONS, value: string })
    const consumer = topic.consume({ group: 'g', commit: { everyRecords: EVERY_RECORDS, intervalMs: 20, idleMs: 5 } })
    const process: Process = {
      environment,
      tide,
      consumer,
      loop: this.#consume(consumer, () => process),
      isDead: false,
      isClosing: false,
    }
    this.#processes.push(process)
  }

  async #consume(consumer: Process['consumer'], self: () => Process): Promise<void> {
    try {
      for await (const { id } of consumer) {
        if (self().isDead) return
        this.handedOut.set(id, (this.handedOut.get(id) ?? 0) + 1)
      }
    } catch (error) {
      const { isDead, isClosing } = self()
      const isToldClosed = isClosing && (error as TidemarkError).code === 'CLOSED'
      if (!isDead && !isToldClosed) this.failures.push(`a loop failed: ${error}`)
    }
  }

  send(): void {
    const alive = this.#alive
    const process = alive[this.below(alive.length)]
    if (process === undefined) return
    const value = `${this.#sent++}`
    const topic = process.tide.topic('t', { partitions: PARTITIONS, value: string })
    const answered = topic.send({ key: value, value }).then(
      () => {
        if (!process.isDead) this.acknowledged.push(value)
      },
      (error: unknown) => {
        if (!process.isDead) this.failures.push(`a send failed: ${error}`)
      },
    )
    this.#sending.push({ process, answered })
  }

  kill(): void {
    const alive = this.#alive
    if (alive.length < 2) return
    const process = alive[this.below(alive.length)]!
    process.isDead = true
    process.environment.kill()
    this.mayComeAgain += WINDOW
  }

  async close(): Promise<void> {
    const alive = this.#alive
    if (alive.length < 2) return
    const process = alive[this.below(alive.length)]!
    process.isClosing = true
    await process.tide.close()
    await process.loop
    process.isDead = true
    this.mayComeAgain += WINDOW
  }

  /** Somebody with a shell. The owner's own loop goes on to its next breath before it knows. */
  removeLock(): void {
    if (this.#machine.files.stat('/data/.lock') !== undefined) this.#machine.files.remove('/data/.lock')
    this.mayComeAgain += WINDOW + RECORDS_PER_BREATH
  }

  async step(): Promise<void> {
    const choice = this.below(100)
    if (choice < 60) for (let count = this.below(8); count >= 0; count--) this.send()
    else if (choice < 70) this.kill()
    else if (choice < 76) await this.close()
    else if (choice < 79) this.removeLock()
    else if (choice < 90 && this.#alive.length < 5) await this.start()
    for (let turns = this.below(6); turns > 0; turns--) await this.#machine.timers.yield()
  }

  /** What is in the topic, when all that was sent is answered and all of it processed. */
  async finish(): Promise<{ readonly values: string[]; readonly ids: string[] }> {
    // Nobody waits for the dead.
    await Promise.all(this.#sending.map(({ process, answered }) => (process.isDead ? undefined : answered)))
    const { tide } = this.#alive[0]!
    await tide.groups.caughtUp('g')
    const values: string[] = []
    const ids: string[] = []
    for await (const { id, value } of tide.topic('t', { value: string }).read({ from: 'earliest', follow: false })) {
      values.push(value)
      ids.push(id)
    }
    for (const process of this.#alive) {
      await process.tide.close()
      await process.loop
    }
    return { values, ids }
  }
}

test(`${HISTORIES} random histories: nothing lost, nothing stored twice, nothing skipped, little handed out again (SEED=${SEED})`, async () => {
  for (let n = 0; n < HISTORIES; n++) {
    const history = new History(SEED + n)
    await history.start()
    await history.start()
    for (let step = 0; step < STEPS; step++) await history.step()
    const { values, ids } = await history.finish()
    expect(history.failures, history.place).toEqual([])
    const known = new Set(values)
    expect(known.size, `${history.place}: nothing is stored twice`).toBe(values.length)
    expect(
      history.acknowledged.filter((value) => !known.has(value)),
      `${history.place}: nothing is lost`,
    ).toEqual([])
    expect(
      ids.filter((id) => !history.handedOut.has(id)),
      `${history.place}: nothing is skipped`,
    ).toEqual([])
    const again = [...history.handedOut.values()].reduce((sum, count) => sum + count - 1, 0)
    expect(again, `${history.place}: what is handed out again`).toBeLessThanOrEqual(history.mayComeAgain)
  }
}, 120_000)
