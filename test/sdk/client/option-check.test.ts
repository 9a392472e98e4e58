import { expect, onTestFinished, test } from 'vitest'
import { bytes, json, nullable, open, string, type Tidemark } from '../../../sdk/index.ts'

async function createTide(): Promise<Tidemark> {
  const tide = await open('memory:')
  onTestFinished(() => tide.close().catch(() => {}))
  return tide
}

/** What a program in JavaScript may do, and TypeScript would not let pass. */
// biome-ignore lint/suspicious/noExplicitAny: that is the point of it.
type Anything = any

/** What the call threw or rejected with: code and message. */
async function refusal(call: () => unknown): Promise<string> {
  try {
    await call()
  } catch (error) {
    const { name, code, message } = error as { name: string; code: string; message: string }
    return name === 'TidemarkError' ? `${code} ${message}` : `${name} ${message}`
  }
  return 'accepted'
}

test('an option that nobody knows is refused with the one that was meant, by every call that takes options', async () => {
  const tide: Anything = await createTide()
  const topic: Anything = tide.topic('t')
  const calls: readonly (readonly [string, string, () => unknown])[] = [
    ['folow', 'follow', () => topic.consume({ group: 'g', folow: false })],
    ['everyrecord', 'everyRecords', () => topic.consume({ group: 'g', commit: { everyrecord: 5 } })],
    ['maxRecord', 'maxRecords', () => topic.consume({ group: 'g' }).batches({ maxRecord: 5 })],
    ['timeoutms', 'timeoutMs', () => topic.consume({ group: 'g' }).close({ timeoutms: 5 })],
    ['form', 'from', () => topic.read({ form: 'latest' })],
    ['vaule', 'value', () => tide.topic('u', { vaule: string })],
    ['signl', 'signal', () => topic.sendAll([], { signl: undefined, signal: undefined, signall: 1 })],
    ['gruop', 'group', () => tide.lag({ gruop: 'g' })],
    ['interval', 'intervalMs', () => tide.watchLag({ interval: 5 })],
    ['keepNewst', 'keepNewest', () => tide.groups.history('g', { keepNewst: 1 })],
    ['type', 'types', () => tide.groups.list({ type: ['consumer'] })],
    ['metdata', 'metadata', () => tide.groups.commit('g', [{ topic: 't', partition: 0, offset: 0, metdata: '' }])],
    ['pastend', 'pastEnd', () => tide.groups.commit('g', [], { pastend: true })],
    ['partition', 'partitions', () => tide.topics.create('u', { partition: 3 })],
    ['readonly', 'readOnly', () => open('memory:', { readonly: true } as Anything)],
  ]
  for (const [typed, meant, call] of calls) {
    const said = await refusal(call)
    expect(said, typed).toMatch(/^INVALID_ARGUMENT .* has no option '/)
    expect(said).toContain(`Did you mean ${meant}?`)
  }
  expect(await refusal(() => topic.read({ zzzzzzzzz: 1 }))).toContain('It has from, to, follow,')
})

test('an option of the wrong kind is refused with what was given and what it may be', async () => {
  const tide: Anything = await createTide()
  const topic: Anything = tide.topic('t')
  const consume = (options: object) => () => topic.consume({ group: 'g', ...options })
  const calls: readonly (readonly [string, () => unknown])[] = [
    ["consume: commit is false; it must be 'manual', or {", consume({ commit: false })],
    ['consume: commit is null;', consume({ commit: null })],
    ["consume: commit is 'auto';", consume({ commit: 'auto' })],
    ['consume: commit: intervalMs is NaN;', consume({ commit: { intervalMs: Number.NaN } })],
    ["consume: follow is 'false'; it must be true or false.", consume({ follow: 'false' })],
    ['consume: limit is 1.5; it must be a whole number of at least 1.', consume({ limit: 1.5 })],
    ['consume: signal is {}; it must be an AbortSignal', consume({ signal: {} })],
    ["consume: assignor is ''; it must be text", consume({ assignor: '' })],
    ['read: partitions is 0; it must be a list of partition numbers.', () => topic.read({ partitions: 0 })],
    ['read: from is { offset: 1, timestampMs: 2 };', () => topic.read({ from: { offset: 1, timestampMs: 2 } })],
    [
      "topic: survives is 'disk'; it must be one of 'power-loss', 'process-crash'.",
      () => tide.topic('u', { survives: 'disk' }),
    ],
    ['topic: value is [Function: json]; it must be a serde', () => tide.topic('u', { value: json })],
    ["topic: configs is 'compact';", () => tide.topic('u', { configs: 'compact' })],
    ['sendAll: signal is true;', () => topic.sendAll([], { signal: true })],
    ['lag: group is 1;', () => tide.lag({ group: 1 })],
    ['watchLag: intervalMs is 0;', () => tide.watchLag({ intervalMs: 0 })],
    ["topics.create: partitions is '3';", () => tide.topics.create('u', { partitions: '3' })],
    ["open: survives is 'disk';", () => open('memory:', { survives: 'disk' } as Anything)],
    ["read takes its options as an object, such as { from: … }, not 'latest'.", () => topic.read('latest')],
  ]
  for (const [message, call] of calls) expect(await refusal(call)).toContain(`INVALID_ARGUMENT ${message}`)
})

test('Infinity is no limit, undefined is the default, and a signal of another realm is one', async () => {
  const topic: Anything = (await createTide()).topic('t')
  const limit = Number.POSITIVE_INFINITY
  topic.consume({ group: 'g', limit, follow: undefined, noSuchOption: undefined, commit: { everyRecords: limit } })
  topic.read({ limit, signal: { aborted: false, addEventListener() {}, removeEventListener() {} } })
})

test('an argument that is missing is an error that shows the call as it should be', async () => {
  const tide: Anything = await createTide()
  const topic: Anything = tide.topic('t')
  const calls: readonly (readonly [string, () => unknown])[] = [
    ['INVALID_TOPIC The name of a topic is text, such as "payments", not undefined.', () => tide.topic()],
    ["INVALID_GROUP_ID consume needs { group: 'a name' }", () => topic.consume()],
    ["INVALID_GROUP_ID consume needs { group: 'a name' }, not 'fraud'", () => topic.consume('fraud')],
    ['INVALID_ARGUMENT A record is an object, not undefined: send({ key: …, value: … }).', () => topic.send()],
    ["INVALID_ARGUMENT A record is an object, not 'text'", () => topic.send('text')],
    ['INVALID_ARGUMENT sendBatch needs records;', () => topic.sendBatch()],
    ['INVALID_ARGUMENT sendAll needs records;', () => topic.sendAll()],
    ['INVALID_ARGUMENT offsets needs position;', () => topic.offsets()],
    ['INVALID_ARGUMENT consume needs topics;', () => tide.consume()],
    ['INVALID_ARGUMENT consume: topics is ', () => tide.consume(topic, { group: 'g' })],
    ['INVALID_TOPIC ', () => tide.topics.create()],
    ['INVALID_TOPIC ', () => tide.topics.describe()],
    ['INVALID_TOPIC The name of a topic is text, such as "payments", not a list.', () => tide.topics.delete(['t'])],
    ['INVALID_ARGUMENT topics.addPartitions needs total;', () => tide.topics.addPartitions('t')],
    ['INVALID_ARGUMENT topics.alterConfigs needs configs;', () => tide.topics.alterConfigs('t')],
    ['INVALID_GROUP_ID The id of a group is text, such as "fraud", not undefined.', () => tide.groups.offsets()],
    ['INVALID_GROUP_ID ', () => tide.groups.describe()],
    ['INVALID_GROUP_ID ', () => tide.groups.delete(['g'])],
    ['INVALID_ARGUMENT groups.commit needs offsets;', () => tide.groups.commit('g')],
    ['INVALID_ARGUMENT groups.deleteOffsets needs partitions;', () => tide.groups.deleteOffsets('g')],
    ['INVALID_ARGUMENT open needs a directory;', () => (open as Anything)()],
    ["INVALID_ARGUMENT open: a directory is '';", () => open('')],
  ]
  for (const [message, call] of calls) expect(await refusal(call)).toContain(message)
})

test('a tombstone is only ever sent on purpose', async () => {
  const tide = await createTide()
  const topic: Anything = tide.topic('t', { value: nullable(json()) })
  const misspelt = await refusal(() => topic.send({ key: 'card-1', vaule: { a: 1 } }))
  expect(misspelt).toContain('ENCODE_FAILED A record for topic "t" has no value. Did you mean value by vaule?')
  expect(await refusal(() => topic.send({ key: 'card-1', value: undefined }))).toContain('{ key, value: null }')
  expect(await refusal(() => topic.sendBatch([{ key: 'card-1' }]))).toContain('has no value.')
  expect(await refusal(() => topic.sendAll([{ key: 'card-1' }]))).toContain('has no value.')
  expect(await topic.send({ key: 'card-1', value: null })).toMatchObject({ offset: 0 })
})

test('text for a topic of bytes, and other values that do not fit, are told the serde to declare', async () => {
  const tide = await createTide()
  const plain: Anything = tide.topic('t')
  const start = 'ENCODE_FAILED The value of a record for topic "t" cannot be encoded: it is '
  expect(await refusal(() => plain.send({ value: 'text' }))).toContain(
    `${start}string, and the topic takes bytes: declare \`value: string\` (import { string } from 'tidemark')`,
  )
  expect(await refusal(() => plain.send({ value: { a: 1 } }))).toContain('declare `value: json()`')
  expect(await refusal(() => plain.send({ value: null }))).toContain('declare `value: nullable(bytes)`')
  expect(await refusal(() => plain.send({ key: 7, value: Buffer.from('x') }))).toContain('it is number, not text')
  const keyed: Anything = tide.topic('t', { key: bytes })
  expect(await refusal(() => keyed.send({ key: 'k', value: Buffer.from('x') }))).toContain('declare `key: string`')
})

test('a group by hand commits what is in the log, and past its end only when told', async () => {
  const tide = await createTide()
  await tide.topic('t').send({ value: Buffer.from('x') })
  const commit = (offset: number, options = {}) =>
    tide.groups.commit('g', [{ topic: 't', partition: 0, offset }], options)
  expect(await refusal(() => commit(2))).toMatch(/^OFFSET_OUT_OF_RANGE Offset 2 is past the end of t-0, which is 1:/)
  for (const wrong of [-1, Number.NaN, 0.5, '1' as Anything]) {
    expect(await refusal(() => commit(wrong)), String(wrong)).toContain('it must be a whole number of at least 0.')
  }
  expect(await tide.groups.offsets('g')).toEqual([])
  await commit(1)
  await commit(2, { pastEnd: true })
  expect(await tide.groups.offsets('g')).toMatchObject([{ offset: 2 }])
})

test('a walk that starts past the end says so, with follow and without', async () => {
  const tide = await createTide()
  const topic = tide.topic('t')
  await topic.send({ value: Buffer.from('x') })
  for (const follow of [false, true]) {
    const walk = async () => {
      for await (const _ of topic.read({ from: { offset: 99_999 }, follow })) throw new Error('a record')
    }
    expect(await refusal(walk)).toContain(
      'OFFSET_OUT_OF_RANGE Offset 99999 of t-0 cannot be read: the log begins at 0 and ends at 1.',
    )
  }
  for await (const _ of topic.read({ from: { offset: 1 }, follow: false })) throw new Error('a record')
})

test('every call after close is refused, though the directory is still open elsewhere in the process', async () => {
  const environment = new (await import('../../../sdk/testing.ts')).MemoryEnvironment()
  const tide = await open('memory:', { environment })
  await using other = await open('memory:', { environment })
  const topic = tide.topic('t')
  await topic.send({ value: Buffer.from('x') })
  await tide.close()
  const walk = async (loop: AsyncIterable<unknown>) => {
    for await (const _ of loop) throw new Error('it went on')
  }
  const calls: readonly (() => unknown)[] = [
    () => topic.send({ value: Buffer.from('x') }),
    () => tide.topic('u').send({ value: Buffer.from('x') }),
    () => topic.sendBatch([{ value: Buffer.from('x') }]),
    () => topic.sendAll([{ value: Buffer.from('x') }]),
    () => topic.ensure(),
    () => topic.partitions(),
    () => topic.offsets('latest'),
    () => topic.consume({ group: 'g' }),
    () => tide.consume([topic], { group: 'g' }),
    () => walk(topic.read({ follow: false })),
    () => tide.lag(),
    () => tide.lag({ group: 'g' }),
    () => walk(tide.watchLag()),
    () => tide.topics.list(),
    () => tide.topics.describe('t'),
    () => tide.topics.create('u'),
    () => tide.topics.addPartitions('t', 2),
    () => tide.topics.alterConfigs('t', {}),
    () => tide.topics.delete('t'),
    () => tide.groups.list(),
    () => tide.groups.describe('g'),
    () => tide.groups.offsets('g'),
    () => tide.groups.commit('g', [{ topic: 't', partition: 0, offset: 0 }]),
    () => tide.groups.delete('g'),
    () => tide.groups.deleteOffsets('g', [{ topic: 't', partition: 0 }]),
    () => tide.groups.history('g'),
    () => tide.groups.planReset('g', 'earliest'),
    () => tide.groups.planUndo('g'),
    () => tide.groups.caughtUp('g'),
    () => tide.health(),
  ]
  for (const call of calls) expect(await refusal(call), call.toString()).toMatch(/^CLOSED .*closed/)
  expect(await other.topics.list()).toHaveLength(1)
})

test('a topic of another Tidemark object is refused', async () => {
  const [tide, other] = [await createTide(), await createTide()]
  const said = await refusal(() => tide.consume([tide.topic('a'), other.topic('b')], { group: 'g' }))
  expect(said).toContain('INVALID_ARGUMENT consume: topic "b" is not of this Tidemark object.')
  expect(await refusal(() => tide.consume([{ name: 'c' } as Anything], { group: 'g' }))).toContain('topic "c"')
  expect(await refusal(() => tide.consume('t' as Anything, { group: 'g' }))).toContain(
    "consume: topics is 't'; it must be a list of topics, or a RegExp",
  )
})

test('open takes paths, file: URLs and memory:, and makes no directory of any other URL', async () => {
  for (const where of [new URL('http://example.com/data'), 'http://example.com/data', 's3://bucket', 'Memory://']) {
    expect(await refusal(() => open(where))).toMatch(/^INVALID_ARGUMENT .* cannot be opened\. Name a path/)
  }
  expect(await refusal(() => open('file://elsewhere/data'))).toMatch(/^INVALID_ARGUMENT .* is no path of this machine/)
  expect(await refusal(() => open(new URL('kafka://broker:9092')))).toMatch(/^UNSUPPORTED kafka:/)
  expect(await refusal(() => open(7 as Anything))).toContain(
    'INVALID_ARGUMENT open: a directory is 7; it must be a path',
  )
})
