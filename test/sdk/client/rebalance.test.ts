import { expect, test } from 'vitest'
import { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import { randomFrom } from '../../../sdk/environment/seeded-random.ts'
import { open } from '../../../sdk/index.ts'
import { turns } from './support/create-client.ts'

const PARTITIONS = 6
const RECORDS = 3_000

for (const seed of [1, 2, 3, 4]) {
  test(`members that come and go, by break, abort and close, process everything, each partition in order (SEED=${seed})`, async () => {
    const random = randomFrom(seed)
    const environment = new MemoryEnvironment({ clock: 'manual', seed })
    await using tide = await open('memory:', { environment })
    const topic = tide.topic('t', { partitions: PARTITIONS })
    const seen = new Set<string>()
    /** Where each partition's loop may go on at most: behind what was handed out. */
    const furthest = new Map<number, number>()
    let handedOut = 0

    const member = async (): Promise<void> => {
      const controller = new AbortController()
      const consumer = topic.consume({
        group: 'g',
        signal: controller.signal,
        commit: { everyRecords: 1 + random.below(50) },
      })
      const life = 1 + random.below(400)
      const way = random.below(3)
      let count = 0
      for await (const record of consumer) {
        handedOut++
        seen.add(record.id)
        expect(record.offset, `${record.id} skips records`).toBeLessThanOrEqual(
          (furthest.get(record.partition) ?? -1) + 1,
        )
        furthest.set(record.partition, Math.max(furthest.get(record.partition) ?? -1, record.offset))
        if (random.below(20) === 0) await turns(1)
        if (++count < life) continue
        if (way === 0) break
        if (way === 1) controller.abort()
        if (way === 2) await consumer.close()
      }
    }

    const running = new Set<Promise<void>>()
    const start = () => {
      const run = member().finally(() => running.delete(run))
      running.add(run)
    }
    const sending = (async () => {
      for (let sent = 0; sent < RECORDS; sent += 50) {
        await topic.sendBatch(
          Array.from({ length: 50 }, (_, n) => ({ value: Buffer.from('x'), partition: (sent + n) % PARTITIONS })),
        )
        await turns(1)
      }
    })()
    for (let step = 0; seen.size < RECORDS; step++) {
      expect(step, `stuck with ${seen.size} of ${RECORDS} records`).toBeLessThan(20_000)
      if (running.size < 4 && random.below(5) === 0) start()
      environment.advance(100)
      await turns(1)
    }
    await sending
    const closing = tide.close()
    await Promise.all(running)
    await closing
    expect(seen.size).toBe(RECORDS)
    expect(handedOut).toBeLessThan(RECORDS * 1.5)
  })
}
