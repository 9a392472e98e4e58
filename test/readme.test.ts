/** README.md is what people copy from: its TypeScript compiles as it stands there, and its commands run. */
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { MemoryEnvironment } from '../sdk/environment/memory-environment.ts'
import { open } from '../sdk/open.ts'
import { type Printed, tidemark } from './sdk/cli/support/memory-terminal.ts'
import { runProcess } from './support/run-process.ts'

const ROOT = join(import.meta.dirname, '..')
const README = readFileSync(join(ROOT, 'README.md'), 'utf8')

/** What the snippets leave to the reader: an opened directory, and what is done with a record. */
const LEFT_TO_THE_READER = `
declare const tide: import('tidemark').Tidemark
declare function write(key: string | null, value: Uint8Array): Promise<void>
declare function insertMany(records: readonly import('tidemark').TopicRecord[]): Promise<void>
declare function send(mail: Uint8Array): Promise<void>
`

test("every ```ts block of the README passes the strict compiler, against the package's public names", async () => {
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
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  writeFileSync(join(folder, 'left-to-the-reader.d.ts'), LEFT_TO_THE_READER)
  const blocks = blocksOf('ts')
  expect(blocks.length).toBeGreaterThan(1)
  for (const { line, text } of blocks) writeFileSync(join(folder, `readme-line-${line}.ts`), `${text}export {}\n`)
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'), 'junction')
  const compiler = join(ROOT, 'node_modules/typescript/bin/tsc')
  const { code, stdout, stderr } = await runProcess(process.execPath, [compiler, '-p', folder], { cwd: folder })
  expect({ code, printed: stdout + stderr }).toEqual({ code: 0, printed: '' })
})

const commands = blocksOf('sh', 'Looking at it')
  .flatMap(({ text }) => text.split('\n'))
  .map((line) => line.replace(/#.*/, '').trim())
  .filter((line) => line !== '')

test('"Looking at it" shows commands', () => {
  expect(commands.length).toBeGreaterThan(3)
  expect(commands.filter((command) => !command.startsWith('npx tidemark '))).toEqual([])
})

test.each(commands)('%s', async (command) => {
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

function expectSuccess({ code, output, errors }: Printed): void {
  expect({ code, errors }).toEqual({ code: 0, errors: '' })
  expect(output).not.toBe('')
}

/** The code blocks of a language, of the whole README or of one chapter. */
function blocksOf(language: string, chapter?: string): { line: number; text: string }[] {
  const start = chapter === undefined ? 0 : README.indexOf(`\n## ${chapter}\n`) + 1
  const end = chapter === undefined ? README.length : README.indexOf('\n## ', start)
  return [...README.matchAll(/^```(\w+)\n(.*?)^```$/gms)]
    .filter((match) => match[1] === language && match.index >= start && match.index < end)
    .map((match) => ({ line: README.slice(0, match.index).split('\n').length + 1, text: match[2]! }))
}

function createFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-readme-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** `./data` as the README's first example leaves it. */
async function createData(): Promise<MemoryEnvironment> {
  const environment = new MemoryEnvironment()
  await using tide = await open('./data', { environment })
  const payments = tide.topic('payments', { partitions: 3 })
  await payments.send({ key: 'card-17', value: Buffer.from('{"amount":12}') })
  for await (const payment of payments.consume({ group: 'fraud', follow: false })) payment.done()
  return environment
}
