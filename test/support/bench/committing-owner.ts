/**
 * The running program of the inspector's benchmark: `fork`ed with a folder, a number of groups and of partitions per group.
 * Says `{ ready: true }`, then commits for the group and offset of every message and says when that was done.
 */
import { open } from '../../../sdk/index.ts'

const [folder = '', groups = '1', partitions = '1'] = process.argv.slice(2)
const TOPICS = 10
const RECORDS = 2_000

const tide = await open(folder)
const topicOf = (group: number) => `topic-${group % TOPICS}`
const commit = (group: number, offset: number) => {
  const topic = topicOf(group)
  const places = Array.from({ length: Number(partitions) }, (_, partition) => ({ topic, partition, offset }))
  return tide.groups.commit(`group-${group}`, places)
}
for (let number = 0; number < TOPICS; number++) {
  const topic = tide.topic(topicOf(number), { partitions: Number(partitions) })
  for (let partition = 0; partition < Number(partitions); partition++) {
    await topic.sendBatch(Array.from({ length: RECORDS }, () => ({ value: Buffer.from('x'.repeat(100)), partition })))
  }
}
// Several at a time: they share flushes.
const numbers = Array.from({ length: Number(groups) }, (_, group) => group)
while (numbers.length > 0) await Promise.all(numbers.splice(0, 100).map((group) => commit(group, group % 1_500)))

process.on('message', async ({ group, offset }: { readonly group: number; readonly offset: number }) => {
  await commit(group, offset)
  process.send?.({ group, offset, atMs: performance.timeOrigin + performance.now() })
})
process.once('disconnect', async () => {
  await tide.close()
  process.exit()
})
process.send?.({ ready: true })
