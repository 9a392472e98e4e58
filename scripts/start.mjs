/** `npm start`: sets up, then tells the whole story on real data (scripts/demo). */
import { main, runWith, setUp } from './setup.mjs'

await main(async () => {
  const node = await setUp()
  const code = await runWith(node, ['scripts/demo/main.ts', ...process.argv.slice(2)])
  // What the story ends with: `npx tidemark …` works from here on.
  return code || (await runWith(node, ['scripts/build.mjs']))
})
