import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { open } from '../../../sdk/index.ts'

const ROOT = join(import.meta.dirname, '../../..')

/** The service of `npm run inspect` in a workspace of its own: one group keeps up, one catches up, one is stuck. */
export class BusyService implements AsyncDisposable {
  readonly folder: string
  readonly #child: ChildProcess
  readonly #exited: Promise<unknown>

  private constructor(folder: string, child: ChildProcess) {
    this.folder = folder
    this.#child = child
    this.#exited = once(child, 'exit')
  }

  /** With a fourth group, `visitor`, whose unread records retention is about to delete. */
  static async start(): Promise<BusyService> {
    const folder = mkdtempSync(join(tmpdir(), 'tidemark-service-'))
    mkdirSync(join(folder, 'node_modules'))
    writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n')
    symlinkSync(ROOT, join(folder, 'node_modules/tidemark'), 'junction')
    copyFileSync(join(ROOT, 'scripts/inspect/service.mjs'), join(folder, 'service.mjs'))
    await leaveClicksToRetention(join(folder, 'data'))
    const child = spawn(process.execPath, ['service.mjs'], { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] })
    return new BusyService(folder, child)
  }

  /** SIGKILL; nothing is closed. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#exited
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) await this.kill()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

async function leaveClicksToRetention(directory: string): Promise<void> {
  await using tide = await open(directory)
  const configs = { 'segment.bytes': String(1024 * 1024), 'retention.bytes': String(1024 * 1024) }
  await tide.topics.create('clicks', { configs })
  const clicks = tide.topic('clicks')
  for (let index = 0; index < 3; index++)
    await clicks.sendBatch(Array.from({ length: 900 }, () => ({ value: Buffer.alloc(1_000, 'click ') })))
  for await (const _ of clicks.consume({ group: 'visitor', limit: 10 }));
}
