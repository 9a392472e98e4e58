/**
 * A step of a pipeline: charges in, receipts out, each exactly once. What is sent and how far the group is are one
 * transaction, so a kill at any moment repeats nothing and loses nothing.
 *
 *   node exactly-once.ts ./data
 */
import { json, open } from 'tidemark'

const [directory = './data'] = process.argv.slice(2)
await using tide = await open(directory)
const charges = tide.topic('charges', { value: json<{ card: string; cents: number }>(), partitions: 2 })
const receipts = tide.topic('receipts', { value: json<{ charge: string; euros: string }>() })

const { created } = await charges.ensure()
if (created)
  await charges.sendBatch([1200, 350].map((cents) => ({ key: 'card-17', value: { card: 'card-17', cents } })))

const consumer = charges.consume({ group: 'receipts', follow: false })
for await (const batch of consumer.batches({ maxRecords: 100 })) {
  await consumer.transaction(async (tx) => {
    for (const { id, value } of batch.records) {
      await tx.send(receipts, { key: value.card, value: { charge: id, euros: (value.cents / 100).toFixed(2) } })
    }
  })
  console.log(`${batch.records.length} receipts`)
}
