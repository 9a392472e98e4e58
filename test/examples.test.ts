/** examples/ does what it says: every file of it is run here, as a user would, and killed where it promises to survive it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, onTestFinished, test } from 'vitest'
import { json } from '../sdk/client/serde.ts'
import { open } from '../sdk/open.ts'
import { runProcess } from './support/run-process.ts'

const ROOT = join(import.meta.dirname, '..')
const EXAMPLES = join(ROOT, 'examples')
const PUBLIC_NAMES = ['--import', join(ROOT, 'test/support/public-names.ts')]

const tested = new Set<string>()

test('an order is answered when it is on disk, two groups work on it, and both go on after SIGKILL', async () => {
  const folder = createFolder()
  const killed = await service(folder)
  expect(await killed.order('tea')).toMatch(/^orders-\d@0$/)
  await killed.program.line(/^stock: 2 × tea/)
  await killed.program.line(/^mail: thank you/)
  killed.program.child.kill('SIGKILL')
  await killed.program.end

  const { program, order } = await service(folder)
  const id = await order('coffee')
  await program.line(`stock: 2 × coffee for ${id}`)
  await program.line(`mail: thank you for ${id}`)
  program.child.kill('SIGTERM')
  expect(await program.end).toBe(0)
  expect(program.lines.at(-1)).toBe('closed in order')
})

test('the worker ends in order at SIGTERM, and the next one goes on with the next record', async () => {
  const folder = createFolder()
  const directory = join(folder, 'data')
  const tide = await open(directory)
  const images = tide.topic('images', { value: json<{ url: string }>() })
  await images.sendBatch(Array.from({ length: 30 }, (_, n) => ({ value: { url: `/${n}` } })))
  await tide.close()

  const first = start('worker.ts', [directory])
  await first.line(/^working on images-0@3:/)
  first.child.kill('SIGTERM')
  expect(await first.end).toBe(0)
  const worked = first.lines.filter((line) => line.startsWith('working')).length

  const second = start('worker.ts', [directory])
  await second.line(/^working on images-0@29:/)
  second.child.kill('SIGTERM')
  expect(await second.end).toBe(0)
  expect(second.lines[0]).toBe(`working on images-0@${worked}: /${worked}`)
})

test('the import has each record in the database once, although it was killed at a bad moment', async () => {
  const folder = createFolder()
  const lines = Array.from({ length: 2_500 }, (_, n) => `sensor-${n % 7},${n}`)
  writeFileSync(join(folder, 'readings.csv'), `${lines.join('\n')}\n`)
  expect(await run('batch-import.ts', ['data', 'readings.db', 'readings.csv'], folder)).toEqual([
    'sent 2500',
    'there are 2500',
  ])
  // As after a crash between the database's commit and the group's.
  const tide = await open(join(folder, 'data'))
  await (await tide.groups.planReset('to-sqlite', 'earliest')).apply()
  await tide.close()
  expect(await run('batch-import.ts', ['data', 'readings.db'], folder)).toEqual(['there are 2500'])
})

test('a web server and a worker share a directory, and each goes on when the other one is killed', async () => {
  const directory = join(createFolder(), 'data')
  const webServer = async () => {
    const program = start('web-and-worker.ts', ['web', directory], { PORT: '0' })
    const url = (await program.line(/^listening/)).slice('listening on '.length)
    const ask = async (path: string, body?: string) => {
      const response = await fetch(`${url}/${path}`, body === undefined ? {} : { method: 'POST', body })
      return [response.status, await response.text()] as const
    }
    return { program, ask }
  }
  const killed = await webServer()
  const [status, id] = await killed.ask('', 'tidemark')
  expect([status, await killed.ask(id)]).toEqual([201, [404, 'not yet']])
  const firstWorker = start('web-and-worker.ts', ['worker', directory])
  await firstWorker.line('worker is neighbour')
  await firstWorker.line(`done ${id}`)
  expect(await killed.ask(id)).toEqual([200, 'TIDEMARK'])

  killed.program.child.kill('SIGKILL')
  const { program, ask } = await webServer()
  expect(await ask(id)).toEqual([200, 'TIDEMARK'])
  const [, second] = await ask('', 'again')
  await firstWorker.line(`done ${second}`)
  expect(await ask(second)).toEqual([200, 'AGAIN'])

  firstWorker.child.kill('SIGKILL')
  const [, third] = await ask('', 'and again')
  const secondWorker = start('web-and-worker.ts', ['worker', directory])
  await secondWorker.line(`done ${third}`)
  expect(await ask(third)).toEqual([200, 'AND AGAIN'])
  for (const each of [secondWorker, program]) {
    each.child.kill('SIGTERM')
    expect(await each.end).toBe(0)
    expect(each.lines.at(-1)).toBe('closed in order')
  }
})

test('a hook is called again while a server is down, kept when it stays down, and delivered when somebody says so', async () => {
  const folder = createFolder()
  const directory = join(folder, 'data')
  const calls: string[] = []
  let isDown = true
  const server = createServer((request, response) => {
    calls.push(`${request.url} ${request.headers['idempotency-key']}`)
    const isFirst = calls.filter((call) => call === calls.at(-1)).length === 1
    const status = { '/refuses': 400, '/shaky': isFirst ? 503 : 200, '/down': isDown ? 503 : 200 }[request.url ?? '']
    response.writeHead(status ?? 200).end()
  }).listen(0)
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const tide = await open(directory)
  const hooks = tide.topic('hooks', { value: json<{ url: string; text: string }>(), partitions: 3 })
  for (const name of ['shaky', 'down', 'refuses', 'fine']) {
    await hooks.send({ key: name, value: { url: `http://localhost:${port}/${name}`, text: name } })
  }
  await tide.close()

  const first = start('webhooks.ts', [directory])
  await first.line('delivered fine at attempt 1')
  await first.line('delivered shaky at attempt 2')
  await first.line(/^gave up on refuses: .* refused it with 400$/)
  await first.line(/^gave up on down: .* answered 503$/)
  first.child.kill('SIGTERM')
  expect(await first.end).toBe(0)
  expect(first.lines.at(-1)).toBe('closed in order, 2 undelivered')
  expect(calls.filter((call) => call.startsWith('/refuses'))).toHaveLength(1)
  expect(calls.filter((call) => call.startsWith('/down'))).toHaveLength(3)

  isDown = false
  const second = start('webhooks.ts', [directory, 'again'])
  await second.line('again: 2')
  await second.line('delivered down at attempt 1')
  await second.line(/^gave up on refuses/)
  second.child.kill('SIGTERM')
  expect(await second.end).toBe(0)
  expect(second.lines.at(-1)).toBe('closed in order, 1 undelivered')
})

test('each booking is made once, although all of them come again', async () => {
  const folder = createFolder()
  expect(await run('dedupe.ts', ['data', 'ledger.db'], folder)).toEqual(['Ada has 60, 0 came again'])
  const tide = await open(join(folder, 'data'))
  await (await tide.groups.planReset('ledger', 'earliest')).apply()
  await tide.close()
  expect(await run('dedupe.ts', ['data', 'ledger.db'], folder)).toEqual(['Ada has 60, 3 came again'])
})

test('each charge has one receipt, although the step was killed', async () => {
  const folder = createFolder()
  const directory = join(folder, 'data')
  const tide = await open(directory)
  const charges = tide.topic('charges', { value: json<{ card: string; cents: number }>(), partitions: 2 })
  await charges.sendBatch(
    Array.from({ length: 1_000 }, (_, n) => ({ key: `${n}`, value: { card: `${n % 7}`, cents: n } })),
  )
  await tide.close()
  const killed = start('exactly-once.ts', [directory])
  await killed.line(/receipts$/)
  killed.child.kill('SIGKILL')
  await killed.end
  await run('exactly-once.ts', ['data'], folder)

  await using again = await open(directory)
  const receipts = again.topic('receipts', { value: json<{ charge: string; euros: string }>() })
  const charged = new Set<string>()
  let count = 0
  for await (const { value } of receipts.read({ follow: false })) {
    count++
    charged.add(value.charge)
  }
  expect([count, charged.size]).toEqual([1_000, 1_000])
})

test('the outbox sends each event once, and nothing at the second run', async () => {
  const folder = createFolder()
  const printed = ['Ada registered', 'Grace registered']
  expect(await run('outbox.ts', ['data', 'shop.db'], folder)).toEqual(printed)
  expect(await run('outbox.ts', ['data', 'shop.db'], folder)).toEqual(printed)
  await using tide = await open(join(folder, 'data'), { readOnly: true })
  expect(await tide.topic('customers').offsets('latest')).toEqual([{ topic: 'customers', partition: 0, offset: 2 }])
})

test('a new group reads from the beginning, remembers it, and is moved back', async () => {
  expect(await run('replay.ts', ['data'], createFolder())).toEqual([
    'first { PT: 15, NO: 20 }',
    'nothing new {}',
    'sales-0: 3 again',
    'again { PT: 15, NO: 20 }',
  ])
})

test('the table is there again at the next start', async () => {
  const folder = createFolder()
  await run('table.ts', ['data'], folder)
  expect(await run('table.ts', ['data'], folder)).toEqual([
    "at the start { 'card-17': { limit: 100 } }",
    "at the end { 'card-17': { limit: 200 } }",
  ])
})

test('the tests of the program pass, in memory', async () => {
  tested.add('fraud.ts')
  const printed = await run('--test', [join(EXAMPLES, 'fraud.test.ts')], createFolder())
  tested.add('fraud.test.ts')
  expect(printed.join('\n')).toMatch(/pass 3\n.*fail 0/)
})

test('no two examples use the same topic, so they can all be run on one directory', () => {
  const topics = readdirSync(EXAMPLES)
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .flatMap((name) => [...readFileSync(join(EXAMPLES, name), 'utf8').matchAll(/\.topic\('([^']+)'/g)])
    .map(([, topic]) => topic)
  expect(topics.filter((topic, index) => topics.indexOf(topic) !== index)).toEqual([])
  expect(topics.length).toBeGreaterThan(10)
})

test('every example was run', () => {
  const programs = readdirSync(EXAMPLES).filter((name) => name.endsWith('.ts'))
  expect(programs.filter((name) => !tested.has(name))).toEqual([])
})

interface Program {
  readonly child: ChildProcess
  readonly lines: readonly string[]
  /** Resolves with the first line, from the beginning on, that matches. */
  line(wanted: RegExp | string): Promise<string>
  readonly end: Promise<number | null>
}

