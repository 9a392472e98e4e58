/** The package as its users get it: packed, installed into an empty project, and used from every kind of module. */
import { copyFileSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runChecked } from './support/run-process.ts'

const ROOT = join(import.meta.dirname, '..')
/** Packed: the SDK once, once more inside the command and the extension, and the types. Growing past it deserves a look at what came in. */
const PACKED_MAX_BYTES = 850_000

interface LockEntry {
  readonly version: string
  readonly dev?: boolean
  readonly hasInstallScript?: boolean
}

/** The packages a user gets with ours: path in node_modules → entry. */
const runtime = new Map(
  Object.entries(json(join(ROOT, 'package-lock.json')).packages as Record<string, LockEntry>).filter(
    ([path, entry]) => path !== '' && !entry.dev,
  ),
)

const env: NodeJS.ProcessEnv = {
  ...process.env,
  PATH: [join(ROOT, 'node_modules/.bin'), process.env['PATH']].join(delimiter),
}
let project = ''
let tarball = { size: 0, files: [] as { path: string }[] }

beforeAll(async () => {
  project = mkdtempSync(join(tmpdir(), 'tidemark-pack-'))
  const packed = await npm(['pack', '--json', '--loglevel=error', '--pack-destination', project], ROOT)
  // The build, which npm runs before it packs, talks too.
  const [report] = JSON.parse(packed.slice(packed.indexOf('[\n')))
  tarball = report
  cpSync(join(ROOT, 'test/fixtures/pack'), project, { recursive: true })
  // Our own node_modules stand in for the registry, so that this works without a network.
  const overrides = Object.fromEntries(
    [...runtime.keys()]
      .filter((path) => statSync(join(ROOT, path), { throwIfNoEntry: false }))
      .map((path) => [path.slice('node_modules/'.length), `file:${join(ROOT, path)}`]),
  )
  writeFileSync(join(project, 'package.json'), JSON.stringify({ private: true, overrides }))
  await npm(['install', '--offline', '--no-audit', '--no-fund', '--loglevel=error', `./${report.filename}`], project)
})

afterAll(() => rmSync(project, { recursive: true, force: true }))

test('the tarball holds the build and the documents, nothing of this machine, and is small', () => {
  const paths = tarball.files.map((file) => file.path).sort()
  const expected =
    /^(package\.json|README\.md|CHANGELOG\.md|LICENSE|docs\/[\w/-]+\.md|examples\/[\w.-]+\.(md|ts)|dist\/licenses\.txt|dist\/[\w-]+\.(cjs|mjs|d\.cts|d\.mts)|dist\/types\/(package\.json|.*\.d\.ts))$/
  expect(paths.filter((path) => !expected.test(path))).toEqual([])
  for (const name of ['README.md', 'CHANGELOG.md', 'LICENSE', 'docs/running.md', 'dist/cli.cjs'])
    expect(paths).toContain(name)
  expect(tarball.size).toBeLessThan(PACKED_MAX_BYTES)
  const installed = join(project, 'node_modules/tidemark')
  for (const path of paths) expect(readFileSync(join(installed, path), 'utf8'), path).not.toContain(ROOT)
})

test('everything that package.json points at is in the tarball, but for `main`, which is VS Code’s and not in it', () => {
  const { exports, main, types, typesVersions, bin } = json(join(project, 'node_modules/tidemark/package.json'))
  const targets = [...strings(exports), ...strings(typesVersions), ...strings(bin), types]
  const packed = new Set(tarball.files.map((file) => `./${file.path}`))
  expect(targets.filter((target) => !packed.has(target))).toEqual([])
  expect(packed.has(main)).toBe(false)
})

test('no runtime dependency runs anything when it is installed', () => {
  expect(runtime.size).toBeGreaterThan(0)
  expect([...runtime].filter(([, entry]) => entry.hasInstallScript).map(([path]) => path)).toEqual([])
})

test('an ES module imports it, and shares one copy with require', async () => {
  await expectFine([join(project, 'esm/main.js')])
})

