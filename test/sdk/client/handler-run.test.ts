import { expect, test } from 'vitest'
import type { Attempt } from '../../../sdk/index.ts'
import { turns, until } from './support/create-client.ts'
import { createRun, HeldHandler, type Text } from './support/create-run.ts'

const keyed = (...values: readonly string[]) => values.map((value) => [value[0]!, value] as const)

test('by default a handler gets one record after the other, and what it is through with is committed', async () => {
  const { consume, committed } = await createRun(keyed('a1', 'b1', 'c1'))
  const held = new HeldHandler()
  const run = consume().run(held.handle)
  for (const value of ['a1', 'b1', 'c1']) {
    await held.runs(value)
    await held.finish(value)
  }
  await run
  expect((await committed())?.offset).toBe(3)
})

test('a handler that answers at once is called in order, for thousands of records', async () => {
  const { consume, committed } = await createRun(Array.from({ length: 20_000 }, (_, n) => ['k', `${n}`] as const))
  let count = 0
  await consume().run(({ offset }) => expect(offset).toBe(count++), { concurrency: 8 })
  expect(count).toBe(20_000)
  expect((await committed())?.offset).toBe(20_000)
})

test('records of one key stay in order, others run beside them, no more at once than allowed', async () => {
  const { consume } = await createRun(keyed('a1', 'a2', 'b1', 'a3', 'b2', 'c1', 'd1'))
  const held = new HeldHandler()
  const run = consume().run(held.handle, { concurrency: 3 })
  await held.runs('a1', 'b1', 'c1')
  await held.finish('b1')
  await held.runs('a1', 'c1', 'b2')
  await held.finish('a1')
  await held.runs('c1', 'b2', 'a2')
  await held.finish('c1', 'b2')
  await held.runs('a2', 'd1')
  await held.finish('a2', 'd1')
  await held.runs('a3')
  await held.finish('a3')
  await run
})

test('records without a key are independent of each other', async () => {
  const { consume } = await createRun([
    [null, '1'],
    [null, '2'],
  ])
  const held = new HeldHandler()
  const run = consume().run(held.handle, { concurrency: 2 })
  await held.runs('1', '2')
  await held.finish('1', '2')
  await run
})

test("order 'partition' keeps a partition in order, 'none' keeps nothing", async () => {
  for (const [order, atOnce] of [
    ['partition', 1],
    ['none', 3],
  ] as const) {
    const { consume } = await createRun(keyed('a1', 'a2', 'a3'))
    const held = new HeldHandler()
    const run = consume().run(held.handle, { concurrency: 3, order })
    await until('as many run as may', () => held.running.size === atOnce)
    await turns()
    while (held.begun.length < 3 || held.running.size > 0) await held.finish(...held.running.keys())
    await run
    expect(held.mostAtOnce).toBe(atOnce)
  }
})

test('what is committed ends before the first record that is not through', async () => {
  const { consume, committed, environment } = await createRun(keyed('a1', 'b1', 'c1', 'd1'))
  const held = new HeldHandler()
  const run = consume({ commit: { everyRecords: 1 } }).run(held.handle, { concurrency: 4 })
  await held.runs('a1', 'b1', 'c1', 'd1')
  await held.finish('b1', 'd1')
  environment.advance(6_000)
  await turns()
  expect(await committed()).toMatchObject({ offset: 0 })
  await held.finish('a1')
  expect((await committed())?.offset).toBe(2)
  await held.finish('c1')
  await run
  expect((await committed())?.offset).toBe(4)
})

test('the newest record is begun no further behind the oldest than maxUndone', async () => {
  const { consume } = await createRun(Array.from({ length: 50 }, (_, n) => [`k${n}`, `${n}`] as const))
  const held = new HeldHandler()
  const run = consume({ maxUndone: 5 }).run(held.handle, { concurrency: 100 })
  await held.runs('0', '1', '2', '3', '4')
  await held.finish('1', '2', '3', '4')
  await held.runs('0')
  await held.finish('0')
  await held.runs('5', '6', '7', '8', '9')
  while (held.running.size > 0) await held.finish(...held.running.keys())
  await run
  expect(held.begun).toHaveLength(50)
})

test('limit ends the run after so many records, all of which are through', async () => {
  const { consume, committed } = await createRun(keyed('a1', 'b1', 'c1'))
  const seen: string[] = []
  const handler = async ({ value }: Text) => {
    await turns(3)
    seen.push(value)
  }
  await consume({ limit: 2, follow: true }).run(handler, { concurrency: 5 })
  expect(seen).toEqual(['a1', 'b1'])
  expect((await committed())?.offset).toBe(2)
})

