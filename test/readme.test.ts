/** README.md and docs/ are what people copy from: their TypeScript compiles and runs as it stands there, and their commands run. */
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { MemoryEnvironment } from '../sdk/environment/memory-environment.ts'
import { open } from '../sdk/open.ts'
import { type Printed, tidemark } from './sdk/cli/support/memory-terminal.ts'
import { blocksOf, type CodeBlock, DOCUMENTS, fileNameOf, textOf } from './support/documents/code-block.ts'
import { LEFT_TO_THE_READER } from './support/documents/left-to-the-reader.ts'
import type { BlockReport } from './support/documents/run-blocks.ts'
import { runChecked, runProcess } from './support/run-process.ts'

const ROOT = join(import.meta.dirname, '..')

const blocks = DOCUMENTS.flatMap((document) => blocksOf(document, 'ts'))

test("every ```ts block passes the strict compiler, against the package's public names", async () => {
  const folder = createFolder()
  const compilerOptions = {
    paths: {
      tidemark: [join(ROOT, 'sdk/index.ts')],
      'tidemark/inspect': [join(ROOT, 'sdk/inspect.ts')],
      'tidemark/testing': [join(ROOT, 'sdk/testing.ts')],
    },
  }
  const config = { extends: join(ROOT, 'tsconfig.json'), compilerOptions, include: ['*.ts'] }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
  writeFileSync(join(folder, 'left-to-the-reader.d.ts'), LEFT_TO_THE_READER)
  writeBlocks(folder, blocks)
  const compiler = join(ROOT, 'node_modules/typescript/bin/tsc')
  const { code, stdout, stderr } = await runProcess(process.execPath, [compiler, '-p', folder], { cwd: folder })
  expect({ code, printed: stdout + stderr }).toEqual({ code: 0, printed: '' })
})

test('every ```ts block runs, beside data that is there already, and ends by itself or when it is asked to', async () => {
  const runnable = blocks.filter(({ note }) => note !== 'types-only')
  expect(runnable.length).toBeGreaterThan(15)
  const folder = createFolder()
  writeBlocks(folder, runnable)
  const runner = join(ROOT, 'test/support/documents/run-blocks.ts')
  const names = runnable.map(fileNameOf)
  const publicNames = ['--import', join(ROOT, 'test/support/public-names.ts')]
  const { stdout } = await runChecked(process.execPath, [...publicNames, runner, folder, ...names], { cwd: folder })
  const reports: BlockReport[] = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(reports.filter(({ error }) => error !== null)).toEqual([])
  expect(reports.map(({ file }) => file)).toEqual(names)
}, 90_000)

const commands = DOCUMENTS.flatMap((document) => blocksOf(document, 'sh'))
  .flatMap(({ text }) => text.split('\n'))
  .map((line) => line.replace(/#.*/, '').trim())
  .filter((line) => line !== '')

test('commands are those of tidemark, of npm to install it, and of scripts that there are', () => {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  const known = (command: string) => {
    const [, script] = /^npm (?:run )?([\w-]+)( --.*)?$/.exec(command) ?? []
    return command.startsWith('npx tidemark ') || command === 'npm install tidemark' || (script ?? '') in scripts
  }
  expect(commands.filter((command) => !known(command))).toEqual([])
})

const tidemarkCommands = [...new Set(commands.filter((command) => command.startsWith('npx tidemark ')))]

test('"Looking at it" shows commands', () => {
  expect(blocksOf('README.md', 'sh', 'Looking at it')).toHaveLength(1)
  expect(tidemarkCommands.length).toBeGreaterThan(3)
})

test.each(tidemarkCommands)('%s', async (command) => {
  const environment = await createData()
  const typed = command.split(/\s+/).slice(2)
  if (typed.includes('--help')) return expectSuccess(await tidemark(typed, { environment }))
  // It looks along with a running program, which goes on sending.
  await using tide = await open('./data', { environment })
  const payments = tide.topic('payments')
  let isRunning = true
  const isEndless = typed.includes('--watch') || typed.includes('--follow')
  const printed = tidemark(typed, {
    environment,
    ...(isEndless ? { closeWhen: (output: string) => output !== '' } : {}),
  }).finally(() => {
    isRunning = false
  })
  while (isRunning) {
    if (typed.includes('--follow')) await payments.send({ value: Buffer.from('{"amount":12}') })
    await environment.timers.yield()
  }
  expectSuccess(await printed)
})

test('links lead to pages, files and chapters that there are', () => {
  const broken = DOCUMENTS.concat('examples/README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md').flatMap((document) =>
    [...textOf(document).matchAll(/\]\((?!\w+:)([^)\s#]*)(?:#([^)\s]*))?\)/g)]
      .filter(([, path = '', chapter]) => {
        const file = path === '' ? join(ROOT, document) : join(ROOT, dirname(document), path)
        if (!existsSync(file)) return true
        return chapter !== undefined && !chaptersOf(readFileSync(file, 'utf8')).includes(chapter)
      })
      .map(([link]) => `${document}: ${link}`),
  )
  expect(broken).toEqual([])
})

test('every row of "What survives what" names a test that there is', () => {
  const rows = textOf('docs/survives.md')
    .split('\n')
    .filter((line) => /^\| (?!-|what happens)/.test(line))
  expect(rows.length).toBeGreaterThan(20)
  const unproven = rows.filter((row) => {
    const [, file = '', name = ''] = /\| `([\w/.-]+)` "(.+)" \|$/.exec(row) ?? []
    const path = join(ROOT, 'test', file)
    return name === '' || !existsSync(path) || !readFileSync(path, 'utf8').includes(name)
  })
  expect(unproven).toEqual([])
})

function expectSuccess({ code, output, errors }: Printed): void {
  expect({ code, errors }).toEqual({ code: 0, errors: '' })
  expect(output).not.toBe('')
}

function writeBlocks(folder: string, written: readonly CodeBlock[]): void {
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'), 'junction')
  for (const block of written) writeFileSync(join(folder, fileNameOf(block)), `${block.text}export {}\n`)
}

/** The anchors that GitHub gives to headings. */
function chaptersOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  )
}

function createFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-readme-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** `./data` as the README's first example leaves it, and a group that gave up on its record. */
async function createData(): Promise<MemoryEnvironment> {
  const environment = new MemoryEnvironment()
  await using tide = await open('./data', { environment })
  const payments = tide.topic('payments', { partitions: 3 })
  await payments.send({ key: 'card-17', value: Buffer.from('{"amount":12}') })
  for await (const payment of payments.consume({ group: 'fraud', follow: false })) payment.done()
  const failing = () => {
    throw new Error('no such card')
  }
  const onFailure = { deadLetter: 'payments-failed' }
  await payments.consume({ group: 'scores', follow: false }).run(failing, { onFailure })
  return environment
}
