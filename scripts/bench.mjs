/**
 * `npm run bench`: sets up, then measures against the floor and SQLite (test/bench/core.bench.ts says how);
 * `npm run bench -- many`: with many partitions and groups, and a group far behind (test/bench/many.bench.ts);
 * `npm run bench -- neighbour`: what working through another process costs, and taking its place (test/bench/neighbour.bench.ts);
 * `npm run bench -- inspector`: how the inspector keeps up with a program (test/bench/inspector.bench.ts);
 * `npm run bench -- workbench`: the same as a person sees it, in a workbench (test/bench/workbench.bench.ts).
 */
import { main, runWith, setUp } from './setup.mjs'

const [first, ...rest] = process.argv.slice(2)
const [name, options] = ['many', 'neighbour', 'inspector', 'workbench'].includes(first)
  ? [first, rest]
  : ['core', process.argv.slice(2)]
await main(async () => {
  const node = await setUp()
  // The inspector uses the SDK as the package that is built.
  const built = name === 'inspector' || name === 'workbench' ? await runWith(node, ['scripts/build.mjs']) : 0
  return built === 0 ? await runWith(node, [`test/bench/${name}.bench.ts`, ...options]) : built
})