/** Fails for a value as often as told, and notes what it was called with. */
function failing(times: Readonly<Record<string, number>>) {
  const calls: string[] = []
  const handler = async ({ value }: Text, attempt: Attempt) => {
    calls.push(`${value} ${attempt.number}`)
    if (attempt.number <= (times[value] ?? 0)) throw new Error(`${value} fails`)
  }
  return { calls, handler }
}

test('a record that fails is tried again after its delay; meanwhile other keys go on, and its own waits', async () => {
  const { consume, committed, environment } = await createRun(keyed('a1', 'a2', 'b1', 'c1'))
  const { calls, handler } = failing({ a1: 2 })
  const delayMs = (attempt: number) => attempt * 1_000
  const run = consume().run(handler, { retry: { attempts: 3, delayMs } })
  await until('the others are through', () => calls.length === 3)
  await turns()
  expect(calls).toEqual(['a1 1', 'b1 1', 'c1 1'])
  environment.advance(999)
  await turns()
  expect(calls).toHaveLength(3)
  environment.advance(1)
  await turns()
  expect(calls.slice(3)).toEqual(['a1 2'])
  environment.advance(2_000)
  await run
  expect(calls.slice(4)).toEqual(['a1 3', 'a2 1'])
  expect((await committed())?.offset).toBe(4)
})

test('what retry.when refuses is not tried again', async () => {
  const { consume } = await createRun(keyed('a1'), { clock: 'real' })
  const { calls, handler } = failing({ a1: 9 })
  const retry = { attempts: 5, delayMs: 0, when: (error: unknown) => !(error as Error).message.startsWith('a1') }
  await expect(consume().run(handler, { retry })).rejects.toThrow('a1 fails')
  expect(calls).toEqual(['a1 1'])
})

test("by default a failure stops the run with the handler's error, when what runs beside it is through", async () => {
  const { consume, committed } = await createRun(keyed('a1', 'b1', 'c1', 'd1'))
  const held = new HeldHandler()
  const run = consume().run(held.handle, { concurrency: 3 })
  await held.runs('a1', 'b1', 'c1')
  const failure = new Error('b1 fails')
  const stopped = expect(run).rejects.toBe(failure)
  held.running.get('b1')!.reject(failure)
  await turns()
  await held.finish('a1', 'c1')
  await stopped
  expect(held.begun).not.toContain('d1')
  expect((await committed())?.offset).toBe(1)
  const { calls, handler } = failing({})
  await consume().run(handler)
  expect(calls).toEqual(['b1 1', 'c1 1', 'd1 1'])
})

test("after onFailure 'stop' the attempts begin anew", async () => {
  const { consume, committed } = await createRun(keyed('a1'), { clock: 'real' })
  for (let start = 0; start < 2; start++) {
    const { calls, handler } = failing({ a1: 9 })
    await expect(consume().run(handler, { retry: { attempts: 2, delayMs: 0 } })).rejects.toThrow('a1 fails')
    expect(calls).toEqual(['a1 1', 'a1 2'])
    expect((await committed())?.metadata).toBe('')
  }
})

test('a synchronous throw is a failure like any other', async () => {
  const { consume, committed } = await createRun(keyed('a1', 'b1'))
  const handler = ({ value }: Text) => {
    if (value === 'a1') throw new Error('at once')
  }
  await consume().run(handler, { onFailure: 'skip' })
  expect((await committed())?.offset).toBe(2)
})

test('a skipped record counts as processed, with a warning', async () => {
  const { consume, committed, environment } = await createRun(keyed('a1', 'b1'))
  const { handler } = failing({ a1: 1 })
  await consume().run(handler, { onFailure: 'skip' })
  expect((await committed())?.offset).toBe(2)
  expect(environment.warnings).toContainEqual({
    code: 'TIDEMARK_RECORD_SKIPPED',
    message: 'Group "g" skipped t-0@0 after 1 attempt: a1 fails',
  })
})

test('a function may decide what becomes of a failed record, from the record and the error', async () => {
  const { consume, committed } = await createRun(keyed('a1', 'b1', 'c1'))
  const { handler } = failing({ a1: 1, b1: 1 })
  const onFailure = async ({ value }: Text, error: unknown) => {
    expect((error as Error).message).toBe(`${value} fails`)
    return value === 'a1' ? 'skip' : 'stop'
  }
  await expect(consume().run(handler, { onFailure })).rejects.toThrow('b1 fails')
  expect((await committed())?.offset).toBe(1)
})

