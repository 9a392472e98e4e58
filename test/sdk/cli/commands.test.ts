import { expect, test } from 'vitest'
import { createShop } from './support/shop.ts'

test('topics: one JSON value per topic, with exactly the promised names', async () => {
  const { run } = await createShop()
  const [payments, ...others] = (await run('topics', '--json')).json()
  expect(others).toEqual([])
  expect(payments).toEqual({
    topic: 'payments',
    topicId: expect.stringMatching(/^[\w-]{22}$/),
    internal: false,
    partitions: [
      { partition: 0, leaderEpoch: expect.any(Number), logStartOffset: 0, logEndOffset: 6 },
      { partition: 1, leaderEpoch: expect.any(Number), logStartOffset: 0, logEndOffset: 4 },
    ],
    configs: { 'retention.ms': '-1' },
  })
  const names = (await run('topics', '--json', '--internal')).json().map(({ topic }) => topic)
  expect(names).toEqual(['__consumer_offsets', 'payments'])
  expect((await run('topics')).output).toBe(
    'Topic     Partitions  Records  Settings\npayments           2       10  retention.ms=-1\n',
  )
})

test('groups: who is in them, and how far they are', async () => {
  const { run } = await createShop()
  expect((await run('groups', '--json')).json()).toEqual([
    { group: 'fraud', type: 'classic', protocolType: '', state: 'Empty', partitions: 2, lagRecords: 4, members: [] },
  ])
  const { output, code } = await run('groups')
  expect(code).toBe(0)
  expect(output).toMatch(/^Group {2}Members {2}How far {3}Last commit\nfraud {2}none {5}4 behind {2}/)
})

test('groups: members with what they hold', async () => {
  const shop = await createShop()
  const tide = await shop.open()
  const records = tide.topic('payments').consume({ group: 'live' })[Symbol.asyncIterator]()
  await records.next()
  const live = (await shop.run('groups', '--json')).json().find(({ group }) => group === 'live')
  expect(live).toMatchObject({ type: 'consumer', state: 'Stable', lagRecords: 10 })
  expect(live?.['members']).toEqual([
    {
      memberId: expect.any(String),
      instanceId: null,
      memberEpoch: expect.any(Number),
      clientId: 'tidemark',
      host: '/127.0.0.1',
      topics: ['payments'],
      assignment: [
        { topic: 'payments', partition: 0 },
        { topic: 'payments', partition: 1 },
      ],
    },
  ])
  expect((await shop.run('lag', '--group', 'live')).output).toContain('never committed, 6 readable')
  await records.return?.()
})

test('groups and lag: members that were killed with the owner are told from those that are there', async () => {
  const shop = await createShop()
  const tide = await shop.open()
  const records = tide.topic('payments').consume({ group: 'live' })[Symbol.asyncIterator]()
  await records.next()
  expect((await shop.run('groups')).output).toMatch(/^live +1 member {2}/m)
  expect((await shop.run('lag', '-g', 'live')).output).toMatch(/ tidemark$/m)
  const environment = shop.environment.crash({ keepUnsynced: 'all' })
  expect((await shop.run('groups', { environment })).output).toMatch(/^live +1 member, gone {2}/m)
  expect((await shop.run('lag', '-g', 'live', { environment })).output).toMatch(/ tidemark, gone$/m)
  await records.return?.()
})

test('read: from the earliest to the end, as JSON with exactly the promised names', async () => {
  const { run } = await createShop()
  const { code, json } = await run('read', 'payments', '--json')
  expect(code).toBe(0)
  const records = json()
  expect(records).toHaveLength(10)
  expect(records.find(({ partition, offset }) => partition === 0 && offset === 0)).toEqual({
    partition: 0,
    offset: 0,
    timestampMs: 1_700_000_000_000,
    key: 'card-0',
    value: 'amount 0',
    headers: [{ key: 'trace', value: 'abc' }],
  })
})

