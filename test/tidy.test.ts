/** The structure of the code, kept by a test: every rule here says in its failure which file breaks it, and where. */
import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { expect, test } from 'vitest'
import publicNames from './fixtures/public-names.json' with { type: 'json' }
import { filesBelow, ROOT, type SourceFile, sourcesBelow } from './support/source-file.ts'

/** From the bottom up: a file may import from its own layer and from those before it. `entry` are the files of sdk/ itself. */
const LAYERS: readonly string[] = [
  'errors',
  'environment',
  'record',
  'log',
  'directory',
  'topic',
  'offsets',
  'group',
  'transaction',
  'broker',
  'client',
  'inspect',
  'entry',
  'cli',
]

const FILE_MAX_LINES = 400
const FUNCTION_MAX_LINES = 60

/** What of Node may be used anywhere: it computes, and neither waits nor touches the machine. */
const PURE_MODULES = new Set(
  [
    'buffer',
    'crypto',
    'diagnostics_channel',
    'events',
    'module',
    'path',
    'stream',
    'stream/web',
    'url',
    'util',
    'zlib',
  ].map((name) => `node:${name}`),
)
const MACHINE_NAMES = /^(random\w*|getRandomValues|webcrypto|generateKey\w*)$/
const MACHINE_GLOBALS =
  /^(process|performance|crypto|setTimeout|setInterval|setImmediate|clearTimeout|clearInterval|clearImmediate|fetch|require|Date\.now|new Date|Math\.random|AbortSignal\.timeout)$/
/** The only files that may touch the machine: they are what `Environment` and `Terminal` stand for. */
const MACHINE_FILES = /^sdk\/(environment\/node-[\w-]+|cli\/terminal)\.ts$/

/** The extension's folders, lowest first. */
const EXTENSION_LAYERS = ['model/', 'lens/', 'source/', 'view/', 'commands/', 'extension.ts']

const product = [...sourcesBelow('sdk'), ...sourcesBelow('extension')]
const ours = [
  ...product,
  ...sourcesBelow('scripts'),
  ...sourcesBelow('examples'),
  ...sourcesBelow('test').filter(({ path }) => !path.startsWith('test/fixtures/')),
]

test('imports in sdk/ only go down the layers', () => {
  expect(
    broken(sourcesBelow('sdk'), ({ path, imports }) =>
      imports
        .filter(({ target }) => target.startsWith('sdk/') && rank(target) > rank(path))
        .map(({ target }) => `imports upward: ${target}`),
    ),
  ).toEqual([])
  const table = readFileSync(join(ROOT, 'ARCHITECTURE.md'), 'utf8').matchAll(/^\| `(\w+)\/` \|/gm)
  expect(
    [...table].map(([, folder]) => folder),
    'the folders as ARCHITECTURE.md lists them',
  ).toEqual(LAYERS.filter((layer) => layer !== 'errors' && layer !== 'entry'))
})

test('sdk/ imports nothing of ours from outside, and the extension uses the public names only', () => {
  expect(
    broken(product, ({ path, imports }) => {
      const own = path.startsWith('sdk/')
        ? /^(sdk\/|[^./])/
        : /^(extension\/|tidemark(\/inspect)?$|vscode$|node:|@vscode\/l10n$|@babel\/parser$)/
      const foreign = imports.filter(
        ({ target }) => /^(sdk|extension|test|scripts|\.)/.test(target) || path.startsWith('extension/'),
      )
      return foreign.filter(({ target }) => !own.test(target)).map(({ target }) => `imports ${target}`)
    }),
  ).toEqual([])
  expect(
    broken(sourcesBelow('extension'), ({ path, imports }) =>
      /^extension\/(extension\.ts|view\/|commands\/)/.test(path)
        ? []
        : imports.filter(({ target }) => target === 'vscode').map(() => 'imports vscode'),
    ),
  ).toEqual([])
})

test("the extension's imports only go down its folders", () => {
  const rankOf = (path: string) => EXTENSION_LAYERS.findIndex((layer) => path.startsWith(`extension/${layer}`))
  expect(
    broken(sourcesBelow('extension'), ({ path, imports }) =>
      imports
        .filter(({ target }) => target.startsWith('extension/') && rankOf(target) > rankOf(path))
        .map(({ target }) => `imports upward: ${target}`),
    ),
  ).toEqual([])
})

