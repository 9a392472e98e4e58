/**
 * `node --import` this: the package's names stand for the sources, so that what is written for users runs as it is. What it
 * imports besides is found in our node_modules, wherever it stands.
 */
import { registerHooks } from 'node:module'
import { pathToFileURL } from 'node:url'

const sources = new Map([
  ['tidemark', '../../sdk/index.ts'],
  ['tidemark/inspect', '../../sdk/inspect.ts'],
  ['tidemark/testing', '../../sdk/testing.ts'],
])
const own = pathToFileURL(import.meta.filename).href

registerHooks({
  resolve(name, context, next) {
    const source = sources.get(name)
    if (source !== undefined) return next(source, { ...context, parentURL: own })
    const isPackage = !/^(\.|\/|node:|file:|data:)/.test(name)
    return next(name, isPackage ? { ...context, parentURL: own } : context)
  },
})
