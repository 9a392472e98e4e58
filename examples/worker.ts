/**
 * A worker: one record after the other, until it is asked to end. At SIGTERM (or Ctrl-C) the body in hand finishes, what
 * was processed is committed, and the program ends by itself. After SIGKILL or a power loss it goes on at its last commit.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { json, open, shutdownSignal } from 'tidemark'

await using tide = await open(process.argv[2] ?? './data')
const images = tide.topic('images', { value: json<{ url: string }>() })

for await (const image of images.consume({ group: 'thumbnails', signal: shutdownSignal() })) {
  // The id is the same whenever the record comes again: a natural key where work must not be done twice.
  console.log(`working on ${image.id}: ${image.value.url}`)
  await sleep(20)
}
console.log('closed in order')