test('where that function itself fails, or answers something else, the run stops with that', async () => {
  const { consume } = await createRun(keyed('a1'))
  const { handler } = failing({ a1: 9 })
  const failed = () => {
    throw new Error('undecided')
  }
  await expect(consume().run(handler, { onFailure: failed })).rejects.toThrow('undecided')
  await expect(consume().run(handler, { onFailure: () => 'ignore' as 'skip' })).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: "run: onFailure answered 'ignore'; it must answer 'stop', 'skip' or { deadLetter: 'a topic' }.",
  })
})

test('an attempt that takes too long has failed, its signal aborts, and the next one gets another', async () => {
  const { consume, committed, environment } = await createRun(keyed('a1'))
  const signals: AbortSignal[] = []
  const handler = (_: Text, { number, signal }: Attempt) => {
    signals.push(signal)
    return number < 3 ? new Promise<void>(() => {}) : undefined
  }
  const run = consume().run(handler, { attemptTimeoutMs: 500, retry: { attempts: 3, delayMs: 10 } })
  for (let begun = 1; begun <= 2; begun++) {
    await until('the attempt runs', () => signals.length === begun)
    environment.advance(499)
    expect(signals.at(-1)?.aborted).toBe(false)
    environment.advance(1)
    expect(signals.at(-1)?.reason).toMatchObject({ code: 'ATTEMPT_TIMED_OUT', offset: 0 })
    await turns()
    environment.advance(10)
  }
  await run
  expect(signals[2]?.aborted).toBe(false)
  expect((await committed())?.offset).toBe(1)
})

test('an aborted signal lets what runs come to its end, and begins nothing more, not even what waits for a retry', async () => {
  const { consume, committed } = await createRun(keyed('a1', 'b1', 'b2', 'c1', 'd1'))
  const held = new HeldHandler()
  const controller = new AbortController()
  const options = { concurrency: 3, retry: { attempts: 2, delayMs: 1_000 } }
  const run = consume({ follow: true, signal: controller.signal }).run(held.handle, options)
  await held.runs('a1', 'b1', 'c1')
  held.running.get('c1')!.reject(new Error('c1 fails'))
  await held.runs('a1', 'b1', 'd1')
  controller.abort()
  await turns()
  expect(held.running.get('a1')!.signal.aborted).toBe(false)
  await held.finish('a1', 'b1', 'd1')
  await run
  expect(held.begun).not.toContain('b2')
  expect(await committed()).toMatchObject({ offset: 2, metadata: '{"tidemark":"attempts","of":{"3":1}}' })
})

test('close() aborts the signals of what runs, which is handed out again, and the run is over', async () => {
  const { consume, committed } = await createRun(keyed('a1', 'b1'))
  const held = new HeldHandler()
  const consumer = consume({ follow: true })
  const run = consumer.run(held.handle, { concurrency: 2 })
  await held.runs('a1', 'b1')
  await held.finish('a1')
  const { signal } = held.running.get('b1')!
  await consumer.close()
  expect(signal.reason).toMatchObject({ code: 'ABORTED', offset: 1 })
  await run
  expect((await committed())?.offset).toBe(1)
})

test('close({ timeoutMs }) waits for what runs, not for what was never begun', async () => {
  const { consume, committed } = await createRun(keyed('a1', 'a2', 'b1'))
  const held = new HeldHandler()
  const consumer = consume({ follow: true })
  const run = consumer.run(held.handle, { concurrency: 2 })
  await held.runs('a1', 'b1')
  const closed = consumer.close({ timeoutMs: 60_000 })
  await turns()
  await held.finish('a1', 'b1')
  await closed
  await run
  expect(held.begun).toEqual(['a1', 'b1'])
  expect((await committed())?.offset).toBe(1)
})

test('a partition that another member gets is given up when what runs of it is through; the rest of it runs there', async () => {
  const { topic, consume, environment } = await createRun([], { partitions: 2 })
  await topic.sendBatch(
    ['a1', 'a2', 'a3', 'b1', 'b2', 'b3'].map((value) => ({ value, key: value[0]!, partition: value < 'b' ? 0 : 1 })),
  )
  const first = new HeldHandler()
  const second = new HeldHandler()
  const stop = new AbortController()
  const runs = [consume({ follow: true, signal: stop.signal }).run(first.handle, { concurrency: 2 })]
  await first.runs('a1', 'b1')
  runs.push(consume({ follow: true, signal: stop.signal }).run(second.handle, { concurrency: 2 }))
  for (let step = 0; step < 10; step++) {
    environment.advance(1_000)
    await turns()
  }
  expect(second.begun).toEqual([])
  await first.finish('a1', 'b1')
  await until('the other member has something', () => {
    environment.advance(1_000)
    return second.begun.length === 1
  })
  expect(['a2', 'b2']).toContain(second.begun[0])
  stop.abort()
  await first.finish(...first.running.keys())
  await second.finish(...second.running.keys())
  await Promise.all(runs)
  expect([...first.begun, ...second.begun].toSorted()).toEqual(['a1', 'a2', 'b1', 'b2'])
})