test('only the environment touches disk, clock, timers, randomness, network and process', () => {
  const pure = sourcesBelow('sdk').filter(({ path }) => !MACHINE_FILES.test(path))
  expect(
    broken(pure, ({ imports, uses, bound }) => [
      ...imports
        .filter(({ target }) => target.startsWith('node:') && !PURE_MODULES.has(target))
        .map(({ target }) => `imports ${target}`),
      ...imports
        .filter(({ target }) => target === 'node:crypto')
        .flatMap(({ names }) => names.filter((name) => MACHINE_NAMES.test(name))),
      ...uses
        .filter(({ name }) => MACHINE_GLOBALS.test(name) && !bound.has(name))
        .map(({ name, line }) => `line ${line}: ${name}`),
    ]),
  ).toEqual([])
})

test(`files stay within ${FILE_MAX_LINES} lines, functions within ${FUNCTION_MAX_LINES}`, () => {
  expect(
    broken(product, ({ lines, functions }) => [
      ...(lines > FILE_MAX_LINES ? [`${lines} lines`] : []),
      ...functions
        .filter((each) => each.lines > FUNCTION_MAX_LINES)
        .map((each) => `line ${each.line}: a function of ${each.lines} lines`),
    ]),
  ).toEqual([])
})

test('a file is named after one thing', () => {
  expect(
    broken(ours, ({ path }) => [
      ...(/^[a-z0-9]+(-[a-z0-9]+)*(\.test|\.fuzz\.test|\.bench|\.d)?\.ts$/.test(basename(path))
        ? []
        : ['is not kebab-case']),
      ...(/(^|-)(utils?|types|common|helpers?|misc|shared)\.ts$/.test(basename(path))
        ? ['says nothing about what is in it']
        : []),
      ...(basename(path) === 'index.ts' && path !== 'sdk/index.ts' ? ['hides where a name comes from'] : []),
    ]),
  ).toEqual([])
})

test('nothing is switched off or put off', () => {
  expect(
    broken(ours, ({ comments }) =>
      comments
        .filter(({ text }) => /@ts-(ignore|nocheck)|\b(TODO|FIXME|XXX|HACK)\b/.test(text))
        .map(({ text, line }) => `line ${line}: ${text.trim()}`),
    ),
  ).toEqual([])
})

test('every file below test/ is a test, a benchmark, support, or a fixture', () => {
  const known = /\.test\.ts$|\.bench\.ts$|\/support\/|^test\/fixtures\/|^test\/kafka\/(pom\.xml$|java\/\w+\.java$)/
  expect(filesBelow('test').filter((path) => !known.test(path))).toEqual([])
})

test("ARCHITECTURE.md's table of files is the tree", () => {
  const table = readFileSync(join(ROOT, 'ARCHITECTURE.md'), 'utf8').matchAll(
    /^\| `((?:sdk|extension)\/[^`]+)` \| (.*) \|$/gm,
  )
  const rows = new Map([...table].map(([, path = '', sentence = '']) => [path, sentence.trim()]))
  const tree = product.map(({ path }) => path)
  const missing = tree.filter((path) => !rows.has(path)).map((path) => `| \`${path}\` | … |`)
  const gone = [...rows.keys()].filter((path) => !tree.includes(path))
  const silent = [...rows].filter(([, sentence]) => sentence.length < 10).map(([path]) => path)
  expect({ missing, gone, silent }).toEqual({ missing: [], gone: [], silent: [] })
})

test.each(Object.entries(publicNames))(
  'the public names of sdk/%s.ts are the written list (test/fixtures/public-names.json)',
  async (name, written) => {
    const source = sourcesBelow('sdk').find(({ path }) => path === `sdk/${name}.ts`)
    expect({
      values: [...(source?.exports.values ?? [])].sort(),
      types: [...(source?.exports.types ?? [])].sort(),
    }).toEqual(written)
    const module: object = await import(`../sdk/${name}.ts`)
    expect(Object.keys(module).sort()).toEqual(written.values)
  },
)

test('versions are pinned, and no registry is written down', () => {
  const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  const wanted = {
    ...manifest.dependencies,
    ...manifest.devDependencies,
    ...manifest.optionalDependencies,
    ...manifest.overrides,
  }
  expect(Object.entries(wanted).filter(([, version]) => !/^\d+\.\d+\.\d+/.test(String(version)))).toEqual([])
  expect(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')).not.toContain('"resolved"')
})

/** `path: what is wrong`, for every file that breaks a rule. */
function broken(sources: readonly SourceFile[], rule: (source: SourceFile) => readonly string[]): string[] {
  return sources.flatMap((source) => rule(source).map((what) => `${source.path}: ${what}`))
}

function rank(path: string): number {
  const [, layer = '', inside] = path.split('/')
  const name = inside === undefined ? (/^(assert|errors)\.ts$/.test(layer) ? 'errors' : 'entry') : layer
  const found = LAYERS.indexOf(name)
  expect(found, `${path}: a folder that is no layer`).not.toBe(-1)
  return found
}
