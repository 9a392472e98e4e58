/**
 * A step of a pipeline that is killed from outside: `node transaction-worker.ts DIRECTORY`. Copies `in` to `out`, a small batch
 * a transaction, and says so on stdout; every tenth body fails. Ends when all is copied.
 */
import { open, string } from '../../../sdk/index.ts'

const [directory = ''] = process.argv.slice(2)
await using tide = await open(directory)
const output = tide.topic('out', { value: string })
const consumer = tide.topic('in', { value: string }).consume({ group: 'copy', follow: false })
let count = 0
for await (const batch of consumer.batches({ maxRecords: 1 + (count % 8) })) {
  const transaction = consumer.transaction(async (tx) => {
    process.stdout.write('t')
    for (const { key, value } of batch.records) void tx.send(output, { key, value })
    if (++count % 10 === 0) throw new Error('every tenth')
  })
  await transaction.catch((error: Error) => {
    if (error.message !== 'every tenth') throw error
  })
}