test('read: one partition, an offset, a time, a number of records', async () => {
  const { run } = await createShop()
  const offsets = async (...typed: string[]) =>
    (await run('read', 'payments', '--json', ...typed)).json().map(({ partition, offset }) => `${partition}@${offset}`)
  expect(await offsets('--partition', '1')).toEqual(['1@0', '1@1', '1@2', '1@3'])
  expect(await offsets('--partition', '0', '--from', '4')).toEqual(['0@4', '0@5'])
  expect(await offsets('-p', '0', '--from', 'earliest', '-n', '2')).toEqual(['0@0', '0@1'])
  expect(await offsets('-p', '0', '--from', 'latest')).toEqual([])
  expect(await offsets('-p', '0', '--max', '0')).toEqual([])
  // The fourth second after 2023-11-14T22:13:20Z.
  expect(await offsets('-p', '0', '--from', '2023-11-14T22:13:24Z')).toEqual(['0@4', '0@5'])
  expect(await offsets('--from', '2023-11-15')).toEqual([])
})

test('read: an offset that only some partitions have is said with what to do', async () => {
  const { run } = await createShop()
  const { code, errors } = await run('read', 'payments', '--from', '5')
  expect([code, errors]).toEqual([
    1,
    'tidemark: Offset 5 of payments-1 cannot be read: the log begins at 0 and ends at 4. Every partition has offsets of its own: say which one is meant with --partition N.\n',
  ])
  expect((await run('read', 'payments', '-p', '1', '--from', '5')).errors).not.toContain('--partition')
})

test('read: what an aborted transaction sent only where it is asked for', async () => {
  const shop = await createShop()
  const tide = await shop.open()
  const topic = tide.topic('outbox')
  const sent = tide.transaction(async (tx) => {
    await tx.send(topic, { value: Buffer.from('never') })
    throw new Error('changed my mind')
  })
  await expect(sent).rejects.toThrow('changed my mind')
  await topic.send({ value: Buffer.from('true') })
  const values = async (...typed: string[]) =>
    (await shop.run('read', 'outbox', '--json', ...typed)).json().map(({ value }) => value)
  expect(await values()).toEqual(['true'])
  expect(await values('--isolation', 'read_committed')).toEqual(['true'])
  expect(await values('--isolation', 'read_uncommitted')).toEqual(['never', 'true'])
})

