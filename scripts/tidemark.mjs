/** `npm run tidemark -- lag DIR`: the command of this checkout, under the pinned Node. */
import { main, runWith, setUp } from './setup.mjs'

await main(async () => runWith(await setUp(), ['sdk/cli/main.ts', ...process.argv.slice(2)]))
