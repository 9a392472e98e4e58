/** `npm start`: sets up, then tells the whole story on real data (scripts/demo). */
import { main, runWith, setUp } from './setup.mjs'

await main(async () => runWith(await setUp(), ['scripts/demo/main.ts', ...process.argv.slice(2)]))
