/**
 * `npm run bench`: sets up, then measures against the floor and SQLite (test/bench/core.bench.ts says how);
 * `npm run bench -- many`: with many partitions and groups, and a group far behind (test/bench/many.bench.ts).
 */
import { main, runWith, setUp } from './setup.mjs'

const [first, ...rest] = process.argv.slice(2)
const [name, options] = first === 'many' ? ['many', rest] : ['core', process.argv.slice(2)]
await main(async () => runWith(await setUp(), [`test/bench/${name}.bench.ts`, ...options]))
