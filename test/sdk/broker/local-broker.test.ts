/** Several processes with one directory: who owns it, and what becomes of what was asked when the owner goes. */
import { expect, onTestFinished, test } from 'vitest'
import { encodeFrame } from '../../../sdk/broker/frame.ts'
import { LocalBroker, type LocalBrokerOptions, type Role } from '../../../sdk/broker/local-broker.ts'
import { endpointName, findDirectoryId } from '../../../sdk/directory/endpoint-name.ts'
import { loggedEnvironment } from '../../../sdk/environment/logged-environment.ts'
import { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import { open } from '../../../sdk/open.ts'
import { Tidemark } from '../../../sdk/tidemark.ts'
import {
  batch,
  beat,
  commit,
  committed,
  create,
  fetch,
  member,
  produce,
  readAll,
  send,
  valuesOf,
} from '../../support/broker/requests.ts'
import { PATH } from '../../support/broker/worlds.ts'
import { passing, stoppable } from '../../support/stopped-owner.ts'

interface Process {
  readonly environment: MemoryEnvironment
  readonly broker: LocalBroker
  readonly roles: Role[]
}

async function start(environment: MemoryEnvironment, options: Partial<LocalBrokerOptions> = {}): Promise<Process> {
  const roles: Role[] = []
  const broker = await LocalBroker.open(environment, PATH, {
    waitMs: 0,
    survives: 'process-crash',
    clientId: `client ${environment.process.pid}`,
    onRole: (role) => roles.push(role),
    ...options,
  })
  onTestFinished(() => broker.close().catch(() => {}))
  return { environment, broker, roles }
}

async function startSeveral(count: number): Promise<[Process, ...Process[]]> {
  const first = await start(new MemoryEnvironment())
  const others: Process[] = []
  while (others.length + 1 < count) others.push(await start(first.environment.anotherProcess()))
  return [first, ...others]
}

/** As SIGKILL ends a process. */
function kill({ environment }: Process): void {
  environment.kill()
}

const kinds = (processes: readonly Process[]) => processes.map(({ broker }) => broker.kind)

async function settled(processes: readonly Process[]): Promise<void> {
  await Promise.all(processes.map(({ broker }) => broker.metadata({ topics: [] })))
}

test('the first process owns the directory, the others are its neighbours, and each sees what the others do', async () => {
  const [owner, one, other] = await startSeveral(3)
  expect(kinds([owner, one!, other!])).toEqual(['owner', 'neighbour', 'neighbour'])
  await create(one!.broker, 't', 2)
  expect(await send(owner.broker, 't', 'a')).toBe(0)
  expect(await send(one!.broker, 't', 'b')).toBe(1)
  const waiting = fetch(other!.broker, 't', { offset: 2, maxWaitMs: 60_000 })
  await send(one!.broker, 't', 'c')
  expect(valuesOf(await waiting)).toEqual(['2=c'])
  await commit(other!.broker, 'g', 't', 2)
  for (const { broker } of [owner, one!, other!]) {
    expect(await readAll(broker, 't')).toEqual(['0=a', '1=b', '2=c'])
    expect(await committed(broker, 'g')).toEqual(['t-0@2'])
  }
})

test('topics that come and go are told to every process', async () => {
  const [owner, one] = await startSeveral(2)
  const told: (readonly string[] | null)[] = []
  one!.broker.onTopicsChanged((names) => told.push(names))
  await create(owner.broker, 't')
  await one!.broker.deleteTopics({ topics: ['t'] })
  expect(told).toEqual([['t'], ['t']])
})

test('who owns the directory and who is connected is told by every process', async () => {
  const [owner, one, other] = await startSeveral(3)
  const described = await one!.broker.describeCluster({})
  const who = ({ environment }: Process) => {
    const { pid } = environment.process
    return { pid, clientId: `client ${pid}`, sinceMs: expect.any(Number) }
  }
  expect(described).toMatchObject({ owner: who(owner), neighbours: [who(one!), who(other!)] })
  expect(await owner.broker.describeCluster({})).toEqual(described)
  await other!.broker.close()
  expect(await owner.broker.describeCluster({})).toMatchObject({ neighbours: [who(one!)] })
})

for (const [how, end] of [
  ['closes', (process: Process) => process.broker.close()],
  ['is killed', kill],
] as const) {
  test(`when the owner ${how}, one neighbour takes the directory and the others become its neighbours`, async () => {
    const [first, ...others] = await startSeveral(4)
    await create(first.broker, 't')
    await send(first.broker, 't', 'a')
    await end(first)
    await settled(others)
    expect(kinds(others).toSorted()).toEqual(['neighbour', 'neighbour', 'owner'])
    const owner = others.find(({ broker }) => broker.kind === 'owner')!
    for (const { roles, broker } of others) {
      const now = { kind: broker.kind, ownerPid: owner.environment.process.pid }
      expect(roles).toEqual([{ kind: 'neighbour', ownerPid: first.environment.process.pid }, now])
    }
    for (const [index, { broker }] of others.entries()) expect(await send(broker, 't', `${index}`)).toBe(1 + index)
    for (const { broker } of others) expect(await readAll(broker, 't')).toEqual(['0=a', '1=0', '2=1', '3=2'])
  })

  test(`reads, commits and waits that are under way when the owner ${how} go on with the next one`, async () => {
    const [first, one, other] = await startSeveral(3)
    await create(first.broker, 't')
    await send(first.broker, 't', 'a')
    const waiting = fetch(one!.broker, 't', { offset: 1, maxWaitMs: 60_000 })
    const ended = end(first)
    const committing = commit(one!.broker, 'g', 't', 1)
    const read = readAll(other!.broker, 't')
    await ended
    await committing
    expect(await read).toEqual(['0=a'])
    await send(other!.broker, 't', 'b')
    expect(valuesOf(await waiting)).toContain('1=b')
    expect(await committed(other!.broker, 'g')).toEqual(['t-0@1'])
  })

  test(`what is sent while nobody owns the directory, since its owner ${how}, arrives in order`, async () => {
    const [first, one] = await startSeveral(2)
    await create(first.broker, 't')
    await end(first)
    await one!.environment.timers.yield()
    const offsets = await Promise.all(['a', 'b', 'c'].map((value) => send(one!.broker, 't', value)))
    expect(offsets).toEqual([0, 1, 2])
    expect(await readAll(one!.broker, 't')).toEqual(['0=a', '1=b', '2=c'])
  })
}

test('an owner that closes answers everything that was asked before it goes', async () => {
  const [owner, one] = await startSeveral(2)
  await create(owner.broker, 't')
  await send(owner.broker, 't', 'first')
  const sending = Array.from({ length: 50 }, (_, index) => send(one!.broker, 't', `${index}`))
  const closing = owner.broker.close()
  expect(await Promise.all(sending)).toEqual(Array.from({ length: 50 }, (_, index) => 1 + index))
  await closing
  expect(await readAll(one!.broker, 't')).toHaveLength(51)
})

test('a batch whose answer died with the owner is sent again if its producer numbers it, else its sender is told', async () => {
  const [owner, one] = await startSeveral(2)
  await create(owner.broker, 't')
  await send(owner.broker, 't', 'first')
  const numbered = produce(one!.broker, 't', batch(['numbered'], { producerId: 7, producerEpoch: 0, baseSequence: 0 }))
  const plain = produce(one!.broker, 't', batch(['plain']))
  kill(owner)
  await expect(plain).rejects.toMatchObject({
    code: 'NETWORK_EXCEPTION',
    retriable: true,
    message: expect.stringContaining('Whether it was done is not known'),
  })
  expect(await numbered).toMatchObject({ error: null, baseOffset: 1 })
})

test('what must not be done twice is not asked twice', async () => {
  const [owner, one] = await startSeveral(2)
  await create(owner.broker, 't')
  const deleting = one!.broker.deleteTopics({ topics: ['t'] })
  const creating = create(one!.broker, 'u')
  kill(owner)
  await expect(deleting).rejects.toMatchObject({ code: 'NETWORK_EXCEPTION' })
  await expect(creating).rejects.toMatchObject({ code: 'NETWORK_EXCEPTION' })
})

/** An owner, and one next door whose questions are answered and whose answers are lost, since the owner is killed first. */
async function startDeaf() {
  const machine = new MemoryEnvironment()
  const owner = await open(PATH, { environment: machine, survives: 'process-crash' })
  const { environment, stop } = stoppable(machine.anotherProcess())
  const broker = await LocalBroker.open(environment, PATH, { waitMs: 0, survives: 'process-crash', clientId: 'deaf' })
  const there = new Tidemark({
    broker,
    environment,
    clientId: 'deaf',
    recovery: () => [],
    release: () => broker.close(),
  })
  onTestFinished(() => there.close())
  const partitions = async (name: string) =>
    (await owner.topics.list()).find((topic) => topic.name === name)?.partitions.length ?? 0
  return {
    owner,
    there,
    broker,
    /** Asks, and kills the owner when the topic has so many partitions. */
    async ask<T>(ask: () => Promise<T>, name: string, until: number): Promise<T> {
      stop()
      const asked = ask()
      await expect.poll(() => partitions(name), { interval: 1 }).toBe(until)
      machine.kill()
      return await asked
    },
  }
}

test('a topic that was created when its owner was killed before it said so is created, and known by its id', async () => {
  const { there, ask } = await startDeaf()
  const { topicId } = await ask(() => there.topics.create('t', { partitions: 2 }), 't', 2)
  expect(there.kind).toBe('owner')
  expect(await there.topics.describe('t')).toMatchObject({ topicId })
  await expect(there.topics.create('t', { partitions: 2 })).rejects.toMatchObject({ code: 'TOPIC_EXISTS' })
})

test('partitions that were added before the owner was killed are added', async () => {
  const { owner, there, ask } = await startDeaf()
  await owner.topics.create('t')
  await ask(() => there.topics.addPartitions('t', 3), 't', 3)
  expect((await there.topics.describe('t')).partitions).toHaveLength(3)
  await expect(there.topics.addPartitions('t', 3)).rejects.toMatchObject({ code: 'INVALID_PARTITIONS' })
})

test('topics that were deleted before the owner was killed are deleted; what has got the name of one stays', async () => {
  const { owner, there, broker, ask } = await startDeaf()
  const ids: string[] = []
  for (const name of ['t', 'u']) ids.push((await owner.topics.create(name)).topicId)
  await ask(() => broker.deleteTopics({ topics: ['t', 'u'], topicIds: ids }), 'u', 0)
  expect((await there.topics.list()).filter(({ internal }) => !internal)).toEqual([])
  const { topicId } = await there.topics.create('t')
  await broker.deleteTopics({ topics: ['t', 'u'], topicIds: ids })
  expect(await there.topics.describe('t')).toMatchObject({ topicId })
  await there.topics.delete('t')
  await expect(there.topics.delete('t')).rejects.toMatchObject({ code: 'UNKNOWN_TOPIC' })
})

test('an id that is no random one, or that of another topic, is refused for a new topic', async () => {
  const { broker } = await start(new MemoryEnvironment())
  const topicId = await create(broker, 't')
  for (const wrong of [topicId, 'AAAAAAAAAAAAAAAAAAAAAQ', 'nonsense', '']) {
    const topics = [{ name: 'u', topicId: wrong, partitions: 1, configs: {} }]
    expect(await broker.createTopics({ topics }), wrong).toMatchObject({
      topics: [{ error: { code: 'INVALID_ARGUMENT' } }],
    })
  }
})

test('a process that is refused again and again is told why once a minute, and how often it was not', async () => {
  const machine = new MemoryEnvironment({ clock: 'manual' })
  const owner = await start(machine)
  await owner.broker.close()
  const name = endpointName(machine, PATH, findDirectoryId(machine, PATH)!)
  const holder = machine.anotherProcess()
  expect(holder.lockDirectory(PATH).held).toBe(true)
  const fence = await holder.bindFence(PATH, name)
  let refusals = 0
  if (fence.held) {
    fence.listen((connection) => {
      connection.receive({ data() {}, drained() {}, ended() {}, closed() {} })
      connection.write(encodeFrame({ goodbye: `1000 processes are connected, and this was try ${++refusals}.` }))
      connection.end()
    })
  }
  const warnings: [string, string][] = []
  const environment = loggedEnvironment(machine.anotherProcess(), (...warning) => warnings.push(warning))
  const opening = LocalBroker.open(environment, PATH, { waitMs: 70_000, survives: 'process-crash', clientId: 'late' })
  await expect(
    (
      await passing(
        machine,
        opening.catch((error: unknown) => error),
      )
    ).answer,
  ).toMatchObject({ code: 'DIRECTORY_IN_USE' })
  expect(refusals).toBeGreaterThan(100)
  expect(warnings).toHaveLength(2)
  expect(warnings[0]).toEqual([
    'The owner of /data ended the connection: 1000 processes are connected, and this was try 1.',
    'TIDEMARK_CONNECTION_REFUSED',
  ])
  const [, untold] = /So it was (\d+) times more since this was last told\.$/.exec(warnings[1]![0]) ?? []
  const [, tries] = /this was try (\d+)\./.exec(warnings[1]![0]) ?? []
  expect(Number(untold)).toBe(Number(tries) - 2)
})

test('members of a process that is gone leave their groups at once; static ones may come back', async () => {
  const [owner, one] = await startSeveral(2)
  await create(owner.broker, 't', 2)
  await beat(one!.broker, 'g', member(1), { subscribedTopicNames: ['t'] })
  await beat(one!.broker, 'h', member(2), { subscribedTopicNames: ['t'], instanceId: 'stays' })
  kill(one!)
  await owner.environment.timers.yield()
  const states = async () => (await owner.broker.listGroups({})).groups.map(({ group, state }) => `${group} ${state}`)
  await expect.poll(states).toEqual(['g Empty', 'h Reconciling'])
  const back = await beat(owner.broker, 'h', member(3), { subscribedTopicNames: ['t'], instanceId: 'stays' })
  expect(back.assignment).toHaveLength(2)
})

test('an owner that loses the directory becomes the neighbour of whoever took it', async () => {
  const [former, one] = await startSeveral(2)
  await create(former.broker, 't')
  await send(former.broker, 't', 'a')
  const { files } = former.environment
  files.remove(files.join(PATH, '.lock'))
  const lost = await produce(one!.broker, 't', 'refused')
  expect(lost.error).toMatchObject({ code: 'OWNERSHIP_LOST' })
  expect(await send(one!.broker, 't', 'b')).toBe(1)
  expect(await send(former.broker, 't', 'c')).toBe(2)
  expect(kinds([former, one!]).toSorted()).toEqual(['neighbour', 'owner'])
})

test('a directory that was replaced is not gone on with', async () => {
  const [owner, one] = await startSeveral(2)
  const { files } = owner.environment
  kill(owner)
  one!.environment.files.removeDirectory(PATH)
  await expect(one!.broker.metadata({ topics: null })).rejects.toMatchObject({
    code: 'OWNERSHIP_LOST',
    message: expect.stringContaining('was removed while it was in use'),
  })
  expect(files).toBeDefined()
})

test('who closes while the next owner is looked for is told so, and lets go', async () => {
  const [owner, one] = await startSeveral(2)
  const third = owner.environment.anotherProcess()
  kill(owner)
  // Whoever has the lock takes no neighbours, so that the search goes on.
  const lock = third.lockDirectory(PATH)
  expect(lock.held).toBe(true)
  const asking = expect(one!.broker.metadata({ topics: [] })).rejects.toMatchObject({ code: 'CLOSED' })
  await one!.environment.timers.yield()
  await one!.broker.close()
  await asking
})
