/** `node scripts/l10n.ts`: writes the texts of the extension's code to extension/l10n, for translators. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from '@babel/parser'
import { isNode, stringOf, walk } from '../extension/lens/syntax-node.ts'

const EXTENSION = join(import.meta.dirname, '../extension')

/** Every text that a source of the extension hands to `t`, by itself: what VS Code's own tool would find. */
export function textsOfExtension(): Record<string, string> {
  const texts = new Set<string>()
  for (const path of readdirSync(EXTENSION, { recursive: true, encoding: 'utf8' })) {
    if (!path.endsWith('.ts')) continue
    const source = readFileSync(join(EXTENSION, path), 'utf8')
    const file: unknown = parse(source, { sourceType: 'module', plugins: ['typescript'] }).program
    if (!isNode(file)) throw new Error(`${path} cannot be parsed.`)
    walk(file, (node) => {
      const { callee } = node
      if (node.type !== 'CallExpression' || !isNode(callee) || callee['name'] !== 't') return
      const text = Array.isArray(node['arguments']) ? stringOf(node['arguments'][0]) : undefined
      if (text === undefined) throw new Error(`${path}: t() wants a text that can be found.`)
      texts.add(text)
    })
  }
  return Object.fromEntries([...texts].sort().map((text) => [text, text]))
}

if (import.meta.main) {
  writeFileSync(join(EXTENSION, 'l10n/bundle.l10n.json'), `${JSON.stringify(textsOfExtension(), null, 2)}\n`)
}
