/** Random handlers under members that come and go: order per key, commits without holes, each poison record a letter once. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { expect, onTestFinished, test } from 'vitest'
import { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import { randomFrom } from '../../../sdk/environment/seeded-random.ts'
import { type Attempt, type CommitEvent, type Consumer, open, string } from '../../../sdk/index.ts'
import { turns } from './support/create-client.ts'
import type { Text } from './support/create-run.ts'

const PARTITIONS = 4
const RECORDS = 1_500
const KEYS = 40
const MAX_UNDONE = 60

/** What records went through, judged as it happens. */
class Judge {
  readonly finished = new Set<string>()
  readonly failures: string[] = []
  /** The record of each key that is in a handler now. */
  readonly #running = new Map<string, string>()
  readonly #ofKey = new Map<string, string[]>()
  readonly #begun = new Map<number, Set<number>>()

  /** Places in the order of their offsets. */
  addSent(key: string, place: string): void {
    this.#ofKey.set(key, [...(this.#ofKey.get(key) ?? []), place])
  }

  begin({ key, partition, offset }: Text): void {
    const place = `${partition}@${offset}`
    const other = this.#running.get(key!)
    if (other !== undefined) this.failures.push(`${place} of ${key} is begun beside ${other}`)
    const all = this.#ofKey.get(key!) ?? []
    const unfinished = all.slice(0, all.indexOf(place)).find((each) => !this.finished.has(each))
    if (unfinished !== undefined) this.failures.push(`${place} of ${key} is begun before ${unfinished} is finished`)
    this.#running.set(key!, place)
    this.#begun.set(partition, (this.#begun.get(partition) ?? new Set()).add(offset))
    const oldest = this.firstUnfinished(partition)
    if (offset - oldest >= MAX_UNDONE) this.failures.push(`${place} is begun although ${oldest} is not finished`)
  }

  end({ key }: Text): void {
    this.#running.delete(key!)
  }

  committed({ partition, offset }: { readonly partition: number; readonly offset: number }): void {
    const first = this.firstUnfinished(partition)
    if (offset > first)
      this.failures.push(`partition ${partition} is committed up to ${offset}, ${first} is not finished`)
  }

  firstUnfinished(partition: number): number {
    let offset = 0
    while (this.finished.has(`${partition}@${offset}`)) offset++
    return offset
  }
}

for (const seed of [1, 2, 3, 4, 5, 6]) {
  test(`handlers that fail, hang and are interrupted keep order, holes out of commits, and each letter single (SEED=${seed})`, async () => {
    const random = randomFrom(seed)
    const environment = new MemoryEnvironment({ clock: 'manual', seed })
    await using tide = await open('memory:', { environment })
    const topic = tide.topic('t', { value: string, partitions: PARTITIONS })
    const judge = new Judge()
    const listener = (event: unknown) => {
      for (const place of (event as CommitEvent).offsets) judge.committed(place)
    }
    subscribe('tidemark:commit', listener)
    onTestFinished(() => void unsubscribe('tidemark:commit', listener))
    const poison = new Set<string>()
    for (let n = 0; n < RECORDS; n++) {
      const key = `key-${random.below(KEYS)}`
      const isPoison = random.below(25) === 0
      const { partition, offset } = await topic.send({ key, value: isPoison ? 'poison' : 'fine' })
      judge.addSent(key, `${partition}@${offset}`)
      if (isPoison) poison.add(`${partition}@${offset}`)
    }

    const handler = async (record: Text, { signal }: Attempt) => {
      judge.begin(record)
      const ended = () => judge.end(record)
      signal.addEventListener('abort', ended)
      try {
        for (let left = random.below(8); left > 0; left--) {
          await turns(1)
          signal.throwIfAborted()
        }
        if (record.value === 'poison') throw new Error('poison')
        if (random.below(15) === 0) throw new Error('for once')
        judge.finished.add(`${record.partition}@${record.offset}`)
      } finally {
        if (!signal.aborted) judge.end(record)
      }
    }

    const running = new Map<Consumer<Text>, AbortController>()
    const start = () => {
      const controller = new AbortController()
      const commit = { everyRecords: 1 + random.below(30), intervalMs: 500 }
      const consumer = topic.consume({ group: 'g', signal: controller.signal, maxUndone: MAX_UNDONE, commit })
      running.set(consumer, controller)
      const run = consumer.run(handler, {
        concurrency: 1 + random.below(20),
        retry: { attempts: 6, delayMs: () => random.below(2_000), when: () => random.below(50) > 0 },
        attemptTimeoutMs: 60_000,
        onFailure: (record) => {
          if (record.value !== 'poison' && random.below(3) > 0) return 'stop'
          // From here on it is as good as finished: nothing is begun behind it before the letter is there.
          if (record.value === 'poison') judge.finished.add(`${record.partition}@${record.offset}`)
          if (record.value === 'poison') return { deadLetter: 'dead' }
          judge.finished.add(`${record.partition}@${record.offset}`)
          return 'skip'
        },
      })
      const isExpected = (error: unknown) => error instanceof Error && error.message === 'for once'
      run
        .catch((error: unknown) => isExpected(error) || judge.failures.push(String(error)))
        .finally(() => running.delete(consumer))
    }

    const total = () => judge.finished.size
    for (let step = 0; total() < RECORDS && judge.failures.length === 0; step++) {
      expect(step, `stuck with ${total()} of ${RECORDS} records`).toBeLessThan(20_000)
      if (running.size < 3 && random.below(4) === 0) start()
      const [some] = [...running].slice(random.below(running.size))
      const what = random.below(60)
      if (what === 0) some?.[1].abort()
      if (what === 1) void some?.[0].close({ timeoutMs: random.below(2) * 500 })
      environment.advance(100)
      await turns(1)
    }
    expect(judge.failures).toEqual([])
    for (const controller of running.values()) controller.abort()
    for (let step = 0; running.size > 0; step++) {
      expect(step, 'the runs do not end').toBeLessThan(2_000)
      environment.advance(100)
      await turns(1)
    }
    // What was finished and not committed comes again; then nothing is left.
    await topic.consume({ group: 'g', follow: false }).run(
      ({ value }) => {
        if (value === 'poison') throw new Error('poison')
      },
      { onFailure: { deadLetter: 'dead' } },
    )
    expect(judge.failures).toEqual([])
    const letters = (await tide.deadLetters('dead').list()).map(({ origin }) => `${origin.partition}@${origin.offset}`)
    expect(letters.toSorted()).toEqual([...poison].toSorted())
    expect((await tide.lag({ group: 'g' })).every(({ lagRecords }) => lagRecords === 0)).toBe(true)
  })
}
