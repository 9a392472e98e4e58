/** From here on `import 'typescript'` gives the newest version that has a compiler API. */
import { createRequire, registerHooks } from 'node:module'

const older = createRequire(import.meta.url).resolve('@tsd/typescript')

registerHooks({
  resolve: (name, context, next) => next(name === 'typescript' ? older : name, context),
})
