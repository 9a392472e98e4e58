/** The packed extension in a real workbench, driven and looked at as a person would. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Frame, Locator, Page } from 'playwright-core'
import { onTestFailed } from 'vitest'
import { launchChromium } from '../../../scripts/vscode/chromium.ts'
import baseSettings from '../../../scripts/vscode/settings.json' with { type: 'json' }
import {
  installExtension,
  type Payload,
  type Profile,
  WorkbenchServer,
} from '../../../scripts/vscode/workbench-server.ts'
import { packedExtension } from './packed-extension.ts'

const PICTURES = join(import.meta.dirname, '../../../.vscode-test/pictures')

export interface WorkbenchOptions {
  /** The folder that is opened; undefined: none. */
  readonly folder: string | undefined
  /** Added to the settings that keep pictures clean. */
  readonly settings?: Readonly<Record<string, unknown>>
  readonly viewport?: { readonly width: number; readonly height: number }
  /** Device pixels per pixel: 2 shows a small viewport as a zoom of 200 %. Default 1. */
  readonly scale?: number
  /** Whether folders are asked about before they are trusted. */
  readonly workspaceTrust?: boolean
  /** A file to open first. */
  readonly openFile?: string
}

export class Workbench implements AsyncDisposable {
  readonly page: Page
  readonly #browser: Browser
  readonly #server: WorkbenchServer
  readonly #folder: string
  #lastSeen = ''

  private constructor(page: Page, browser: Browser, server: WorkbenchServer, folder: string) {
    this.page = page
    this.#browser = browser
    this.#server = server
    this.#folder = folder
    // Where only the output of a run is at hand, it must tell why something was not found. A benchmark is no test.
    if (process.env['VITEST'] !== undefined)
      onTestFailed(() => console.error(`The side bar said at the end:\n${this.#lastSeen}`))
  }

  /** Installs the packed extension into a fresh profile and opens a workbench; `await using` ends it. */
  static async open(options: WorkbenchOptions): Promise<Workbench> {
    const folder = mkdtempSync(join(tmpdir(), 'vsc-'))
    const profile: Profile = {
      userData: join(folder, 'user'),
      extensions: join(folder, 'extensions'),
      // That of the programs it looks at: processes of one directory meet there.
      temporary: tmpdir(),
      workspaceTrust: options.workspaceTrust ?? false,
    }
    mkdirSync(join(profile.userData, 'User'), { recursive: true })
    const settings = { ...baseSettings, ...options.settings }
    writeFileSync(join(profile.userData, 'User/settings.json'), JSON.stringify(settings))
    const starting = launchChromium(options.viewport)
    await installExtension(profile, await packedExtension())
    const server = await WorkbenchServer.start(profile)
    const browser = await starting
    const viewport = options.viewport ?? { width: 1280, height: 800 }
    const page = await browser.newPage({ viewport, deviceScaleFactor: options.scale ?? 1 })
    page.setDefaultTimeout(60_000)
    const file = options.openFile
    const payload: Payload = file === undefined ? [] : [['openFile', server.remote(file)]]
    await page.goto(server.url(options.folder, payload))
    await page.locator('.monaco-workbench').waitFor()
    return new Workbench(page, browser, server, folder)
  }

  /** Opens the extension's view container by its icon; a small window has no room for it. */
  async openInspector(): Promise<void> {
    const icon = this.page.locator('.activitybar a[aria-label^="Tidemark"]').first()
    await this.page.locator('.activitybar a').first().waitFor()
    const isShown = await icon.waitFor({ timeout: 10_000 }).then(
      () => true,
      () => false,
    )
    if (isShown) {
      await icon.click()
      // Its tooltip would stay where it covers rows.
      await this.page.mouse.move(0, 0)
    } else await this.run('Tidemark: Focus on Groups View')
    await this.page.locator('.part.sidebar .pane-body').first().waitFor()
  }

  /** Drags its border until the side bar is about so wide, in pixels. */
  async widenSideBar(width: number): Promise<void> {
    const bar = (await this.page.locator('.part.sidebar').boundingBox())!
    await this.page.mouse.move(bar.x + bar.width, 300)
    await this.page.mouse.down()
    await this.page.mouse.move(bar.x + width, 300, { steps: 5 })
    await this.page.mouse.up()
  }

  /** The rows of the side bar that are in sight. */
  get rows(): Locator {
    return this.page.locator('.part.sidebar .monaco-list-row')
  }

  /** The row whose spoken label or text has this in it. */
  row(text: string | RegExp): Locator {
    return this.rows.filter({ hasText: text }).first()
  }

  /** Where a command asks for text, or for a choice. */
  get input(): Locator {
    return this.page.locator('.quick-input-widget input')
  }

  /** The entries that it offers. */
  get entries(): Locator {
    return this.page.locator('.quick-input-list .monaco-list-row')
  }

  /** The dialog that stands in the way until it is answered. */
  get dialog(): Locator {
    return this.page.locator('.monaco-dialog-box')
  }

  /** The notifications that are in sight. */
  get notifications(): Locator {
    return this.page.locator('.notification-toast')
  }

  /** Runs a command by its title, through the palette. */
  async run(title: string): Promise<void> {
    await this.page.keyboard.press('F1')
    await this.input.waitFor()
    await this.input.fill(`>${title}`)
    await this.entries.filter({ hasText: title }).first().waitFor()
    await this.page.keyboard.press('Enter')
  }

  /** Chooses an entry of the list that a command shows, by typing and Enter. */
  async pick(text: string): Promise<void> {
    const entry = this.entries.filter({ hasText: text }).first()
    await entry.waitFor()
    await this.input.fill(text)
    await entry.waitFor()
    await this.page.keyboard.press('Enter')
  }

  /** The frame inside a webview in which something is found. */
  async webview(find: (frame: Frame) => Locator): Promise<Frame> {
    const until = Date.now() + 60_000
    for (;;) {
      for (const frame of this.page.frames())
        if (
          (await find(frame)
            .count()
            .catch(() => 0)) > 0
        )
          return frame
      if (Date.now() > until) throw new Error('There is no such webview.')
      await this.page.waitForTimeout(100)
    }
  }

  /** Leaves a picture in `.vscode-test/pictures`, the mouse out of the way. */
  async picture(name: string): Promise<void> {
    await this.page.mouse.move(0, 0)
    await this.page.screenshot({ path: this.picturePath(name), animations: 'disabled' })
  }

  picturePath(name: string): string {
    mkdirSync(PICTURES, { recursive: true })
    return join(PICTURES, `${name}.png`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const sideBar = this.page.locator('.part.sidebar')
    this.#lastSeen = await sideBar.innerText({ timeout: 5_000 }).catch((error: Error) => error.message)
    await this.#browser.close()
    await this.#server[Symbol.asyncDispose]()
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 })
  }
}
