/**
 * Builds dist/: the npm package, the command as one file, and the extension.
 *
 * tidemark.cjs holds the whole SDK once. index, inspect and testing, each as .cjs and as .mjs, only hand out its names, so a
 * process that mixes `import` and `require` still has one copy: one lock table, one error class. Runtime dependencies stay
 * outside of it; in the command and in the extension, which stand alone, they are inside.
 */
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { build } from 'esbuild'
import { main, ROOT } from './setup.mjs'
import { StepFailed } from './step.mjs'

const DIST = join(ROOT, 'dist')
const ENTRIES = ['index', 'inspect', 'testing']
const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
const optional = Object.keys(manifest.optionalDependencies ?? {})
const runtime = [...Object.keys(manifest.dependencies ?? {}), ...optional]

/** `import.meta.url` is empty in CommonJS; this is what it would be. */
const COMMON_JS_URL = {
  define: { 'import.meta.url': '__url', 'import.meta.filename': '__filename', 'import.meta.dirname': '__dirname' },
  prelude: "const __url = require('node:url').pathToFileURL(__filename).href;",
}
/** A syntax error in the bundle would be the first thing an older Node says. */
const NODE_VERSION_CHECK = `if (Number(process.versions.node.split('.')[0]) < 24) {
  throw new Error('Tidemark needs Node 24 or newer; this is ' + process.version + '.');
}
`
const TOO_OLD = `if (Number(process.versions.node.split('.')[0]) < 24) {
  console.error('tidemark needs Node 24 or newer; this is ' + process.version + '.');
  process.exit(2);
}`
const COMMAND_STUB = `#!/usr/bin/env node
${TOO_OLD}
require('node:module').enableCompileCache();
import('./command.mjs');
`
/** What the extension loads when it first needs it: beside the bundle, so that VS Code does not wait for it at activation. */
const EXTENSION_PARTS = [
  {
    names: ['tidemark', 'tidemark/inspect'],
    file: 'extension-sdk.cjs',
    contents: `export * from './sdk/index.ts'; export * from './sdk/inspect.ts'`,
  },
  { names: ['@babel/parser'], file: 'extension-parser.cjs', contents: `export { parse } from '@babel/parser'` },
]

await main(async () => {
  rmSync(DIST, { recursive: true, force: true })
  mkdirSync(DIST)
  const entries = ENTRIES.filter((name) => existsSync(join(ROOT, 'sdk', `${name}.ts`)))
  if (!entries.includes('index')) throw new StepFailed('sdk/index.ts, the public names, is missing')
  const inlined = await Promise.all([bundleSdk(entries), bundleCommand(), bundleStandalone(), bundleExtension()])
  writeLicenses(inlined.flat())
  for (const name of entries) writeStubs(name)
  write('node-version.cjs', NODE_VERSION_CHECK)
  declareTypes(entries)
  return 0
})

/** Bundles and returns the files that went in. */
async function bundle(options, target) {
  const built = build({
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target,
    absWorkingDir: ROOT,
    logLevel: 'warning',
    metafile: true,
    define: COMMON_JS_URL.define,
    banner: options.format === 'esm' ? {} : { js: COMMON_JS_URL.prelude },
    ...options,
  })
  const { metafile } = await built.catch(() => {
    // esbuild has said where, and why.
    throw new StepFailed(`${basename(options.outfile)} could not be bundled`)
  })
  return Object.keys(metafile.inputs)
}

function bundleSdk(entries) {
  const contents = entries.map((name) => `export * as ${name} from './sdk/${name}.ts'`).join('\n')
  const stdin = { contents, resolveDir: ROOT, sourcefile: 'tidemark.js' }
  return bundle({ stdin, outfile: join(DIST, 'tidemark.cjs'), external: runtime }, 'node24')
}

/** The command of the package: the stub before it keeps the version check and, by the compile cache, a quick start. */
async function bundleCommand() {
  const entry = join(ROOT, 'sdk/cli/main.ts')
  if (!existsSync(entry)) return []
  write('cli.cjs', COMMAND_STUB)
  // `npx tidemark` in a checkout runs the file as it is.
  chmodSync(join(DIST, 'cli.cjs'), 0o755)
  const options = {
    entryPoints: [entry],
    outfile: join(DIST, 'command.mjs'),
    format: 'esm',
    define: {},
    external: optional,
    // Stands alone, so it carries the SDK once more; like this it is half as much to load.
    minifyWhitespace: true,
    minifySyntax: true,
  }
  return await bundle(options, 'node24')
}

/**
 * The command as one file that runs by itself, to be copied to a server. In words that an older Node can read, so that it
 * can say that it is too old.
 */
