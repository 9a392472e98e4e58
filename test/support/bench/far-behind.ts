/**
 * A group that begins far behind, in processes of their own: `node far-behind.ts FOLDER write|batches|records MEGABYTES`.
 * The reading ones print how far their memory rose above what the program itself takes, in MiB: by half of the way and by
 * its end. Where both are the same it no longer rises, however much is waiting.
 */
import { open } from '../../../sdk/index.ts'
import { openTidemark, tidemarkConsumeBatches, tidemarkConsumeRecords, tidemarkProduce } from './tidemark.ts'
import { BATCH_RECORDS, Values } from './values.ts'

const [folder = '', step = '', megabytes = '1'] = process.argv.slice(2)
const values = new Values(1024)
const count = Math.ceil((Number(megabytes) * 1024) / BATCH_RECORDS) * BATCH_RECORDS

if (step === 'write') {
  const tide = await openTidemark(folder, { survives: 'process-crash' })
  await tidemarkProduce(tide, values, count)
  await tide.close()
} else {
  const expected = values.sum(count)
  const tide = await openTidemark(folder)
  // What opening and the first turns of a loop take is no matter of how much is waiting.
  const warm = await open('memory:')
  await tidemarkProduce(warm, values, BATCH_RECORDS)
  await tidemarkConsumeBatches(warm, 'warm')
  await warm.close()
  const before = process.memoryUsage.rss()
  const risen = () => process.resourceUsage().maxRSS / 1024 - before / 1_048_576
  const consume = step === 'batches' ? tidemarkConsumeBatches : tidemarkConsumeRecords
  const started = performance.now()
  const half = await consume(tide, step, Math.floor(count / 2))
  const roseByHalf = risen()
  const sum = half + (await consume(tide, step))
  const took = performance.now() - started
  if (sum !== expected) throw new Error(`read ${sum}, expected ${expected}`)
  const rose = risen()
  await tide.close()
  console.log(JSON.stringify({ took, roseByHalf, rose, peak: rose + before / 1_048_576 }))
}
