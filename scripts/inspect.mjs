/** `npm run inspect [DIR]`: sets up and builds, then opens VS Code with the extension (scripts/inspect). */
import { main, pathWith, ROOT, runWith, setUp } from './setup.mjs'
import { step } from './step.mjs'

await main(async () => {
  const node = await setUp()
  await step('build', node, ['scripts/build.mjs'], { cwd: ROOT, env: { ...process.env, PATH: pathWith(node) } })
  return await runWith(node, ['scripts/inspect/main.ts', ...process.argv.slice(2)])
})