async function bundleStandalone() {
  const outfile = join(DIST, 'tidemark-cli.cjs')
  const head = `// Tidemark ${manifest.version}, ${manifest.license}. With crc-32, Apache-2.0, (C) SheetJS.`
  const inlined = await bundle(
    {
      entryPoints: [join(ROOT, 'sdk/cli/main.ts')],
      outfile,
      external: optional,
      minifyWhitespace: true,
      minifySyntax: true,
      banner: { js: [head, TOO_OLD, COMMON_JS_URL.prelude].join('\n') },
    },
    'node16',
  )
  chmodSync(outfile, 0o755)
  return inlined
}

/** The Node inside VS Code is older than ours; the SDK goes in by its public names. */
async function bundleExtension() {
  const options = { external: ['vscode', ...optional], minify: true }
  const first = {
    ...options,
    entryPoints: [join(ROOT, 'extension/extension.ts')],
    outfile: join(DIST, 'extension.cjs'),
    plugins: [{ name: 'parts', setup: (build) => build.onResolve({ filter: /./ }, partOf) }],
    // Becomes `require`, which extension hosts of every version know.
    supported: { 'dynamic-import': false },
  }
  const parts = EXTENSION_PARTS.map(({ file, contents }) => ({
    ...options,
    stdin: { contents, resolveDir: ROOT },
    outfile: join(DIST, file),
  }))
  const inlined = await Promise.all([first, ...parts].map((each) => bundle(each, 'node22')))
  return inlined.flat()
}

function partOf({ path, kind }) {
  const part = EXTENSION_PARTS.find(({ names }) => names.includes(path))
  if (part === undefined) return undefined
  if (kind === 'dynamic-import') return { path: `./${part.file}`, external: true }
  return { errors: [{ text: `The extension loads ${path} when it first needs it: import() it inside of a function.` }] }
}

/** Names are written out, so that every tool sees them without running the bundle. */
function writeStubs(name) {
  const names = Object.keys(createRequire(import.meta.url)(join(DIST, 'tidemark.cjs'))[name]).sort()
  write(
    `${name}.cjs`,
    `'use strict';\nObject.defineProperty(exports, '__esModule', { value: true });\nrequire('./node-version.cjs');\nconst { ${name} } = require('./tidemark.cjs');\n${names.map((each) => `exports.${each} = ${name}.${each};\n`).join('')}`,
  )
  write(
    `${name}.mjs`,
    `import './node-version.cjs';\nimport bundle from './tidemark.cjs';\nexport const {\n${names.map((each) => `  ${each},\n`).join('')}} = bundle.${name};\n`,
  )
}

/** The types are those of a CommonJS module, as the bundle is one; the .mts files hand them on to ESM. */
function declareTypes(entries) {
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
  const files = entries.map((name) => `../sdk/${name}.ts`)
  const config = {
    extends: '../tsconfig.json',
    compilerOptions: {
      noEmit: false,
      declaration: true,
      emitDeclarationOnly: true,
      rootDir: '../sdk',
      outDir: 'types',
    },
    files,
    include: ['../sdk/**/*.d.ts'],
  }
  write('tsconfig.json', JSON.stringify(config))
  const { status, stdout } = spawnSync(process.execPath, [tsc, '-p', join(DIST, 'tsconfig.json')], { encoding: 'utf8' })
  rmSync(join(DIST, 'tsconfig.json'))
  if (status !== 0) throw new StepFailed(`tsc could not write the declarations\n${stdout}`)
  write('types/package.json', '{ "type": "commonjs" }\n')
  for (const name of entries) {
    write(`${name}.d.cts`, `export * from './types/${name}.js'\n`)
    write(`${name}.d.mts`, `export * from './types/${name}.js'\n`)
  }
}

/** The licences of what the command and the extension carry inside. */
function writeLicenses(files) {
  const packages = new Set(files.map((file) => /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1]).filter(Boolean))
  const texts = [...packages].sort().map((name) => {
    const folder = join(ROOT, 'node_modules', name)
    const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    const file = ['LICENSE', 'LICENSE.md', 'LICENSE.txt', 'license'].map((each) => join(folder, each)).find(existsSync)
    return `${name} ${version} (${license})\n\n${file ? readFileSync(file, 'utf8') : ''}`
  })
  write('licenses.txt', texts.join(`\n${'-'.repeat(80)}\n`) || 'No third-party code.\n')
}

function write(path, text) {
  mkdirSync(dirname(join(DIST, path)), { recursive: true })
  writeFileSync(join(DIST, path), text)
}