function start(name: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}): Program {
  tested.add(name)
  const child = spawn(process.execPath, [...PUBLIC_NAMES, join(EXAMPLES, name), ...args], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const lines: string[] = []
  const waiting = new Set<() => void>()
  const wake = () => {
    for (const each of waiting) each()
  }
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line)
    wake()
  })
  const { promise: end, resolve } = Promise.withResolvers<number | null>()
  child.once('close', (code) => {
    resolve(code)
    wake()
  })
  const line = (wanted: RegExp | string) =>
    new Promise<string>((found, failed) => {
      const look = () => {
        const match = lines.find((each) => (typeof wanted === 'string' ? each === wanted : wanted.test(each)))
        if (match !== undefined) found(match)
        else if (child.exitCode !== null) failed(new Error(`${name} ended without ${wanted}:\n${lines.join('\n')}`))
        else return
        waiting.delete(look)
      }
      waiting.add(look)
      look()
    })
  return { child, lines, line, end }
}

async function service(folder: string) {
  const program = start('ordering-service.ts', [join(folder, 'data')], { PORT: '0' })
  const url = (await program.line(/^listening on/)).slice('listening on '.length)
  const order = async (item: string): Promise<string> => {
    const body = JSON.stringify({ item, count: 2 })
    const response = await fetch(`${url}/orders`, { method: 'POST', body })
    expect(response.status).toBe(201)
    return (JSON.parse(await response.text()) as { id: string }).id
  }
  return { program, order }
}

/** The lines it prints, once it has come to its end. */
async function run(name: string, args: readonly string[], cwd: string): Promise<string[]> {
  const isFlag = name.startsWith('--')
  if (!isFlag) tested.add(name)
  const program = isFlag ? name : join(EXAMPLES, name)
  const { code, stdout, stderr } = await runProcess(process.execPath, [...PUBLIC_NAMES, program, ...args], { cwd })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return stdout.trimEnd().split('\n')
}

function createFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-examples-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}