test('a record on which a process ends in its last attempt is not tried again, and its attempts are remembered', async () => {
  const { consume, committed, environment } = await createRun(keyed('a1', 'b1'))
  const calls: string[] = []
  const dying = ({ value }: Text, { number }: Attempt) => {
    calls.push(`${value} ${number}`)
    if (value === 'a1' && number === 1) throw new Error('not yet')
    return value === 'a1' ? new Promise<void>(() => {}) : undefined
  }
  const retry = { attempts: 3, delayMs: 10 }
  void consume({ follow: true }).run(dying, { retry })
  await until('the first attempt has failed', () => calls.length === 2)
  environment.advance(10)
  await until('the second attempt runs', () => calls.length === 3)
  expect(await committed()).toMatchObject({ offset: 0, metadata: '{"tidemark":"attempts","of":{"0":2}}' })

  const later = await createRun([], { environment: environment.crash({ keepUnsynced: 'all' }) })
  calls.length = 0
  void later.consume({ follow: true }).run(dying, { retry })
  await until('the third attempt runs', () => calls.length === 1)
  expect(calls).toEqual(['a1 3'])

  const last = await createRun([], { environment: later.environment.crash({ keepUnsynced: 'all' }) })
  const errors: unknown[] = []
  const end = failing({})
  await last.consume().run(end.handler, {
    retry,
    onFailure: (_, error) => {
      errors.push(error)
      return 'skip'
    },
  })
  expect(end.calls).toEqual(['b1 1'])
  expect(errors).toMatchObject([{ code: 'ATTEMPT_UNFINISHED', topic: 't', partition: 0, offset: 0 }])
  expect(await last.committed()).toMatchObject({ offset: 2, metadata: '' })
})

test('a run that wants one attempt has it, whatever an earlier run has tried', async () => {
  const { consume, committed, environment } = await createRun(keyed('a1', 'b1'))
  const controller = new AbortController()
  const first = failing({ a1: 9 })
  const stopped = consume({ follow: true, signal: controller.signal }).run(first.handler, {
    retry: { attempts: 5, delayMs: 100 },
  })
  await until('the first attempt has failed', () => first.calls.length === 2)
  environment.advance(100)
  await until('the second one has, too', () => first.calls.length === 3)
  controller.abort()
  await stopped
  expect(await committed()).toMatchObject({ offset: 0, metadata: '{"tidemark":"attempts","of":{"0":2}}' })
  const second = failing({})
  await consume().run(second.handler, { onFailure: 'skip' })
  expect(second.calls).toEqual(['a1 1', 'b1 1'])
})

test('a reset that was followed by retries can be undone, and says that the group went on', async () => {
  const { consume, tide, committed } = await createRun(keyed('a1', 'b1'), { clock: 'real' })
  await consume().run(() => {})
  await (await tide.groups.planReset('g', 'earliest')).apply()
  const { handler } = failing({ a1: 9 })
  await consume()
    .run(handler, { retry: { attempts: 2, delayMs: 0 } })
    .catch(() => {})
  const plan = await tide.groups.planUndo('g')
  expect(plan.changes).toMatchObject([{ before: { offset: 0 }, after: { offset: 2 }, hasMovedOn: true }])
  await plan.apply({ force: true })
  expect(await committed()).toMatchObject({ offset: 2, metadata: '' })
})

