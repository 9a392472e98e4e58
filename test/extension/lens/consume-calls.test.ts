import { expect, test } from 'vitest'
import type { ConsumeCall } from '../../../extension/lens/consume-call.ts'
import { findConsumeCalls } from '../../../extension/lens/consume-calls.ts'

/** `group topics @line` of each call found. */
async function found(text: string, fileName = 'service.ts'): Promise<readonly string[]> {
  return ((await findConsumeCalls(text, fileName)) ?? []).map(shown)
}

function shown({ group, topics, line }: ConsumeCall): string {
  const name = group.kind === 'literal' ? group.name : `<${group.text}>`
  return `${name} ${topics.join('+') || '?'} @${line}`
}

const OPENED = `import { open } from 'tidemark'\nawait using tide = await open('./data')\n`

test('a topic of an opened directory is found, with its name and its group', async () => {
  const text = `${OPENED}const payments = tide.topic('payments')
for await (const payment of payments.consume({ group: 'fraud' })) {}`
  expect(await found(text)).toEqual(['fraud payments @3'])
})

test('the lens stands on the line of the word consume, also where the call is broken into lines', async () => {
  const text = `${OPENED}const loop = tide
  .topic('payments')
  .consume({
    group: 'fraud',
  })`
  expect(await found(text)).toEqual(['fraud payments @4'])
})

test('a union of topics names all of them', async () => {
  const text = `${OPENED}const a = tide.topic('a'), b = tide.topic('b')
tide.consume([a, b], { group: 'both' })`
  expect(await found(text)).toEqual(['both a+b @3'])
})

test('a regular expression of topics has a group but no topics', async () => {
  expect(await found(`${OPENED}tide.consume(/^pay/, { group: 'all' })`)).toEqual(['all ? @2'])
})

test('a group that is no literal is shown as it is written', async () => {
  const text = `${OPENED}tide.topic('t').consume({ group: process.env.GROUP ?? 'g' })`
  expect(await found(text)).toEqual([`<process.env.GROUP ?? 'g'> t @2`])
})

test('options that are a variable still give a lens', async () => {
  expect(await found(`${OPENED}tide.topic('t').consume(options)`)).toEqual(['<options> t @2'])
})

test('CommonJS, a renamed import, a namespace and a dynamic import all lead to tidemark', async () => {
  const use = `.topic('t').consume({ group: 'g' })`
  expect(
    await found(`const { open } = require('tidemark'); open('d').then(() => 0); const t = await open('d'); t${use}`),
  ).toHaveLength(1)
  expect(await found(`import { open as start } from 'tidemark'; const t = await start('d'); t${use}`)).toHaveLength(1)
  expect(await found(`import * as tm from 'tidemark'; (await tm.open('d'))${use}`)).toHaveLength(1)
  expect(await found(`const { open } = await import('tidemark'); (await open('d'))${use}`)).toHaveLength(1)
})

test('fields of classes and typed parameters are followed', async () => {
  const text = `import { type Topic, type Tidemark, open } from 'tidemark'
class Worker {
  #payments
  constructor(tide: Tidemark) { this.#payments = tide.topic('payments') }
  run() { return this.#payments.consume({ group: 'fraud' }) }
}
export function refunds(topic: Topic<'refunds'>) { return topic.consume({ group: 'books', signal }) }`
  expect(await found(text)).toEqual(['fraud payments @4', 'books ? @6'])
})

test('a handle from another file of the program counts if it is consumed with a group', async () => {
  expect(await found(`import { payments } from './topics.js'\npayments.consume({ group: 'fraud' })`)).toEqual([
    'fraud ? @1',
  ])
  expect(await found(`import { channel } from './rabbit.js'\nchannel.consume('queue', handle)`)).toEqual([])
})

test('what comes from another package is left alone', async () => {
  const text = `import { connect } from 'somequeue'
const queue = await connect('x')
queue.consume({ group: 'g' })
connect('y').consume({ group: 'g' })`
  expect(await found(text)).toEqual([])
})

test('JSX, decorators and plain JavaScript are parsed', async () => {
  expect(await found(`${OPENED}const a = <b>{tide.topic('t').consume({ group: 'g' })}</b>`, 'a.tsx')).toHaveLength(1)
  expect(await found(`${OPENED}@thing class A { @x y = 1 }; tide.topic('t').consume({ group: 'g' })`)).toHaveLength(1)
  expect(await found(`${OPENED}const a = <b/>; tide.topic('t').consume({ group: 'g' })`, 'a.js')).toHaveLength(1)
})

test('a word in a comment or a string is no call', async () => {
  expect(
    await found(`${OPENED}// tide.topic('t').consume({ group: 'g' })\nconst a = ".consume({ group: 'g' })"`),
  ).toEqual([])
})

test('a file in the middle of being typed is read as far as it goes, or answers that it cannot be', async () => {
  const text = `${OPENED}tide.topic('t').consume({ group: 'g' })\nconst x = `
  const calls = await findConsumeCalls(text, 'a.ts')
  expect(calls === undefined || calls.length === 1).toBe(true)
  expect(await findConsumeCalls(`tide.consume({ group: 'g' `, 'a.ts')).toBeUndefined()
})
