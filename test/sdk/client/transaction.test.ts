/** `consumer.transaction` and `tide.transaction`: all of it, or nothing. */
import { expect, onTestFinished, test } from 'vitest'
import { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import { TidemarkError } from '../../../sdk/errors.ts'
import { open, string, type Tidemark, type Topic } from '../../../sdk/index.ts'
import { createClient, turns, until } from './support/create-client.ts'

type TextTopic = Topic<string, string | null, string>

interface Shop {
  readonly environment: MemoryEnvironment
  readonly tide: Tidemark
  readonly input: TextTopic
  readonly output: TextTopic
}

/** A directory whose topic `in` holds `0`, `1`, … */
async function createShop(
  count: number,
  options: { partitions?: number; clock?: 'real' | 'manual' } = {},
): Promise<Shop> {
  const { partitions = 1, clock = 'real' } = options
  const environment = new MemoryEnvironment({ clock })
  const tide = await open('/data', { environment })
  onTestFinished(() => tide.close().catch(() => {}))
  const input = tide.topic('in', { value: string, partitions })
  const output = tide.topic('out', { value: string, partitions: 2 })
  await output.ensure()
  await input.sendBatch(Array.from({ length: count }, (_, n) => ({ value: `${n}`, partition: n % partitions })))
  return { environment, tide, input, output }
}

async function valuesOf(topic: TextTopic): Promise<string[]> {
  const values: string[] = []
  for await (const { value } of topic.read({ follow: false })) values.push(value)
  return values.sort((one, other) => Number(one) - Number(other))
}

function numbers(count: number): string[] {
  return Array.from({ length: count }, (_, n) => `${n}`)
}

async function committedOffset(tide: Tidemark, group = 'g'): Promise<number | undefined> {
  return (await tide.groups.offsets(group))[0]?.offset
}

const readAll = { group: 'g', follow: false } as const

test('a batch and what was sent for it count together; nothing else has to be committed', async () => {
  const { tide, input, output } = await createShop(25)
  const consumer = input.consume(readAll)
  const seen: (number | undefined)[] = []
  for await (const batch of consumer.batches({ maxRecords: 10 })) {
    const count = await consumer.transaction(async (tx) => {
      await tx.sendBatch(
        output,
        batch.records.map(({ value }) => ({ key: value, value })),
      )
      expect(await valuesOf(output)).toEqual(numbers(10 * seen.length))
      return batch.records.length
    })
    expect(count).toBe(batch.records.length)
    seen.push(await committedOffset(tide))
  }
  expect(seen).toEqual([10, 20, 25])
  expect(await valuesOf(output)).toEqual(numbers(25))
  expect((await tide.lag({ group: 'g' })).map(({ lag }) => lag)).toEqual([0])
})

test('a record at a time, from several partitions, to several topics', async () => {
  const { tide, input, output } = await createShop(12, { partitions: 3 })
  const log = tide.topic('log', { value: string })
  const consumer = input.consume(readAll)
  for await (const record of consumer) {
    await consumer.transaction((tx) => {
      tx.send(output, { value: record.value })
      tx.send(log, { value: record.value })
    })
  }
  expect(await valuesOf(output)).toEqual(numbers(12))
  expect(await valuesOf(log)).toEqual(numbers(12))
  expect((await tide.groups.offsets('g')).map(({ offset }) => offset)).toEqual([4, 4, 4])
})

test('a body that throws ends the loop with its error, and the next loop begins with the same batch', async () => {
  const { tide, input, output } = await createShop(4)
  const consumer = input.consume(readAll)
  const loop = async () => {
    for await (const batch of consumer.batches({ maxRecords: 2 })) {
      await consumer.transaction(async (tx) => {
        await tx.sendBatch(
          output,
          batch.records.map(({ value }) => ({ value })),
        )
        if (batch.records[0]!.value === '2') throw new Error('not now')
      })
    }
  }
  await expect(loop()).rejects.toThrow('not now')
  expect([await valuesOf(output), await committedOffset(tide)]).toEqual([['0', '1'], 2])
  const again: string[] = []
  for await (const { value } of input.consume(readAll)) again.push(value)
  expect(again).toEqual(['2', '3'])
})

test('where the error is caught the loop goes on with the same records, batch by batch and record by record', async () => {
  const { input, output } = await createShop(40, { partitions: 2 })
  const failing = (failures: { count: number }) => {
    if (++failures.count % 3 !== 0) throw new Error('again')
  }
  const [first, second] = [{ count: 0 }, { count: 0 }]
  const batches = input.consume({ ...readAll, group: 'batches' })
  for await (const batch of batches.batches({ maxRecords: 7 })) {
    const transaction = batches.transaction(async (tx) => {
      await tx.sendBatch(
        output,
        batch.records.map(({ value }) => ({ value })),
      )
      failing(first)
    })
    await transaction.catch(() => {})
  }
  expect(await valuesOf(output)).toEqual(numbers(40))
  expect(first.count).toBeGreaterThan(12)
  const records = input.consume({ ...readAll, group: 'records' })
  for await (const { value } of records) {
    const transaction = records.transaction((tx) => {
      tx.send(output, { value: `1${value.padStart(2, '0')}` })
      failing(second)
    })
    await transaction.catch(() => {})
  }
  expect((await valuesOf(output)).slice(40)).toEqual(Array.from({ length: 40 }, (_, n) => `${100 + n}`))
  expect(second.count).toBe(120)
})

test('a send that fails fails the transaction, awaited or not, and the next one works', async () => {
  const { tide, output } = await createShop(0)
  const small = tide.topic('small', { value: string, configs: { 'max.message.bytes': '1000' } })
  await expect(
    tide.transaction((tx) => {
      void tx.send(output, { value: 'a' })
      void tx.send(small, { value: 'x'.repeat(2_000) })
    }),
  ).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' })
  await expect(
    tide.transaction((tx) => {
      void tx.send(output, { value: 'a' })
      void tx.send(output, { value: 5 as unknown as string })
    }),
  ).rejects.toMatchObject({ code: 'ENCODE_FAILED' })
  expect(await valuesOf(output)).toEqual([])
  const sent = await tide.transaction((tx) => tx.send(output, { value: '1' }))
  expect(sent).toMatchObject({ topic: 'out', survives: 'process-crash' })
  expect(await valuesOf(output)).toEqual(['1'])
})

test('several transactions run at once, each on its own; their producers are used again', async () => {
  const { tide, output } = await createShop(0)
  for (let round = 0; round < 3; round++) {
    await Promise.all(
      Array.from({ length: 5 }, async (_, n) => {
        const transaction = tide.transaction(async (tx) => {
          await tx.send(output, { value: `${5 * round + n}` })
          await turns(3)
          if (n === 4) throw new Error('not this one')
        })
        await transaction.catch(() => {})
      }),
    )
  }
  expect(await valuesOf(output)).toEqual(numbers(15).filter((n) => Number(n) % 5 !== 4))
})

test('a transaction that takes longer than it may is aborted, and its input comes again', async () => {
  const { environment, input, output } = await createShop(2, { clock: 'manual' })
  const consumer = input.consume({ ...readAll, limit: 3 })
  const codes: string[] = []
  for await (const { value } of consumer) {
    const transaction = consumer.transaction(
      async (tx) => {
        await tx.send(output, { value })
        if (codes.length === 0) environment.advance(5_000)
        await turns(5)
      },
      { timeoutMs: 5_000 },
    )
    codes.push(
      await transaction.then(
        () => value,
        (error: TidemarkError) => error.code,
      ),
    )
  }
  expect(codes).toEqual(['PRODUCER_FENCED', '0', '1'])
  expect(await valuesOf(output)).toEqual(['0', '1'])
})

test('a consumer that loses its partition meanwhile commits nothing: whoever has it now does it', async () => {
  const { broker, environment, topic } = createClient()
  broker.addTopic('t')
  broker.append('t', 0, ['a'])
  const consumer = topic('t').consume({ group: 'g', limit: 1 })
  const output = topic('out')
  const loop = async () => {
    for await (const { value, signal } of consumer) {
      await consumer.transaction(async (tx) => {
        await tx.send(output, { value })
        broker.override('consumerGroupHeartbeat', async (_, usual) => {
          broker.restore('consumerGroupHeartbeat')
          await usual()
          throw new TidemarkError('FENCED_MEMBER_EPOCH')
        })
        environment.advance(broker.heartbeatIntervalMs)
        await until('the partition is lost', () => signal.aborted)
      })
    }
  }
  await expect(loop()).rejects.toMatchObject({ code: 'STALE_MEMBER_EPOCH', retriable: true })
  expect(broker.seen('txnOffsetCommit')).toEqual([])
  expect(broker.seen('endTxn').map(({ result }) => result)).toEqual(['abort'])
})

test('whoever waits for a partition gets it when the transaction is through', async () => {
  const { tide, input, output } = await createShop(200, { partitions: 4 })
  const workers = Array.from({ length: 3 }, async () => {
    const consumer = input.consume(readAll)
    for await (const batch of consumer.batches({ maxRecords: 9 })) {
      const transaction = consumer.transaction(async (tx) => {
        await tx.sendBatch(
          output,
          batch.records.map(({ value }) => ({ value })),
        )
        await turns(2)
      })
      // A rebalance may take it away in the middle.
      await transaction.catch((error: TidemarkError) => expect(error.retriable, error.message).toBe(true))
    }
  })
  await Promise.all(workers)
  expect(await valuesOf(output)).toEqual(numbers(200))
  expect((await tide.lag({ group: 'g' })).map(({ lag }) => lag)).toEqual([0, 0, 0, 0])
})

test('closing aborts what is open', async () => {
  const { environment, tide, output } = await createShop(0)
  const begun = Promise.withResolvers<void>()
  const late = Promise.withResolvers<void>()
  const transaction = tide.transaction(async (tx) => {
    await tx.send(output, { value: 'a' })
    begun.resolve()
    await late.promise
    await expect(tx.send(output, { value: 'b' })).rejects.toMatchObject({ code: 'CLOSED' })
  })
  transaction.catch(() => {})
  await begun.promise
  await tide.close()
  late.resolve()
  await expect(transaction).rejects.toMatchObject({ code: 'CLOSED' })
  await using again = await open('/data', { environment })
  expect(await valuesOf(again.topic('out', { value: string }))).toEqual([])
})

test('mistakes are told', async () => {
  const { tide, input, output } = await createShop(1)
  const code = 'INVALID_ARGUMENT'
  await expect(input.consume(readAll).transaction(() => {})).rejects.toMatchObject({
    code,
    message: expect.stringContaining('no record in hand'),
  })
  await expect(input.consume({ ...readAll, processed: 'done' }).transaction(() => {})).rejects.toMatchObject({ code })
  await expect(tide.transaction(5 as never)).rejects.toMatchObject({ code })
  await expect(tide.transaction(() => {}, { timeoutMs: 0 })).rejects.toMatchObject({ code })
  await using elsewhere = await open('memory:')
  const foreign = elsewhere.topic('out', { value: string })
  await expect(tide.transaction((tx) => tx.send(foreign, { value: 'x' }))).rejects.toMatchObject({ code })
  let kept: Parameters<Parameters<typeof tide.transaction>[0]>[0] | undefined
  await tide.transaction((tx) => {
    kept = tx
  })
  await expect(kept!.send(output, { value: 'late' })).rejects.toMatchObject({ code: 'CLOSED' })
  await tide.close()
  await expect(tide.transaction(() => {})).rejects.toMatchObject({ code: 'CLOSED' })
})

test('where nobody knows how a transaction ended the loop ends too, and commits nothing of its own', async () => {
  const { broker, topic } = createClient()
  broker.addTopic('t')
  for (const value of ['a', 'b', 'c', 'd']) broker.append('t', 0, [value])
  broker.override('endTxn', async () => {
    throw new TidemarkError('STORAGE_ERROR', 'the disk is full')
  })
  const consumer = topic('t').consume({ group: 'g', commit: { everyRecords: 1_000 } })
  const handedOut: string[] = []
  const loop = async () => {
    for await (const { value } of consumer) {
      handedOut.push(value)
      // The first two are processed and not committed yet.
      if (handedOut.length > 2) await consumer.transaction(() => {}).catch(() => {})
    }
  }
  await expect(loop()).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
  expect(handedOut).toEqual(['a', 'b', 'c'])
  await until('the consumer has left', () => broker.members.size === 0)
  expect(broker.seen('txnOffsetCommit').flatMap(({ offsets }) => offsets.map(({ offset }) => offset))).toEqual([3])
  expect(broker.seen('offsetCommit')).toEqual([])
})
