/**
 * A compacted topic as a table: it keeps the newest record of each key, so reading it from its beginning gives the current
 * values, however often they were changed. The table has them in memory, and follows whoever changes them.
 */
import { json, nullable, open } from 'tidemark'

interface Setting {
  readonly limit: number
}

await using tide = await open(process.argv[2] ?? './data')
const topic = tide.topic('settings', {
  value: nullable(json<Setting>()),
  // Small segments: a table of a few settings begins to shrink after a MiB, not after a GiB.
  configs: { 'cleanup.policy': 'compact', 'segment.bytes': String(1024 * 1024) },
})

await using settings = await tide.table(topic)
console.log('at the start', Object.fromEntries(settings))

async function set(key: string, value: Setting | null): Promise<void> {
  await topic.send({ key, value }) // on disk
  await settings.caughtUp() // and in the table
}

await set('card-17', { limit: (settings.get('card-17')?.limit ?? 0) + 100 })
await set('card-18', { limit: 50 })
await set('card-18', null) // gone, here and in the topic
console.log('at the end', Object.fromEntries(settings))
