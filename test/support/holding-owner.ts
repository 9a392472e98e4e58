/** Owns a directory, says so, and stays: `node holding-owner.ts DIRECTORY`. */
import { open } from '../../sdk/index.ts'

const tide = await open(process.argv[2] ?? '')
await tide.topic('t').send({ value: Buffer.from('mine') })
console.log('owning')
setInterval(() => {}, 60_000)
