/** Owns the directory in a folder until stdin ends: `node holding-process.ts FOLDER`. */
import { once } from 'node:events'
import { openTidemark } from './tidemark.ts'

const tide = await openTidemark(process.argv[2] ?? '')
await tide.topic('records').ensure()
process.stdout.write(`${tide.kind}\n`)
process.stdin.resume()
await once(process.stdin, 'end')
await tide.close()
