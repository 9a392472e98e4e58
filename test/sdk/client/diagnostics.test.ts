import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import { type Logger, open } from '../../../sdk/index.ts'
import { turns, until } from './support/create-client.ts'

const value = Buffer.from('x')

function listen(...names: readonly string[]): { name: string; event: Record<string, unknown> }[] {
  const heard: { name: string; event: Record<string, unknown> }[] = []
  for (const name of names) {
    const listener = (event: unknown) => void heard.push({ name, event: event as Record<string, unknown> })
    subscribe(`tidemark:${name}`, listener)
    onTestFinished(() => void unsubscribe(`tidemark:${name}`, listener))
  }
  return heard
}

function createLogger() {
  const lines: string[] = []
  const line = (level: string) => (text: string) => void lines.push(`${level}: ${text}`)
  const logger: Logger = { info: line('info'), warn: line('warn'), error: line('error') }
  return { logger, lines }
}

test('diagnostics channels tell of partitions, commits and batches, with how long they took and what went wrong', async () => {
  const heard = listen('partitions.assigned', 'partitions.revoked', 'commit', 'send')
  const environment = new MemoryEnvironment({ clock: 'manual' })
  const tide = await open('memory:', { environment })
  const t = tide.topic('t')
  await t.sendBatch([{ value }, { value }])
  const consumer = t.consume({ group: 'g', limit: 2 })
  for await (const _ of consumer);
  await turns()
  const [first] = heard
  expect(first).toEqual({
    name: 'send',
    event: { topic: 't', partition: 0, records: 2, baseOffset: 0, durationMs: expect.any(Number), error: null },
  })
  const partitions = [{ topic: 't', partition: 0 }]
  const memberId = expect.any(String)
  expect(heard.slice(1)).toEqual([
    { name: 'partitions.assigned', event: { group: 'g', memberId, partitions } },
    {
      name: 'commit',
      event: {
        group: 'g',
        memberId,
        offsets: [{ topic: 't', partition: 0, offset: 2 }],
        survives: 'power-loss',
        durationMs: expect.any(Number),
        error: null,
      },
    },
  ])
  heard.length = 0
  environment.failNext('write', { error: 'EIO' })
  await expect(t.send({ value })).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
  await turns()
  expect(heard).toMatchObject([{ event: { baseOffset: null, error: { code: 'STORAGE_ERROR' } } }])
  await tide.close().catch(() => {})
})

test('a logger is told of warnings, failures and partitions, and the process is not', async () => {
  const environment = new MemoryEnvironment({ clock: 'manual' })
  const { logger, lines } = createLogger()
  await using tide = await open('memory:', { environment, logger })
  const [a, b] = [tide.topic('a'), tide.topic('b')]
  await a.send({ value })
  await b.send({ value })
  const consumer = tide.consume([a, b], { group: 'g' })
  const run = (async () => {
    for await (const _ of consumer);
  })()
  await until('it has both', () => consumer.assignment.length === 2)
  await tide.topics.delete('a')
  await until('it is told', () => lines.length === 4)
  expect(lines).toEqual([
    'info: This process owns /memory now.',
    'info: A consumer of group "g" was given a-0, b-0.',
    'info: A consumer of group "g" has lost a-0.',
    'warn: Topic "a" was deleted while group "g" consumed it; the group goes on with its other topics. [TIDEMARK_TOPIC_DELETED]',
  ])
  expect(environment.warnings).toEqual([])
  await consumer.close()
  await run
})

test('without one, a directory in memory warns the process like any other', async () => {
  await using tide = await open('memory:')
  const [a, b] = [tide.topic('a'), tide.topic('b')]
  await a.send({ value })
  await b.send({ value })
  const consumer = tide.consume([a, b], { group: 'g' })
  const run = (async () => {
    for await (const _ of consumer);
  })()
  await until('it has both', () => consumer.assignment.length === 2)
  const warned = once(process, 'warning')
  await tide.topics.delete('a')
  expect(await warned).toMatchObject([{ code: 'TIDEMARK_TOPIC_DELETED' }])
  await consumer.close()
  await run
})

test('each failed attempt of a handler is published, and what becomes of the record', async () => {
  const heard = listen('attempt.failed')
  const { logger, lines } = createLogger()
  const tide = await open('memory:', { logger })
  const t = tide.topic('t')
  await t.sendBatch([{ value }, { value }, { value }])
  const failure = new Error('closed')
  const run = t.consume({ group: 'g', follow: false }).run(
    ({ offset }, { number }) => {
      if (offset > 0 || number === 1) throw failure
    },
    {
      retry: { attempts: 2, delayMs: 1, when: () => heard.length === 0 },
      onFailure: ({ offset }) => (offset === 1 ? 'skip' : { deadLetter: 'dead' }),
    },
  )
  await run
  const place = { group: 'g', topic: 't', partition: 0, error: failure }
  const events = heard
    .map(({ event }) => event)
    .toSorted((one, other) => Number(one['offset']) - Number(other['offset']))
  expect(events).toEqual([
    { ...place, offset: 0, attempt: 1, outcome: 'retry', delayMs: 1, deadLetter: null },
    { ...place, offset: 1, attempt: 1, outcome: 'skip', delayMs: null, deadLetter: null },
    { ...place, offset: 2, attempt: 1, outcome: 'dead-letter', delayMs: null, deadLetter: 'dead' },
  ])
  expect(lines).toEqual(
    expect.arrayContaining([
      'warn: Group "g" skipped t-0@1 after 1 attempt: closed [TIDEMARK_RECORD_SKIPPED]',
      'info: Group "g" gave up on t-0@2 after 1 attempt; it is in topic "dead" now: closed',
    ]),
  )
  await tide.close()
})

test('what is no logger is refused', async () => {
  await expect(open('memory:', { logger: { warn: () => {} } as never })).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringContaining('open: logger is'),
  })
})
