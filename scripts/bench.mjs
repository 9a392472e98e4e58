/** `npm run bench`: sets up, then measures against the floor and SQLite (test/bench/core.bench.ts says how). */
import { main, runWith, setUp } from './setup.mjs'

await main(async () => runWith(await setUp(), ['test/bench/core.bench.ts', ...process.argv.slice(2)]))