test('read: a line per record, whatever is in it', async () => {
  const shop = await createShop()
  const line = '{"key":{"base64":"//4="},"value":"two\\nlines \\u001b[2J","partition":0,"timestampMs":1700000000000}\n'
  await shop.run('produce', 'odd', '--json', { input: `${line}{"value":null}` })
  expect((await shop.run('read', 'odd')).output).toMatch(
    /^0@0 {2}2023-11-14T22:13:20.000Z {2}base64:\/\/4= {2}two\\x0alines \\x1b\[2J\n0@1 {2}\S+ {2}null\n$/,
  )
  const { output } = await shop.run('read', 'payments', '-n', '1', '-p', '0')
  expect(output).toBe('0@0  2023-11-14T22:13:20.000Z  card-0  amount 0  trace=abc\n')
})

test('read: follows what is written, until interrupted, and then ends well', async () => {
  const shop = await createShop()
  const tide = await shop.open()
  const interrupt = new AbortController()
  const reading = shop.run('read', 'payments', '--from', 'latest', '--follow', {
    signal: interrupt.signal,
    closeWhen: (output) => {
      if (output.includes('second')) interrupt.abort()
      return false
    },
  })
  const payments = tide.topic('payments')
  // Whichever the reader sees first, it must have started before: so send until it has.
  let isDone = false
  void reading.finally(() => {
    isDone = true
  })
  for (let count = 0; !isDone; count++) {
    await payments.send({ value: Buffer.from(count % 2 === 0 ? 'first' : 'second'), partition: 0 })
    await shop.environment.timers.yield()
  }
  const { code, output } = await reading
  expect(code).toBe(0)
  expect(output).toMatch(/second/)
})

test('read: ends well when its reader has seen enough', async () => {
  const { run } = await createShop()
  const { code, errors } = await run('read', 'payments', '--follow', { closeWhen: (output) => output.includes('@3') })
  expect([code, errors]).toEqual([0, ''])
})

test('read: a topic or partition that is not there is wrong use, with the nearest name', async () => {
  const { run } = await createShop()
  const missing = await run('read', 'paymnets')
  expect(missing.code).toBe(2)
  expect(missing.errors).toBe('tidemark: There is no topic "paymnets". Did you mean "payments"?\n')
  const partition = await run('read', 'payments', '--partition', '2')
  expect(partition.code).toBe(2)
  expect(partition.errors).toContain('Topic payments has no partition 2: it has 0 to 1.')
})

test('create: a topic as asked, refused when it is there or a config is wrong', async () => {
  const { run } = await createShop()
  const typed = ['prices', '--partitions', '3', '--config', 'cleanup.policy=compact', '-c', 'segment.bytes=2097152']
  const created = await run('create', ...typed, '--json')
  expect(created.code).toBe(0)
  expect(created.json()).toEqual([
    {
      topic: 'prices',
      topicId: expect.stringMatching(/^[\w-]{22}$/),
      partitions: 3,
      configs: { 'cleanup.policy': 'compact', 'retention.ms': '-1', 'segment.bytes': '2097152' },
    },
  ])
  expect((await run('create', 'plain')).output).toBe('Created plain with 1 partition.\n')
  const again = await run('create', 'prices')
  expect([again.code, again.output]).toEqual([2, ''])
  expect((await run('create', 'x', '-c', 'segment.bytes=100')).code).toBe(2)
  expect((await run('create', 'x', '-c', 'no.such=1')).errors).toContain('no.such')
  expect((await run('create', '../x')).code).toBe(2)
})

test('produce: a record per line, with keys and without', async () => {
  const { run } = await createShop()
  const plain = await run('produce', 'notes', { input: 'one\r\ntwo\n\nlast' })
  expect([plain.code, plain.errors]).toEqual([0, 'Created notes with 1 partition.\n'])
  expect(plain.output).toMatch(/^Wrote 4 records \(10 B\) to notes in \d+\.\d s\.\n$/)
  const values = (await run('read', 'notes', '--json')).json().map(({ key, value }) => [key, value])
  expect(values).toEqual(['one', 'two', '', 'last'].map((value) => [null, value]))
  await run('produce', 'pairs', '--key-separator', '=>', { input: 'a=>b=>c\nplain\n=>x\n' })
  const pairs = (await run('read', 'pairs', '--json')).json().map(({ key, value }) => [key, value])
  expect(pairs).toEqual([
    ['a', 'b=>c'],
    [null, 'plain'],
    ['', 'x'],
  ])
})

test('produce: what read prints as JSON goes in again unchanged', async () => {
  const { run } = await createShop()
  const { output } = await run('read', 'payments', '--json')
  await run('create', 'copy', '--partitions', '2')
  const produced = await run('produce', 'copy', '--json', { input: `${output}\n` })
  expect(produced.json()).toEqual([
    {
      topic: 'copy',
      records: 10,
      sizeBytes: 140,
      lastOffsets: [
        { partition: 0, offset: 5 },
        { partition: 1, offset: 3 },
      ],
    },
  ])
  const sorted = (text: string) => text.split('\n').sort()
  expect(sorted((await run('read', 'copy', '--json')).output)).toEqual(sorted(output))
})

test('produce: values and headers in every form', async () => {
  const { run } = await createShop()
  const input = [
    '{"value":{"amount":12}}',
    '{"value":7,"headers":{"a":"1"}}',
    '{"value":{"base64":"AAH/"},"headers":[{"key":"h","value":null},{"key":"h","value":"x"}]}',
    '   ',
    '{"key":"k","value":null}',
  ].join('\n')
  expect((await run('produce', 'forms', '--json', { input })).code).toBe(0)
  const records = (await run('read', 'forms', '--json')).json().map(({ key, value, headers }) => [key, value, headers])
  expect(records).toEqual([
    [null, '{"amount":12}', []],
    [null, '7', [{ key: 'a', value: '1' }]],
    [
      null,
      { base64: 'AAH/' },
      [
        { key: 'h', value: null },
        { key: 'h', value: 'x' },
      ],
    ],
    ['k', null, []],
  ])
})

test('produce: a line that is too large is named, and what may be done about it', async () => {
  const { run } = await createShop()
  const printed = await run('produce', 'notes', { input: `one\n${'x'.repeat(1_100_000)}\nlast\n` })
  expect(printed.code).toBe(1)
  expect(printed.errors).toContain('Line 2 of the input, the largest of them (1.0 MiB), is too large.')
  expect(printed.errors).toContain("'max.message.bytes': '1100074'")
})

test('read: a record cannot colour or command the terminal it is shown on', async () => {
  const { run } = await createShop()
  const line = JSON.stringify({ key: '\u001b[31mk', value: '\u001b]0;title\u0007\u009b2J' })
  await run('produce', 'odd', '--json', { input: line })
  const { output } = await run('read', 'odd', { isTerminal: true, variables: { NO_COLOR: '1' } })
  expect(output).toContain('\\x1b[31mk  \\x1b]0;title\\x07\\x9b2J')
  expect(output.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u)
})

test('produce: a line that is not as it should be ends it with 2; what came before is written', async () => {
  const { run } = await createShop()
  const wrong: readonly [string, string][] = [
    ['{"value":', 'it is not JSON'],
    ['[1]', 'it is no JSON object'],
    ['{"key":"a"}', '"value" is missing'],
    ['{"value":"a","vlaue":"b"}', 'there is no field "vlaue"'],
    ['{"value":"a","partition":-1}', '"partition" is a whole number'],
    ['{"value":{"base64":"%"}}', '"base64" is no base64 text'],
    ['{"value":"a","headers":[1]}', '"headers" is a list of'],
  ]
  for (const [line, message] of wrong) {
    const { code, errors } = await run('produce', 'lines', '--json', {
      input: `{"value":"good"}\n${line}\n{"value":"x"}`,
    })
    expect(code, line).toBe(2)
    expect(errors).toContain(`Line 2 of the input: ${message}`)
    expect(errors).toContain('The 1 record before it was written.')
  }
  expect((await run('read', 'lines', '--json')).json()).toHaveLength(wrong.length)
  const partition = await run('produce', 'lines', '--json', { input: '{"value":"a","partition":9}' })
  expect(partition.code).toBe(2)
})

test('produce: an interrupt ends it in good order, with the counts', async () => {
  const { run } = await createShop()
  const interrupt = new AbortController()
  async function* endless() {
    yield Buffer.from('one\ntwo\nthr')
    interrupt.abort()
    await new Promise<never>(() => {})
  }
  const { code, output } = await run('produce', 'notes', { input: endless(), signal: interrupt.signal })
  expect(code).toBe(0)
  expect(output).toContain('Wrote 2 records')
})

test('produce: a person sees how far it is, a program does not', async () => {
  const { run } = await createShop()
  const seen = await run('produce', 'notes', { input: 'a\nb\n', isTerminal: true })
  expect(seen.errors).toContain('1 record, 1 B')
  expect((await run('produce', 'notes', { input: 'a\nb\n' })).errors).toBe('')
})

test('changes to a directory that another program owns are made through it', async () => {
  const shop = await createShop()
  const tide = await shop.open()
  const environment = shop.environment.anotherProcess()
  expect((await shop.run('create', 'x', { environment })).code).toBe(0)
  expect(await tide.topics.list()).toContainEqual(expect.objectContaining({ name: 'x' }))
  expect((await shop.run('reset', '-g', 'fraud', '--to-latest', '--execute', { environment })).code).toBe(0)
  expect((await tide.lag({ group: 'fraud' })).map(({ lag }) => lag)).toEqual([0, 0])
  expect((await shop.run('undo', '-g', 'fraud', '--execute', { environment })).code).toBe(0)
  expect((await tide.lag({ group: 'fraud' })).map(({ lag }) => lag)).toEqual([4, 0])
})

test('writing to a directory whose owner takes nobody in says who has it and what works', async () => {
  const shop = await createShop()
  const broker = shop.environment.anotherProcess()
  expect(broker.lockDirectory(broker.files.realPath('shop')).held).toBe(true)
  const other = shop.environment.anotherProcess()
  for (const typed of [
    ['create', 'x'],
    ['produce', 'x'],
    ['reset', '-g', 'fraud', '--to-latest', '--execute'],
  ]) {
    const [command = '', ...rest] = typed
    const { code, output, errors } = await shop.run(command, ...rest, '--wait', '0', { environment: other })
    expect([code, output]).toEqual([1, ''])
    expect(errors).toContain(`in use by process ${broker.process.pid}`)
    expect(errors).toContain('stop that program')
    expect(errors).toContain('tidemark lag shop')
  }
  // Reading works beside it.
  for (const typed of [
    ['lag'],
    ['topics'],
    ['groups'],
    ['verify'],
    ['read', 'payments'],
    ['reset', '-g', 'fraud', '--to-latest'],
  ]) {
    const [command = '', ...rest] = typed
    expect((await shop.run(command, ...rest, { environment: other })).code, command).toBe(0)
  }
})
