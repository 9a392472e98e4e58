import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { open } from '../../../sdk/open.ts'

const MAIN = fileURLToPath(new URL('../../../sdk/cli/main.ts', import.meta.url))

function createDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-cli-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return join(directory, 'data')
}

/** The command as the shell starts it. */
function start(...typed: string[]): ChildProcessWithoutNullStreams {
  const child = spawn(process.execPath, [MAIN, ...typed])
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  return child
}

async function finish(child: ChildProcessWithoutNullStreams, input = '') {
  child.stdin.end(input)
  const [output, errors, [code, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit') as Promise<[number | null, string | null]>,
  ])
  return { output, errors, code, signal }
}

test('the command runs from the shell, writes through a pipe and reads it back', async () => {
  const directory = createDirectory()
  const input = Array.from({ length: 20_000 }, (_, index) => `${index}=value ${index}`).join('\n')
  const produced = await finish(start('produce', directory, 't', '--key-separator', '='), input)
  expect(produced.errors).toBe('Created t with 1 partition.\n')
  expect([produced.code, produced.output]).toEqual([0, expect.stringMatching(/^Wrote 20,000 records/)])
  const read = await finish(start('read', directory, 't', '--json'))
  const lines = read.output.trimEnd().split('\n')
  expect(lines).toHaveLength(20_000)
  expect(JSON.parse(lines[19_999]!)).toMatchObject({ offset: 19_999, key: '19999', value: 'value 19999' })
  const verified = await finish(start('verify', directory))
  expect([verified.code, verified.errors]).toEqual([0, ''])
})

test('a reader that goes away, as head does, ends it with 0 and without a word', async () => {
  const directory = createDirectory()
  await finish(start('produce', directory, 't'), 'line\n'.repeat(100_000))
  for (const typed of [[], ['--follow']]) {
    const child = start('read', directory, 't', '--json', ...typed)
    const errors = text(child.stderr)
    await once(child.stdout, 'data')
    child.stdout.destroy()
    expect(await once(child, 'exit')).toEqual([0, null])
    expect(await errors).toBe('')
  }
})

test.skipIf(process.platform !== 'linux')('output that cannot be written ends it with 1, not quietly', async () => {
  const directory = createDirectory()
  await finish(start('produce', directory, 't'), 'line\n'.repeat(10_000))
  const full = openSync('/dev/full', 'w')
  const child = spawn(process.execPath, [MAIN, 'read', directory, 't'], { stdio: ['ignore', full, 'pipe'] })
  closeSync(full)
  const [errors, [code]] = await Promise.all([text(child.stderr!), once(child, 'exit')])
  expect([code, errors]).toEqual([1, expect.stringContaining('ENOSPC')])
})

test('SIGINT ends following and watching with 0', async () => {
  const directory = createDirectory()
  await finish(start('produce', directory, 't'), 'line\n')
  for (const typed of [
    ['read', directory, 't', '--follow'],
    ['lag', directory, '--watch'],
    ['produce', directory, 't'],
  ]) {
    const child = start(...typed)
    // `produce` prints nothing before its input ends, so give it something to have read.
    if (typed[0] === 'produce') await beginProducing(child, directory)
    else await once(child.stdout, 'data')
    child.kill('SIGINT')
    expect(await once(child, 'exit'), typed[0]).toEqual([0, null])
  }
})

async function beginProducing(child: ChildProcessWithoutNullStreams, directory: string): Promise<void> {
  child.stdin.write('typed\n')
  await using tide = await open(directory, { readOnly: true })
  for await (const record of tide.topic('t').read()) if (Buffer.from(record.value).toString() === 'typed') return
}

test('writing to a directory that another process owns works through it', async () => {
  const directory = createDirectory()
  await using tide = await open(directory)
  await tide.topics.create('t')
  const { code, errors } = await finish(start('produce', directory, 't'), 'line\n')
  expect([code, errors]).toEqual([0, ''])
  for await (const record of tide.topic('t').read({ follow: false })) {
    expect(Buffer.from(record.value).toString()).toBe('line')
  }
  const lag = await finish(start('lag', directory))
  expect([lag.code, lag.output]).toEqual([0, 'No group has committed anything here yet.\n'])
})
