/** What an owner does with neighbours that say nonsense, say too much, or do not listen. */
import { expect, onTestFinished, test } from 'vitest'
import { hello, ownerMessage, PROTOCOL } from '../../../sdk/broker/door-message.ts'
import { encodeFrame, FrameReader } from '../../../sdk/broker/frame.ts'
import { Neighbour } from '../../../sdk/broker/neighbour.ts'
import { NO_ATTACHMENTS } from '../../../sdk/broker/shape.ts'
import { endpointName, findDirectoryId } from '../../../sdk/directory/endpoint-name.ts'
import type { Connection } from '../../../sdk/environment/environment.ts'
import { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import { batch, create, readAll, send } from '../../support/broker/requests.ts'
import { testOwners, type World } from '../../support/broker/worlds.ts'
import { seededRandom } from '../../support/seeded-random.ts'

const SEED = Number(process.env['SEED'] ?? Date.now() % 100_000)
const HELLO = {
  hello: { protocol: PROTOCOL, pid: 1, clientId: 'stranger', survives: 'process-crash', isVisitor: false },
}

/** A connection that says whatever it is told to, and what came back. */
interface Stranger {
  readonly connection: Connection
  readonly messages: ReturnType<typeof ownerMessage.unpack>[]
  readonly closed: Promise<void>
  say(json: unknown, attachments?: readonly Uint8Array[]): void
  sayBytes(bytes: Uint8Array): void
}

async function connect({ environment, path }: World): Promise<Stranger> {
  const there = environment instanceof MemoryEnvironment ? environment.anotherProcess() : environment
  const name = endpointName(environment, path, findDirectoryId(environment, path)!)
  const connection = await there.connect(path, name)
  if (connection === undefined) throw new Error('nobody is at home')
  onTestFinished(() => connection.destroy())
  connection.keepAlive(true)
  const closed = Promise.withResolvers<void>()
  const reader = new FrameReader(2 ** 30)
  const messages: Stranger['messages'][number][] = []
  connection.receive({
    data(bytes) {
      for (const { json } of reader.read(bytes)) messages.push(ownerMessage.unpack(json, NO_ATTACHMENTS, ''))
    },
    drained() {},
    ended: () => connection.end(),
    closed: closed.resolve,
  })
  return {
    connection,
    messages,
    closed: closed.promise,
    say: (json, attachments) => connection.write(encodeFrame(json, attachments)),
    sayBytes: (bytes) => connection.write([bytes]),
  }
}

const lengths = (total: number, text: number): Buffer => {
  const bytes = Buffer.alloc(8)
  bytes.writeUInt32BE(total, 0)
  bytes.writeUInt32BE(text, 4)
  return bytes
}

const NONSENSE: readonly (readonly [string, Uint8Array, string])[] = [
  ['a message that is too long', lengths(2 ** 31, 10), 'a message of 2147483648 bytes, and at most'],
  ['lengths that contradict', lengths(10, 100), 'a message whose lengths contradict'],
  ['too much JSON', lengths(60_000_000, 50_000_000), 'a message with 50000000 bytes of JSON'],
  ['no JSON', Buffer.concat([lengths(9, 5), Buffer.from('{"id"')]), 'a message that is no JSON'],
  ['no object', Buffer.concat([lengths(6, 2), Buffer.from('[]')]), 'It must be an object'],
  ['no request', Buffer.concat([lengths(6, 2), Buffer.from('{}')]), 'It must be a request'],
]

testOwners('what is no message is answered with why, and the connection ends; others are served on', async (world) => {
  const owner = await world.own()
  await create(owner, 't')
  for (const [what, bytes, why] of NONSENSE) {
    const stranger = await connect(world)
    stranger.say(HELLO)
    stranger.sayBytes(bytes)
    await stranger.closed
    expect(stranger.messages.at(-1), what).toEqual({ goodbye: expect.stringContaining(why) })
    expect(await send(owner, 't', what), what).toBeGreaterThanOrEqual(0)
  }
  const mute = await connect(world)
  mute.say({ id: 0, api: 'metadata', request: { topics: null } })
  await mute.closed
  expect(mute.messages).toEqual([{ goodbye: expect.stringContaining('It must be an object') }])
})

testOwners('requests that are not valid are refused one by one, and the connection goes on', async (world) => {
  const owner = await world.own()
  await create(owner, 't')
  const stranger = await connect(world)
  stranger.say(HELLO)
  const invalid: readonly (readonly [string, unknown, string, string])[] = [
    ['fly', {}, 'UNSUPPORTED', 'knows no request "fly"'],
    ['constructor', {}, 'UNSUPPORTED', 'knows no request "constructor"'],
    ['metadata', {}, 'INVALID_ARGUMENT', 'topics must be a list'],
    ['metadata', { topics: [1] }, 'INVALID_ARGUMENT', 'topics[0] must be text'],
    ['fetch', { partitions: [] }, 'INVALID_ARGUMENT', 'maxWaitMs must be a whole number'],
    ['produce', { partitions: [{ topic: 't', partition: 0, records: 7 }] }, 'INVALID_ARGUMENT', 'no more than the 0'],
    ['offsetCommit', { group: 'g' }, 'INVALID_ARGUMENT', 'memberId must be text'],
    ['createTopics', { topics: [{ name: 't', partitions: 1, configs: [] }] }, 'INVALID_ARGUMENT', 'an object'],
  ]
  for (const [id, [api, request]] of invalid.entries()) stranger.say({ id, api, request })
  stranger.say({ id: 99, api: 'metadata', request: { topics: ['t'] } })
  await expect.poll(() => stranger.messages.length).toBe(invalid.length + 2)
  for (const [id, [api, , code, why]] of invalid.entries()) {
    const found = stranger.messages.find((message) => message.id === id)
    expect(found?.error, api).toMatchObject({ code, message: expect.stringContaining(why) })
  }
  expect(stranger.messages.find(({ id }) => id === 99)).toMatchObject({ answer: { topics: [{ name: 't' }] } })
})

testOwners('a batch that was damaged on its way is refused, and nothing of it is written', async (world) => {
  const owner = await world.own()
  await create(owner, 't', 2)
  const stranger = await connect(world)
  stranger.say(HELLO)
  const [good, bad] = [batch(['good']), batch(['bad'])]
  bad[bad.length - 2]! ^= 1
  const partitions = [good, bad].map(({ length }, partition) => ({ topic: 't', partition, records: length }))
  stranger.say({ id: 0, api: 'produce', request: { partitions } }, [good, bad])
  await expect.poll(() => stranger.messages.length).toBe(2)
  expect(stranger.messages[1]).toMatchObject({
    answer: { partitions: [{ error: null, baseOffset: 0 }, { error: { code: 'CORRUPT_BATCH' } }] },
  })
  expect(await readAll(owner, 't', 1)).toEqual([])
})

testOwners(`whatever strangers say, the owner lives and answers others (SEED=${SEED})`, async (world) => {
  const owner = await world.own()
  await create(owner, 't')
  const random = seededRandom(SEED)
  const below = (limit: number) => Math.floor(random() * limit)
  for (let round = 0; round < 60; round++) {
    const stranger = await connect(world)
    if (random() < 0.8) stranger.say(HELLO)
    for (let count = below(12); count >= 0; count--) stranger.sayBytes(mutilated(validMessage(below), below))
    if (random() < 0.3) stranger.connection.end()
    if (random() < 0.3) stranger.connection.destroy()
    expect(await send(owner, 't', `${round}`), `SEED=${SEED}, round ${round}`).toBeGreaterThanOrEqual(round)
  }
  const read = await readAll(owner, 't')
  expect(read.length, `SEED=${SEED}`).toBeGreaterThanOrEqual(60)
})

function validMessage(below: (limit: number) => number): Buffer {
  const records = batch([`stranger ${below(100)}`])
  const place = { topic: 't', partition: below(2) }
  const fetching = { ...place, fetchOffset: below(5), maxBytes: below(2) * 1_000_000 }
  const requests: readonly (readonly [string, unknown, readonly Uint8Array[]])[] = [
    ['metadata', { topics: null }, []],
    ['produce', { partitions: [{ ...place, records: records.length }] }, [records]],
    [
      'fetch',
      { partitions: [fetching], maxWaitMs: below(500), minBytes: 1, maxBytes: 1000, isolation: 'read_committed' },
      [],
    ],
    ['listOffsets', { isolation: 'read_uncommitted', partitions: [{ ...place, at: 'latest' }] }, []],
    ['offsetFetch', { group: 'g', partitions: null }, []],
  ]
  const [api, request, attachments] = requests[below(requests.length)]!
  return Buffer.concat(encodeFrame({ id: below(6), api, request }, attachments))
}

/** Whole, with some bytes changed, cut off, or with something put in. */
function mutilated(message: Buffer, below: (limit: number) => number): Buffer {
  const at = below(message.length)
  switch (below(5)) {
    case 0:
      return message.subarray(0, at)
    case 1:
      for (let count = below(4); count >= 0; count--) message[below(message.length)] = below(256)
      return message
    case 2:
      return Buffer.concat([message.subarray(0, at), message, message.subarray(at)])
    default:
      return message
  }
}

testOwners('a neighbour that reads no answers is not read from, and costs no more than it may', async (world) => {
  const owner = await world.own()
  await create(owner, 't', 1, { 'max.message.bytes': '2000000' })
  const large = () => batch([{ key: null, value: Buffer.alloc(1_000_000, 'x'), timestampMs: 1 }])
  for (let count = 0; count < 8; count++) await send(owner, 't', large())
  const stalled = await connect(world)
  stalled.say(HELLO)
  await expect.poll(() => stalled.messages.length).toBe(1)
  stalled.connection.pause()
  const fetching = [{ topic: 't', partition: 0, fetchOffset: 0, maxBytes: 50_000_000 }]
  const request = { partitions: fetching, maxWaitMs: 0, minBytes: 1, maxBytes: 50_000_000, isolation: 'read_committed' }
  const before = process.memoryUsage().arrayBuffers
  for (let id = 0; id < 60; id++) stalled.say({ id, api: 'fetch', request })
  for (let count = 0; count < 20; count++) expect(await send(owner, 't', 'small')).toBeGreaterThan(7)
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(100_000_000)
  // Every question is answered once it reads again.
  stalled.connection.resume()
  await expect.poll(() => stalled.messages.length, { timeout: 20_000 }).toBe(61)
})

testOwners('more questions at once than are taken at a time are answered one after the other', async (world) => {
  const owner = await world.own()
  await create(owner, 't')
  const eager = await connect(world)
  eager.say(HELLO)
  for (let id = 0; id < 2_500; id++) eager.say({ id, api: 'metadata', request: { topics: ['t'] } })
  await expect.poll(() => eager.messages.length, { timeout: 20_000 }).toBe(2_501)
})

testOwners(
  'large records that many waits of a neighbour get at once, and a record beyond all limits, do not cut it off',
  async (world) => {
    const owner = await world.own()
    await create(owner, 't', 1, { 'max.message.bytes': '100000000' })
    const reader = await connect(world)
    reader.say(HELLO)
    const partitions = [{ topic: 't', partition: 0, fetchOffset: 0, maxBytes: 50_000_000 }]
    const request = { partitions, maxWaitMs: 3_600_000, minBytes: 1, maxBytes: 50_000_000, isolation: 'read_committed' }
    for (let id = 0; id < 12; id++) reader.say({ id, api: 'fetch', request })
    reader.say({ id: 12, api: 'metadata', request: { topics: ['t'] } })
    await expect.poll(() => reader.messages.length).toBe(2)
    const sized = (bytes: number) => batch([{ key: null, value: Buffer.alloc(bytes, 'x'), timestampMs: 1 }])
    await send(owner, 't', sized(8_000_000))
    await expect.poll(() => reader.messages.length, { timeout: 20_000 }).toBe(14)
    // What goes to the owner through a neighbour has a limit, which its sender is told.
    await send(owner, 't', sized(owner.kind === 'owner' ? 70_000_000 : 60_000_000))
    const behind = [{ topic: 't', partition: 0, fetchOffset: 1, maxBytes: 50_000_000 }]
    reader.say({ id: 13, api: 'fetch', request: { ...request, partitions: behind } })
    reader.say({ id: 14, api: 'metadata', request: { topics: ['t'] } })
    await expect.poll(() => reader.messages.length, { timeout: 20_000 }).toBe(16)
    expect(reader.messages.flatMap(({ error }) => error ?? [])).toEqual([])
  },
)

testOwners('waits of a neighbour that is gone end, and its requests are not begun', async (world) => {
  const owner = await world.own()
  await create(owner, 't')
  const stranger = await connect(world)
  stranger.say(HELLO)
  const partitions = [{ topic: 't', partition: 0, fetchOffset: 0, maxBytes: 1000 }]
  const request = { partitions, maxWaitMs: 3_600_000, minBytes: 1, maxBytes: 1000, isolation: 'read_committed' }
  for (let id = 0; id < 20; id++) stranger.say({ id, api: 'fetch', request })
  await expect.poll(() => stranger.messages.length).toBe(1)
  stranger.connection.destroy()
  await stranger.closed
  expect(await send(owner, 't', 'a')).toBe(0)
  // Closing waits for nobody.
  await owner.close()
})

test('an owner and a neighbour of other versions say which of them is the older', async () => {
  for (const [protocol, older] of [
    [PROTOCOL - 1, 'that of process 7'],
    [PROTOCOL + 1, 'that of this process'],
  ] as const) {
    const environment = new MemoryEnvironment()
    const { files } = environment
    files.makeDirectory('/data')
    const file = files.open('/data/meta.properties', { write: true, create: true })
    file.write([Buffer.from('version=1\nnode.id=1\ncluster.id=c\ndirectory.id=d\n')], 0)
    const fence = await environment.bindFence('/data', endpointName(environment, '/data', 'd'))
    if (!fence.held) throw new Error('the fence is free')
    fence.listen((connection) => {
      connection.receive({ data() {}, drained() {}, ended() {}, closed() {} })
      const who = { protocol, pid: 7, clientId: 'other', survives: 'power-loss' as const, isVisitor: false }
      connection.write(encodeFrame({ hello: hello.pack(who, []) }))
    })
    const options = { clientId: 'mine', survives: 'power-loss' as const }
    // Who only looks does so elsewhere.
    expect(await Neighbour.visit(environment.anotherProcess(), '/data')).toBeUndefined()
    await expect(Neighbour.connect(environment.anotherProcess(), '/data', options)).rejects.toMatchObject({
      code: 'DIRECTORY_IN_USE',
      message: expect.stringContaining(older),
    })
  }
})
