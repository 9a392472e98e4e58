/** `npm run docs`: writes the reference of the public names, docs/api, from their docstrings. */
import { main, runWith, setUp } from './setup.mjs'

await main(async () => runWith(await setUp(), ['scripts/reference/main.ts', ...process.argv.slice(2)]))
