/**
 * `npm run inspect [DIR]`: VS Code with the extension of this checkout on a folder. Without DIR, on a small service that
 * is started with it and runs until this ends: one group keeps up, one is catching up, one is stuck.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { desktopVscode } from '../vscode/desktop.ts'
import { WorkbenchServer } from '../vscode/workbench-server.ts'

const ROOT = join(import.meta.dirname, '../..')
const given = process.argv[2]
const folder = given === undefined ? join(ROOT, '.demo/inspector') : resolve(given)
if (!existsSync(folder) && given !== undefined) {
  console.error(`✗ There is no directory ${folder}.`)
  process.exit(2)
}
const service = given === undefined ? startService() : undefined
const stopped = new Promise<void>((stop) => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop())
})

const desktop = desktopVscode()
if (desktop !== undefined) await openDesktop(desktop)
else await openInBrowser()
await end(service)

function startService(): ChildProcess {
  mkdirSync(folder, { recursive: true })
  rmSync(join(folder, 'data'), { recursive: true, force: true })
  cpSync(join(import.meta.dirname, 'service.mjs'), join(folder, 'service.mjs'))
  console.log(`▸ a service that sends and consumes in ${folder}`)
  return spawn(process.execPath, ['service.mjs'], { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] })
}

async function openDesktop(program: string): Promise<void> {
  console.log(`▸ ${program}; close its window or press Ctrl-C to end`)
  const args = ['--new-window', '--wait', `--extensionDevelopmentPath=${ROOT}`, folder]
  const window = spawn(program, args, { stdio: 'inherit', shell: process.platform === 'win32' })
  await Promise.race([stopped, new Promise((closed) => window.once('close', closed))])
}

async function openInBrowser(): Promise<void> {
  console.log('▸ no desktop VS Code found: its workbench in the browser (the first time this downloads 200 MB)')
  const temporary = mkdtempSync(join(tmpdir(), 'vsc-'))
  await using server = await WorkbenchServer.start({
    userData: join(temporary, 'user'),
    extensions: join(temporary, 'extensions'),
    temporary,
  })
  console.log(`\nOpen this address in a browser, then the Tidemark icon at the left. Ctrl-C ends it.\n`)
  console.log(`  ${server.url(folder, [['extensionDevelopmentPath', server.remote(ROOT)]])}\n`)
  await Promise.race([stopped, server.exited])
  rmSync(temporary, { recursive: true, force: true, maxRetries: 5 })
}

async function end(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null) return
  const left = new Promise((done) => child.once('exit', done))
  child.kill('SIGTERM')
  await left
}
