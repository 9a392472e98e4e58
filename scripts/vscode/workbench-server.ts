/** The VS Code server in a process of its own, on a port of this machine only. */
import { type ChildProcess, spawn } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { runChecked } from '../../test/support/run-process.ts'
import { vscodeServer } from './installation.ts'

/** Where a profile's files are. Keep `temporary` short: VS Code puts sockets there, and their paths end at 107 bytes. */
export interface Profile {
  readonly userData: string
  readonly extensions: string
  readonly temporary: string
  /** Whether folders are asked about before their code may run. Default false: all are trusted. */
  readonly workspaceTrust?: boolean
  /** Whether tests run inside it and tell the page how they ended; notifications then stay hidden. Default false. */
  readonly runsTests?: boolean
}

/** What the page is opened with: pairs that VS Code's own tests use, such as `extensionDevelopmentPath`. */
export type Payload = readonly (readonly [string, string])[]

const START_TIMEOUT_MS = 60_000

export class WorkbenchServer implements AsyncDisposable {
  readonly origin: string
  /** Resolves with its exit code or signal. */
  readonly exited: Promise<string>
  readonly #child: ChildProcess
  readonly #log: string
  readonly #killWithUs = () => this.#kill()

  private constructor(child: ChildProcess, origin: string, log: string) {
    this.#child = child
    this.origin = origin
    this.#log = log
    this.exited = new Promise((resolve) => child.once('exit', (code, signal) => resolve(String(code ?? signal))))
    process.once('exit', this.#killWithUs)
  }

  /** Starts it and resolves when it answers. The settings of `settings.json` hold where the profile has none yet. */
  static async start(profile: Profile): Promise<WorkbenchServer> {
    const folder = await vscodeServer()
    mkdirSync(join(profile.userData, 'User'), { recursive: true })
    mkdirSync(profile.extensions, { recursive: true })
    const settings = join(profile.userData, 'User/settings.json')
    if (!existsSync(settings)) cpSync(join(import.meta.dirname, 'settings.json'), settings)
    const port = await freePort()
    const log = join(profile.userData, 'server.log')
    const stream = openSync(log, 'a')
    const args = [
      join(folder, 'out/server-main.js'),
      ...['--host', '127.0.0.1', '--port', String(port), '--without-connection-token'],
      ...folders(profile),
      ...['--disable-telemetry', '--disable-experiments'],
      ...(profile.runsTests ? ['--enable-smoke-test-driver'] : []),
      ...(profile.workspaceTrust ? [] : ['--disable-workspace-trust']),
    ]
    // A group of its own, so that the extension host and the language servers go with it.
    const child = spawn(process.execPath, args, {
      env: environment(profile),
      stdio: ['ignore', stream, stream],
      detached: process.platform !== 'win32',
    })
    const server = new WorkbenchServer(child, `http://127.0.0.1:${port}`, log)
    await server.#answering()
    return server
  }

  /** The address of a workbench on a folder or a `.code-workspace` file. */
  url(folder: string | undefined, payload: Payload = []): string {
    const query = new URLSearchParams()
    if (folder === undefined) query.set('ew', 'true')
    else query.set(folder.endsWith('.code-workspace') ? 'workspace' : 'folder', folder)
    if (payload.length > 0) query.set('payload', JSON.stringify(payload))
    return `${this.origin}/?${query}`
  }

  /** How the page names a file of the server's machine. */
  remote(path: string): string {
    return `vscode-remote://${this.origin.slice('http://'.length)}${path}`
  }

  /** The last of what it has logged. */
  log(): string {
    return readFileSync(this.#log, 'utf8').slice(-4_000)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    process.off('exit', this.#killWithUs)
    this.#kill()
    await this.exited
  }

  #kill(): void {
    const { pid } = this.#child
    if (pid === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null) return
    try {
      if (process.platform === 'win32') this.#child.kill()
      else process.kill(-pid, 'SIGKILL')
    } catch {
      // It went by itself meanwhile.
    }
  }

  async #answering(): Promise<void> {
    const until = Date.now() + START_TIMEOUT_MS
    for (;;) {
      const answer = await fetch(`${this.origin}/version`).catch(() => undefined)
      if (answer?.ok) return
      if (Date.now() > until || this.#child.exitCode !== null) {
        await this[Symbol.asyncDispose]()
        throw new Error(`The VS Code server did not start:\n${this.log()}`)
      }
      await delay(50)
    }
  }
}

/** Installs a packed extension into a profile. */
export async function installExtension(profile: Profile, vsix: string): Promise<void> {
  const entry = join(await vscodeServer(), 'out/server-main.js')
  mkdirSync(profile.extensions, { recursive: true })
  await runChecked(process.execPath, [entry, ...folders(profile), '--install-extension', vsix], {
    env: environment(profile),
  })
}

function folders({ userData, extensions }: Profile): string[] {
  const server = join(userData, 'server')
  return [
    '--accept-server-license-terms',
    ...['--server-data-dir', server, '--user-data-dir', userData, '--extensions-dir', extensions],
  ]
}

/** Without what an outer VS Code has set, which the inner one would take for its own. */
function environment({ temporary }: Profile): NodeJS.ProcessEnv {
  mkdirSync(temporary, { recursive: true })
  const kept = Object.entries(process.env).filter(([name]) => !/^(VSCODE_|ELECTRON_|CODE_SERVER_)/.test(name))
  return { ...Object.fromEntries(kept), TMPDIR: temporary }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('There is no free port.')
  return address.port
}