test('a CommonJS module requires it', async () => {
  await expectFine([join(project, 'commonjs/main.js')])
})

test('Jest runs it without a flag', async () => {
  const jest = join(ROOT, 'node_modules/jest/bin/jest.js')
  const { stderr } = await runChecked(process.execPath, [jest, '--rootDir', join(project, 'jest')], { cwd: project })
  expect(stderr).toMatch(/Tests:\s+3 passed, 3 total/)
})

test('TypeScript compiles it as a Nest project does, to CommonJS, and it runs', async () => {
  await compile('@tsd/typescript/typescript', ['-p', join(project, 'nest')])
  await expectFine([join(project, 'nest/dist/main.js')])
})

test.each([
  ['TypeScript 5.9', 'nodenext', '@tsd/typescript/typescript'],
  ['TypeScript 7', 'nodenext', 'typescript'],
  ['TypeScript 7', 'bundler', 'typescript'],
])('its types hold under %s with %s resolution, its own declarations checked', async (_name, resolution, compiler) => {
  // biome-ignore format: one option beside the other
  await compile(compiler, [
    '--noEmit', '--strict', '--exactOptionalPropertyTypes', '--skipLibCheck', 'false', '--target', 'es2024',
    '--module', resolution === 'bundler' ? 'preserve' : resolution, '--moduleResolution', resolution,
    join(project, 'types/main.mts'), join(project, 'types/main.cts'),
  ])
})

test('the command runs from node_modules/.bin', async () => {
  const { bin } = json(join(project, 'node_modules/tidemark/package.json'))
  const command = join(project, 'node_modules/tidemark', bin.tidemark)
  const { stdout } = await runChecked(process.execPath, [command, '--help'], { cwd: project })
  expect(stdout).toContain('tidemark')
  expect(readdirSync(join(project, 'node_modules/.bin')).some((name) => name.startsWith('tidemark'))).toBe(true)
})

test('the command as one file runs from an empty folder, and is not in the tarball', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-one-file-'))
  try {
    copyFileSync(join(ROOT, 'dist/tidemark-cli.cjs'), join(folder, 'tidemark-cli.cjs'))
    const run = (...typed: string[]) =>
      runChecked(process.execPath, [join(folder, 'tidemark-cli.cjs'), ...typed], { cwd: folder })
    expect((await run('--version')).stdout).toBe(`${json(join(ROOT, 'package.json')).version}\n`)
    expect((await run('create', 'data', 'payments')).stdout).toBe('Created payments with 1 partition.\n')
    expect((await run('verify', 'data', '--json')).stdout).toBe('')
    expect((await run('backup', 'data', 'copy')).stdout).toContain('Nothing is wrong with it.')
    expect(readdirSync(folder).sort()).toEqual(['copy', 'data', 'tidemark-cli.cjs'])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  expect(tarball.files.map(({ path }) => path)).not.toContain('dist/tidemark-cli.cjs')
})

async function npm(args: readonly string[], cwd: string): Promise<string> {
  const cli = env['npm_execpath']
  const [command, first] = cli?.endsWith('npm-cli.js') ? [process.execPath, [cli]] : ['npm', []]
  return (await runChecked(command, [...first, ...args], { cwd, env })).stdout
}

async function expectFine(args: readonly string[]): Promise<void> {
  const { stdout, stderr } = await runChecked(process.execPath, args, { cwd: project })
  expect(stdout).toBe('fine\n')
  expect(stderr).toBe('')
}

/** The types of Node come from our own node_modules. */
function compile(compiler: string, args: readonly string[]): Promise<unknown> {
  const types = ['--typeRoots', join(ROOT, 'node_modules/@types'), '--types', 'node']
  return runChecked(process.execPath, [join(ROOT, 'node_modules', compiler, 'bin/tsc'), ...types, ...args], {
    cwd: project,
  })
}

function json(file: string) {
  return JSON.parse(readFileSync(file, 'utf8'))
}

/** All strings in a value, however deep. */
function strings(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value ? Object.values(value).flatMap(strings) : []
}
