/** Random histories of a whole program, through the public names only, against the rules of processed records. */
import { expect, test } from 'vitest'
import { randomFrom, type SeededRandom } from '../../../sdk/environment/seeded-random.ts'
import { type Consumer, open, type Tidemark, type TopicRecord } from '../../../sdk/index.ts'
import { MemoryEnvironment } from '../../../sdk/testing.ts'
import { GroupProgress, type LoopEnd } from '../../support/broker/group-progress.ts'

const HISTORIES = 200
const STEPS = Number(process.env['STEPS'] ?? 8)
const SEED = process.env['SEED']

class History {
  readonly #random: SeededRandom
  readonly #partitions: number
  readonly #groups: GroupProgress[]
  #environment: MemoryEnvironment
  #tide!: Tidemark
  /** By partition and offset; and what was sent and not acknowledged. */
  readonly #values: string[][]
  readonly #unanswered = new Set<string>()
  #sent = 0

  constructor(seed: number) {
    this.#random = randomFrom(seed)
    this.#environment = new MemoryEnvironment({ seed })
    this.#partitions = 1 + this.#random.below(3)
    this.#values = Array.from({ length: this.#partitions }, () => [])
    this.#groups = ['g', 'h'].map((group) => new GroupProgress(group, 1 + this.#random.below(20), this.#partitions))
  }

