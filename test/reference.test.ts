/** docs/api is what the docstrings say, and every public name has one. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { runProcess } from './support/run-process.ts'

const ROOT = join(import.meta.dirname, '..')

test('every exported name, member and option has a docstring, and docs/api is what they say (npm run docs)', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-reference-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const generator = join(ROOT, 'scripts/reference/main.ts')
  const { code, stderr } = await runProcess(process.execPath, [generator, folder], { cwd: ROOT, timeoutMs: 200_000 })
  expect({ code, problems: stderr.split('\n').filter((line) => line !== '') }).toEqual({ code: 0, problems: [] })
  const written = pagesOf(folder)
  const committed = pagesOf(join(ROOT, 'docs/api'))
  expect([...written.keys()]).toContain('tidemark.md')
  const stale = [...new Set([...written.keys(), ...committed.keys()])].filter(
    (name) => written.get(name) !== committed.get(name),
  )
  expect(stale, 'pages that `npm run docs` would change').toEqual([])
}, 240_000)

function pagesOf(folder: string): Map<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.md'))
  return new Map(names.sort().map((name) => [name.replaceAll('\\', '/'), readFileSync(join(folder, name), 'utf8')]))
}
