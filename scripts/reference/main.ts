/**
 * Writes docs/api, or another folder that is named, from the docstrings of the public names, and lists the names that have
 * none: then its exit code is 1. Called by scripts/docs.mjs, and by a test that compares the pages with those that are there.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
// TypeScript 7 has no compiler API, which TypeDoc needs: it gets the one of TypeScript 5.9 that is there anyway.
import './older-typescript.ts'

const ROOT = join(import.meta.dirname, '../..')
const folder = process.argv[2] ?? join(ROOT, 'docs/api')
const { Reference } = await import('./reference.ts')

const reference = await Reference.of(ROOT)
for (const problem of reference.problems) console.error(problem)
if (process.argv[2] === undefined) rmSync(folder, { recursive: true, force: true })
await reference.write(folder)
if (reference.problems.length > 0) process.exitCode = 1
