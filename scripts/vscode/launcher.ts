#!/usr/bin/env node
/**
 * Takes the place of the `code` program for `@vscode/test-electron` where there is no desktop: the same flags, the tests
 * run in the extension host of a workbench shown by a browser without a window, and their exit code is ours.
 * Codes of its own: 70 the page crashed, 71 the server went, 72 it did not start, 124 nothing ended in time.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { format, parseArgs } from 'node:util'
import type { Browser } from 'playwright-core'
import { launchChromium } from './chromium.ts'
import { WorkbenchServer } from './workbench-server.ts'

const TIMEOUT_MS = Number(process.env['WORKBENCH_TIMEOUT_MS'] ?? 300_000)
const PARENT_CHECK_MS = 500

const { values, positionals } = parseArgs({
  strict: false,
  allowPositionals: true,
  options: {
    extensionDevelopmentPath: { type: 'string' },
    extensionTestsPath: { type: 'string' },
    'user-data-dir': { type: 'string' },
    'extensions-dir': { type: 'string' },
  },
})
const temporary = mkdtempSync(join(tmpdir(), 'vsc-'))
const path = (value: unknown, otherwise: string) => resolve(typeof value === 'string' ? value : otherwise)
const development = path(values.extensionDevelopmentPath, '.')
const tests = path(values.extensionTestsPath, '.')
const folder = positionals.at(-1)

let browser: Browser | undefined
let server: WorkbenchServer | undefined

async function finish(code: number): Promise<never> {
  await browser?.close().catch(() => {})
  await server?.[Symbol.asyncDispose]()
  rmSync(temporary, { recursive: true, force: true, maxRetries: 5 })
  process.exit(code)
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void finish(130))
// A parent that was killed sends nothing.
const parent = process.ppid
setInterval(() => {
  if (process.ppid !== parent) void finish(130)
}, PARENT_CHECK_MS).unref()

try {
  const starting = launchChromium()
  server = await WorkbenchServer.start({
    userData: path(values['user-data-dir'], join(temporary, 'user')),
    extensions: path(values['extensions-dir'], join(temporary, 'extensions')),
    temporary,
    runsTests: true,
  })
  browser = await starting
  await finish(await runTests(server, browser))
} catch (error) {
  console.error(error)
  await finish(72)
}

async function runTests(running: WorkbenchServer, inBrowser: Browser): Promise<number> {
  const page = await inBrowser.newPage({ viewport: { width: 1280, height: 800 } })
  const ended = Promise.withResolvers<number>()
  await page.exposeFunction('codeAutomationExit', (code?: number) => ended.resolve(code ?? 0))
  await page.exposeFunction('codeAutomationLog', (type: string, args: unknown[] = []) => {
    const stream = type === 'error' || type === 'warn' ? process.stderr : process.stdout
    stream.write(`${format(...args)}\n`)
  })
  const giveUp = (code: number, message: string) => {
    console.error(message)
    ended.resolve(code)
  }
  page.on('crash', () => giveUp(70, 'The page crashed.'))
  void running.exited.then((how) => giveUp(71, `The VS Code server ended: ${how}.`))
  const timer = setTimeout(() => giveUp(124, `Nothing ended within ${TIMEOUT_MS} ms:\n${running.log()}`), TIMEOUT_MS)
  await page.goto(
    running.url(folder, [
      ['extensionDevelopmentPath', running.remote(development)],
      ['extensionTestsPath', running.remote(tests)],
      ['skipWelcome', 'true'],
      ['skipReleaseNotes', 'true'],
    ]),
  )
  const code = await ended.promise
  clearTimeout(timer)
  return code
}
