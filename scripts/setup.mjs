/**
 * Gets a checkout ready, on any Node ≥ 20 with npm: the packages of package-lock.json, and the Node version the project
 * is made for (the dev dependency `node`). Does nothing when all is there.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { announce, run, StepFailed, step } from './step.mjs'

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))

const NODE_PACKAGE = join(ROOT, 'node_modules/node')

/** Sets up and returns the path of the Node to run everything else with. */
export async function setUp() {
  const reason = whyInstall()
  // Without install scripts: npm may refuse them, none of them does anything we need but `node`'s own, which we run below.
  if (reason) await step(`npm ci (${reason})`, ...npm(['ci', '--ignore-scripts', '--loglevel=error']))
  return await findNode()
}

/** Runs a script under the pinned Node, with `node_modules/.bin` first on its PATH. Resolves with its exit code. */
export function runWith(node, args, env = {}) {
  return run(node, args, { cwd: ROOT, env: { ...process.env, PATH: pathWith(node), ...env } })
}

export function pathWith(node) {
  const separator = process.platform === 'win32' ? ';' : ':'
  return [dirname(node), join(ROOT, 'node_modules/.bin'), process.env.PATH].join(separator)
}

/** Why node_modules is not what package-lock.json says, if so. */
function whyInstall() {
  const installedLock = join(ROOT, 'node_modules/.package-lock.json')
  if (!existsSync(installedLock)) return 'node_modules is missing'
  const wanted = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')).packages
  const installed = JSON.parse(readFileSync(installedLock, 'utf8')).packages
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === '') continue
    const found = installed[path]
    // What is for another platform is left out by npm.
    if (!found && entry.optional) continue
    if (found?.version !== entry.version) return `${path} is not ${entry.version}`
  }
  return undefined
}

async function findNode() {
  const { version } = JSON.parse(readFileSync(join(NODE_PACKAGE, 'package.json'), 'utf8'))
  if (process.version === `v${version}`) return process.execPath
  const node = join(NODE_PACKAGE, 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
  if (versionOf(node) === `v${version}`) return node
  announce(`Node ${version} (this is ${process.version})`)
  await run(process.execPath, ['installArchSpecificPackage.js'], { cwd: NODE_PACKAGE })
  if (versionOf(node) === `v${version}`) return node
  if (Number(process.versions.node.split('.')[0]) >= 24) {
    announce(
      `Node ${version} is not to be had for ${process.platform} ${process.arch}: going on with ${process.version}`,
    )
    return process.execPath
  }
  throw new StepFailed(
    `Node ${version} is not to be had for ${process.platform} ${process.arch} from npm. Install Node 24 or newer yourself and run this again with it.`,
  )
}

function versionOf(node) {
  if (!existsSync(node)) return undefined
  return spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout?.trim()
}

/** The npm that runs us, otherwise the one on the PATH: arguments for `step`. */
function npm(args) {
  const cli = process.env.npm_execpath
  if (cli?.endsWith('npm-cli.js')) return [process.execPath, [cli, ...args], { cwd: ROOT }]
  // npm is a .cmd file on Windows, which only a shell can start.
  return ['npm', args, { cwd: ROOT, shell: process.platform === 'win32' }]
}

/** The main function of a script: its result is the exit code, a failed step ends it with one line. */
export async function main(script) {
  try {
    process.exitCode = await script()
  } catch (error) {
    if (!(error instanceof StepFailed)) throw error
    console.error(`✗ ${error.message}`)
    process.exitCode = 1
  }
}
