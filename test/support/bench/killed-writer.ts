/** Writes so many megabytes and dies: `node killed-writer.ts FOLDER MEGABYTES`. */
import { openTidemark, tidemarkProduce } from './tidemark.ts'
import { Values } from './values.ts'

const [folder = '', megabytes = '1'] = process.argv.slice(2)
const tide = await openTidemark(folder)
await tidemarkProduce(tide, new Values(1024), Math.max(1_000, Math.round(Number(megabytes) * 1_000)))
process.kill(process.pid, 'SIGKILL')