  async run(): Promise<void> {
    await this.#open()
    await this.#send()
    for (let step = 0; step < STEPS; step++) {
      const dice = this.#random.below(10)
      const group = this.#groups[this.#random.below(this.#groups.length)]!
      if (dice <= 1) await this.#send()
      else if (dice <= 4) await this.#consume(group)
      else if (dice === 5) await Promise.all([this.#send(), ...this.#groups.map((each) => this.#consume(each))])
      else if (dice === 6) await this.#reopen()
      else await this.#crash(group)
      await this.#checkCommits()
    }
    for (const group of this.#groups) await this.#finish(group)
    await this.#checkCommits()
    await this.#tide.close()
  }

  async #open(): Promise<void> {
    this.#tide = await open('memory:', { environment: this.#environment })
    expect(this.#tide.recovery.filter(({ isLoss }) => isLoss)).toEqual([])
    for (const each of this.#groups) each.opened(await this.#tide.groups.offsets(each.group))
  }

  async #reopen(): Promise<void> {
    await this.#tide.close()
    await this.#open()
    expect(this.#tide.recovery).toEqual([])
  }

  get #topic() {
    return this.#tide.topic('t', { partitions: this.#partitions })
  }

  /** A batch for one partition; what is acknowledged is written down. */
  async #send(): Promise<void> {
    const partition = this.#random.below(this.#partitions)
    const values = Array.from({ length: 1 + this.#random.below(40) }, () => `${partition}:${this.#sent++}`)
    for (const value of values) this.#unanswered.add(value)
    const { offsets } = await this.#topic.sendBatch(values.map((value) => ({ value: Buffer.from(value), partition })))
    for (const [index, value] of values.entries()) {
      this.#unanswered.delete(value)
      this.#values[partition]![offsets[index]!] = value
    }
  }

  #consumer(
    { group, everyRecords }: GroupProgress,
    options: { limit?: number; signal?: AbortSignal } = {},
  ): Consumer<TopicRecord> {
    return this.#topic.consume({ group, commit: { everyRecords }, follow: false, ...options })
  }

  #take(group: GroupProgress, record: TopicRecord): void {
    group.handOut(record)
    const value = Buffer.from(record.value).toString()
    const known = this.#values[record.partition]![record.offset]
    if (known === undefined) expect(this.#unanswered, `${record.id} was never sent`).toContain(value)
    else expect(value, record.id).toBe(known)
  }

  /** Reads some, and stops in one of the ways a loop can stop. */
  async #consume(group: GroupProgress): Promise<void> {
    const way = (['break', 'throw', 'done and break', 'abort', 'limit', 'close'] as const)[this.#random.below(6)]!
    const count = 1 + this.#random.below(60)
    const controller = new AbortController()
    const consumer = this.#consumer(group, way === 'limit' ? { limit: count } : { signal: controller.signal })
    let end: LoopEnd = { how: 'ended' }
    let taken = 0
    try {
      for await (const record of consumer) {
        this.#take(group, record)
        if (this.#random.below(15) === 0) {
          await consumer.commit()
          group.committed(record)
        }
        if (++taken < count || way === 'limit') continue
        if (way === 'abort') {
          controller.abort()
          continue
        }
        if (way === 'done and break') record.done()
        else end = { how: 'left', inHand: record }
        if (way === 'throw') throw new Error('the body failed')
        if (way === 'close') await consumer.close()
        break
      }
    } catch (error) {
      if (way !== 'throw' || (error as Error).message !== 'the body failed') throw error
    }
    group.end(end)
  }

  /** The process is killed, or the power fails, in the middle of a loop, with sends on their way. */
  async #crash(group: GroupProgress): Promise<void> {
    const keepUnsynced = (['all', 'none', 1 + this.#random.below(2 ** 30)] as const)[this.#random.below(3)]!
    const count = 1 + this.#random.below(60)
    const sending = this.#random.below(2) === 0 ? this.#send() : Promise.resolve()
    let end: LoopEnd = { how: 'ended' }
    let crashed: MemoryEnvironment | undefined
    let answered: string[][] = []
    let taken = 0
    for await (const record of this.#consumer(group)) {
      this.#take(group, record)
      if (++taken < count) continue
      end = { how: 'killed', inHand: record }
      crashed = this.#environment.crash({ keepUnsynced })
      answered = this.#values.map((values) => [...values])
      break
    }
    group.end(end)
    await sending
    await this.#tide.close()
    if (crashed === undefined) return await this.#open()
    if (keepUnsynced !== 'all') for (const each of this.#groups) each.losePower()
    this.#environment = crashed
    await this.#open()
    await this.#recount(answered)
  }

  /** After a crash what was acknowledged must be there; what was not may be. */
  async #recount(answered: readonly (readonly string[])[]): Promise<void> {
    const found: string[][] = this.#values.map(() => [])
    for await (const record of this.#topic.read({ follow: false }))
      found[record.partition]![record.offset] = Buffer.from(record.value).toString()
    for (const [partition, values] of found.entries()) {
      expect(values.slice(0, answered[partition]!.length), `partition ${partition}`).toEqual(answered[partition])
      this.#values[partition] = values
    }
    this.#unanswered.clear()
  }

  async #checkCommits(): Promise<void> {
    const ends = await this.#topic.offsets('latest')
    for (const { group } of this.#groups) {
      for (const { partition, offset } of await this.#tide.groups.offsets(group)) {
        expect(offset, `commit of ${group} in partition ${partition}`).toBeLessThanOrEqual(ends[partition]!.offset)
      }
    }
  }

  async #finish(group: GroupProgress): Promise<void> {
    for await (const record of this.#consumer(group)) this.#take(group, record)
    group.expectAll(this.#values.map((values) => values.length))
    group.end({ how: 'ended' })
    for (const row of await this.#tide.lag({ group: group.group }))
      expect(row.lagRecords, `${group.group} ${row.partition}`).toBe(0)
  }
}

const seeds = SEED === undefined ? Array.from({ length: HISTORIES }, (_, seed) => seed + 1) : [Number(SEED)]

test(`${seeds.length} random histories skip nothing, and repeat no more than they may (STEPS=${STEPS})`, {
  timeout: 120_000,
}, async () => {
  for (const seed of seeds) {
    try {
      await new History(seed).run()
    } catch (error) {
      if (error instanceof Error) error.message = `SEED=${seed}: ${error.message}`
      throw error
    }
  }
})
