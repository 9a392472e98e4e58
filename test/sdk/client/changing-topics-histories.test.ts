/** Random histories of topics that come, grow and go under members that come and go: nothing of what is there is skipped. */
import { expect, test } from 'vitest'
import { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import { randomFrom } from '../../../sdk/environment/seeded-random.ts'
import { type Consumer, open, string, type TopicRecord } from '../../../sdk/index.ts'
import { turns } from './support/create-client.ts'

type Text = TopicRecord<string, string | null, string>

const NAMES = ['a', 'b', 'c'] as const
const STEPS = 150

for (const seed of [1, 2, 3, 4, 5, 6]) {
  test(`topics that come, grow and go are consumed to the last record of those that are left (SEED=${seed})`, async () => {
    const random = randomFrom(seed)
    const environment = new MemoryEnvironment({ clock: 'manual', seed })
    await using tide = await open('memory:', { environment })
    /** What was sent to each topic that is there, and what of it was seen. */
    const living = new Map<string, Set<string>>()
    const seen = new Set<string>()
    const failures: unknown[] = []
    const running = new Set<Consumer<Text>>()
    let sent = 0

    const start = () => {
      const consumer = tide.consume(/^[abc]$/, { group: 'g', value: string, commit: { everyRecords: 1 } })
      running.add(consumer)
      const run = async () => {
        for await (const { value } of consumer) {
          seen.add(value)
          if (random.below(4) === 0) await turns(1)
        }
      }
      run()
        .catch((error: unknown) => failures.push(error))
        .finally(() => running.delete(consumer))
    }
    const send = async (name: string) => {
      const values = Array.from({ length: 1 + random.below(5) }, () => `${name}#${sent++}`)
      await tide.topic(name, { value: string }).sendBatch(values.map((value) => ({ value })))
      living.set(name, new Set([...(living.get(name) ?? []), ...values]))
    }
    const actions = [
      send,
      send,
      send,
      async (name: string) => {
        if (!living.has(name)) return
        living.delete(name)
        await tide.topics.delete(name)
      },
      async (name: string) => {
        if (!living.has(name)) return
        const { partitions } = await tide.topics.describe(name)
        if (partitions.length < 5) await tide.topics.addPartitions(name, partitions.length + 1)
      },
      async () => {
        if (running.size < 3) start()
      },
      async () => {
        if (running.size > 1) await [...running][random.below(running.size)]!.close()
      },
    ]
    start()
    for (let step = 0; step < STEPS; step++) {
      await actions[random.below(actions.length)]!(NAMES[random.below(NAMES.length)]!)
      if (random.below(3) === 0) environment.advance(random.below(600))
      await turns(random.below(3))
    }
    const missing = () => [...living.values()].flatMap((values) => [...values]).filter((value) => !seen.has(value))
    for (let wait = 0; missing().length > 0 && wait < 500; wait++) {
      environment.advance(100)
      await turns(2)
    }
    expect(failures, `SEED=${seed}`).toEqual([])
    expect(missing(), `SEED=${seed}`).toEqual([])
    for (const consumer of [...running]) await consumer.close()
    const places = (await tide.groups.offsets('g')).map(({ topic }) => topic)
    expect(
      places.filter((topic) => !living.has(topic)),
      `SEED=${seed}: commits of topics that are gone`,
    ).toEqual([])
  })
}
