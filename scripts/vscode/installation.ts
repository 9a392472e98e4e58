/**
 * VS Code where no desktop is: the server that the npm package `code-server` carries is Microsoft's own workbench with its
 * real extension host, to be shown in a browser. Installed without compiler and without install scripts, into the cache
 * folder, one folder per version.
 */
import { appendFileSync, existsSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { runChecked } from '../../test/support/run-process.ts'
import { cacheFolder, fillOnce } from '../cache-folder.ts'

const CODE_SERVER_VERSION = '4.139.1'
/** Raised when what we do to the download changes, so that an older result is not taken for it. */
const REVISION = 1
const NPM_TIMEOUT_MS = 600_000

/** What a workbench without AI, for one platform, does not need: 400 MB of 600. */
const NOT_NEEDED = [
  'node_modules/@github',
  'node_modules/@microsoft/mxc-sdk',
  'node_modules/@devcontainers',
  'node_modules/@vscode/sandbox-runtime',
  'node_modules/@vscode/sqlite3/deps',
  'node_modules/@vscode/sqlite3/build',
  'extensions/copilot',
  'extensions/mermaid-markdown-features',
  'extensions/microsoft-authentication',
  'extensions/github-authentication',
]

/** The folder of the server; the first call downloads it (about 20 s, 200 MB). */
export function vscodeServer(): Promise<string> {
  const name = `vscode-server-${CODE_SERVER_VERSION}-${REVISION}-${process.platform}-${process.arch}`
  return fillOnce(join(cacheFolder(), name), install)
}

async function install(folder: string): Promise<void> {
  await npm(['pack', '--silent', `code-server@${CODE_SERVER_VERSION}`], folder)
  const archive = `code-server-${CODE_SERVER_VERSION}.tgz`
  await runChecked('tar', ['xzf', archive, '--strip-components=3', 'package/lib/vscode'], { cwd: folder })
  rmSync(join(folder, archive))
  const extensions = join(folder, 'extensions')
  await npm(['install', '--silent', '--omit=dev', '--ignore-scripts'], folder)
  await npm(['install', '--silent', '--omit=dev', '--ignore-scripts'], extensions)
  // Gives TypeScript's language server.
  await runChecked(process.execPath, ['postinstall.mjs'], { cwd: extensions })
  for (const path of NOT_NEEDED) rmSync(join(folder, path), { recursive: true, force: true })
  keepOnlyThisPlatform(join(folder, 'node_modules/@vscode/ripgrep-universal/bin'))
  replaceNativeModules(join(folder, 'node_modules/@vscode'))
}

function npm(args: readonly string[], cwd: string): Promise<unknown> {
  const cli = process.env['npm_execpath']
  return cli?.endsWith('npm-cli.js')
    ? runChecked(process.execPath, [cli, ...args], { cwd, timeoutMs: NPM_TIMEOUT_MS })
    : runChecked('npm', args, { cwd, timeoutMs: NPM_TIMEOUT_MS })
}

function keepOnlyThisPlatform(folder: string): void {
  if (!existsSync(folder)) return
  for (const name of readdirSync(folder))
    if (basename(name) !== `${process.platform}-${process.arch}`) rmSync(join(folder, name), { recursive: true })
}

/** Two modules would need a C++ compiler. What the server asks of them fits into a few lines. */
function replaceNativeModules(modules: string): void {
  const spdlog = join(modules, 'spdlog/index.js')
  renameSync(spdlog, join(modules, 'spdlog/index.native.js'))
  writeFileSync(spdlog, SPDLOG_STAND_IN)
  writeFileSync(join(modules, 'native-watchdog/index.js'), WATCHDOG_STAND_IN)
  // What it is must be seen by whoever looks for a missing log line.
  appendFileSync(spdlog, '// Stand-in without a compiler; the original is index.native.js.\n')
}

// The names are assigned one by one: the server reads them through `import()`, which only sees them like this.
const SPDLOG_STAND_IN = `const fs = require('node:fs');
const path = require('node:path');
const LEVELS = ['trace', 'debug', 'info', 'warning', 'error', 'critical', 'off'];
class Logger {
  constructor(name, file) { this.file = file; this.level = 2; try { fs.mkdirSync(path.dirname(file), { recursive: true }); } catch {} }
  write(level, text) { if (level >= this.level) try { fs.appendFileSync(this.file, new Date().toISOString() + ' [' + LEVELS[level] + '] ' + text + '\\n'); } catch {} }
  getLevel() { return this.level; }
  setLevel(level) { this.level = level; }
  setPattern() {}
  clearFormatters() {}
  flush() {}
  drop() {}
  trace(text) { this.write(0, text); }
  debug(text) { this.write(1, text); }
  info(text) { this.write(2, text); }
  warn(text) { this.write(3, text); }
  error(text) { this.write(4, text); }
  critical(text) { this.write(5, text); }
}
const create = (name, file) => Promise.resolve(new Logger(name, file));
exports.version = 0;
exports.setLevel = () => {};
exports.setFlushOn = () => {};
exports.shutdown = () => {};
exports.Logger = Logger;
exports.createRotatingLogger = create;
exports.createAsyncRotatingLogger = create;
`

const WATCHDOG_STAND_IN = `exports.start = (pid) => {
  setInterval(() => { try { process.kill(pid, 0); } catch { process.exit(87); } }, 1000).unref();
};
`
