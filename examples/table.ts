/**
 * A compacted topic as a table: it keeps the newest record of each key, so reading it from its beginning gives the current
 * values, however often they were changed. The map in memory is read at the start, and written through.
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

const settings = new Map<string, Setting>()
for await (const { key, value } of topic.read({ follow: false })) {
  if (key === null) continue
  if (value === null) settings.delete(key)
  else settings.set(key, value)
}
console.log('at the start', Object.fromEntries(settings))

async function set(key: string, value: Setting | null): Promise<void> {
  await topic.send({ key, value }) // on disk first
  if (value === null) settings.delete(key)
  else settings.set(key, value)
}

await set('card-17', { limit: (settings.get('card-17')?.limit ?? 0) + 100 })
await set('card-18', { limit: 50 })
await set('card-18', null) // gone, here and in the topic
console.log('at the end', Object.fromEntries(settings))
