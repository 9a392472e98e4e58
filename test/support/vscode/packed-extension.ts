import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { runChecked } from '../run-process.ts'

const ROOT = join(import.meta.dirname, '../../..')
export const PACKED_EXTENSION = join(ROOT, '.vscode-test/tidemark.vsix')

let packed: Promise<string> | undefined

/** The extension as a marketplace would get it, made of what `dist/` holds. Packed once per process. */
export function packedExtension(): Promise<string> {
  packed ??= pack()
  return packed
}

async function pack(): Promise<string> {
  mkdirSync(join(ROOT, '.vscode-test'), { recursive: true })
  const vsce = join(ROOT, 'node_modules/@vscode/vsce/vsce')
  // The gallery has a README of its own: the one beside package.json is the npm package's.
  const readme = ['--readme-path', 'extension/README.md', '--no-rewrite-relative-links', '--allow-missing-repository']
  await runChecked(process.execPath, [vsce, 'package', '--no-dependencies', ...readme, '--out', PACKED_EXTENSION], {
    cwd: ROOT,
  })
  return PACKED_EXTENSION
}
