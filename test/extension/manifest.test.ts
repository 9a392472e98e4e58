import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { textsOfExtension } from '../../scripts/l10n.ts'

const ROOT = join(import.meta.dirname, '../..')
const json = (path: string) => JSON.parse(readFileSync(join(ROOT, path), 'utf8'))
const manifest = json('package.json')

test('every text of the manifest is in package.nls.json, and nothing else is', () => {
  const keys = [...JSON.stringify(manifest).matchAll(/"%([\w.]+)%"/g)].map(([, key]) => key)
  expect([...new Set(keys)].sort()).toEqual(Object.keys(json('package.nls.json')).sort())
})

test('the bundle for translators holds every text of the code (node scripts/l10n.ts writes it)', () => {
  expect(json('extension/l10n/bundle.l10n.json')).toEqual(textsOfExtension())
})

test('every picture that the manifest names is there', () => {
  const pictures = [...JSON.stringify(manifest).matchAll(/"(extension\/media\/[^"]+)"/g)].map(([, path]) => path ?? '')
  expect(pictures.length).toBeGreaterThan(3)
  expect(pictures.filter((path) => !existsSync(join(ROOT, path)))).toEqual([])
})

test('every menu entry, walkthrough and welcome text calls a command that exists', () => {
  const own = new Set(manifest.contributes.commands.map(({ command }: { command: string }) => command))
  const called = [
    ...`${JSON.stringify(manifest.contributes)}${readFileSync(join(ROOT, 'package.nls.json'), 'utf8')}`.matchAll(
      /command:(tidemark\.\w+)|"command":"(tidemark\.\w+)"/g,
    ),
  ]
  const names = called.map(([, linked, listed]) => linked ?? listed ?? '').filter((name) => name !== 'tidemark.groups')
  expect(names.length).toBeGreaterThan(20)
  expect(names.filter((name) => !own.has(name))).toEqual([])
})

test('the extension needs no more of VS Code than the types it was compiled against', () => {
  expect(manifest.engines.vscode).toBe(`^${manifest.devDependencies['@types/vscode']}`)
})