test.each([
  [{ concurrency: 0 }, 'run: concurrency is 0'],
  [{ order: 'topic' }, "run: order is 'topic'"],
  [{ retry: 3 }, 'run: retry is 3'],
  [{ retry: {} }, 'run: retry needs attempts'],
  [{ retry: { attempts: 0 } }, 'run: retry: attempts is 0'],
  [{ retry: { attempts: 2, delayMs: -1 } }, 'run: retry: delayMs is -1'],
  [{ onFailure: 'ignore' }, "run: onFailure is 'ignore'"],
  [{ onFailure: { deadLetter: 't' } }, 'run: dead letters cannot go to topic "t", which is consumed here'],
  [{ onFailure: { deadLetters: 'x' } }, "run: onFailure is { deadLetters: 'x' }"],
  [{ onFailure: { deadLetter: 'x', attempts: 3 } }, "run: onFailure is { deadLetter: 'x', attempts: 3 }"],
  [{ parallel: 3 }, "run has no option 'parallel'"],
])('run refuses %j', async (options, message) => {
  const { consume } = await createRun()
  await expect(consume().run(() => {}, options as object)).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringContaining(message),
  })
})

test('run refuses what is no function, and processed: next', async () => {
  const { consume } = await createRun()
  await expect(consume().run(undefined as never)).rejects.toThrow('run needs a handler')
  await expect(consume({ processed: 'next' }).run(() => {})).rejects.toThrow("Leave out processed: 'next'")
})

test("with commit: 'manual' nothing is committed but by commit(), in the run and after it", async () => {
  const { consume, committed } = await createRun(keyed('a1', 'b1', 'c1'))
  const consumer = consume({ commit: 'manual', limit: 2, follow: true })
  await consumer.run(() => {}, { concurrency: 2 })
  expect(await committed()).toBeUndefined()
  await consumer.commit()
  expect((await committed())?.offset).toBe(2)
})

test('a handler may send the group elsewhere: what waits from before is not begun any more', async () => {
  const { consume, committed, environment } = await createRun(keyed('a1', 'a2', 'b1', 'b2'))
  const calls: string[] = []
  const consumer = consume()
  let hasSought = false
  const run = consumer.run(
    async ({ value, topic, partition }) => {
      calls.push(value)
      if (value === 'a1' && !hasSought) throw new Error('for once')
      if (value === 'b1' && !hasSought) {
        hasSought = true
        await consumer.seek({ topic, partition }, { offset: 2 })
      }
    },
    { retry: { attempts: 2, delayMs: 1_000 } },
  )
  await until('b1 comes again', () => calls.length === 4)
  environment.advance(1_000)
  await run
  expect(calls).toEqual(['a1', 'b1', 'b1', 'b2'])
  expect((await committed())?.offset).toBe(4)
})

test('a paused partition begins nothing more than what was handed out, until it is resumed', async () => {
  const { consume, committed } = await createRun(keyed('a1', 'b1', 'c1'))
  const consumer = consume()
  const seen: string[] = []
  const run = consumer.run(({ value }) => {
    seen.push(value)
    if (value === 'a1') consumer.pause()
  })
  await until('the first is through', () => seen.length === 1)
  await turns()
  expect(seen).toEqual(['a1'])
  consumer.resume()
  await run
  expect(seen).toEqual(['a1', 'b1', 'c1'])
  expect((await committed())?.offset).toBe(3)
})

test('where its topic is deleted the run ends with that, when what runs is through', async () => {
  const { consume, tide } = await createRun(keyed('a1', 'b1'))
  const held = new HeldHandler()
  const run = consume({ follow: true }).run(held.handle)
  const ended = expect(run).rejects.toMatchObject({ code: 'UNKNOWN_TOPIC', topic: 't' })
  await held.runs('a1')
  const { signal } = held.running.get('a1')!
  await tide.topics.delete('t')
  await turns()
  expect(signal.aborted).toBe(true)
  await held.finish('a1')
  await ended
  expect(held.begun).toEqual(['a1'])
})

test('a running group that is moved goes on there: signals abort, and the key waits until its handler is through', async () => {
  const { consume, tide, committed, environment } = await createRun(keyed('a1', 'a2', 'b1'))
  const held = new HeldHandler()
  const run = consume({ follow: true, limit: 5 }).run(held.handle, { concurrency: 4 })
  await held.runs('a1', 'b1')
  await held.finish('b1')
  const { signal } = held.running.get('a1')!
  const first = held.running.get('a1')!
  const plan = await tide.groups.planReset('g', { offset: 1 }, { topics: ['t'] })
  const moved = plan.apply({ running: true })
  await until('the member has heard of it', () => {
    environment.advance(500)
    return signal.aborted
  })
  await moved
  await held.runs('a1', 'b1')
  first.resolve()
  await until('a2 is begun', () => held.begun.filter((value) => value === 'a2').length === 1)
  while (held.running.size > 0) await held.finish(...held.running.keys())
  await run
  expect(held.begun).toEqual(['a1', 'b1', 'b1', 'a2'])
  expect((await committed())?.offset).toBe(3)
})
