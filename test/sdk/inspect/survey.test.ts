import { expect, onTestFinished, test } from 'vitest'
import { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import { open, type Survey, type Tidemark } from '../../../sdk/index.ts'
import { seededRandom } from '../../support/seeded-random.ts'

const PATH = '/data'
const value = Buffer.from('x')
const TOPICS = ['payments', 'refunds', 'mails']

/** Rows and health as a survey tells them, and as they are told to whoever asks for the first time. */
async function expectAgrees(survey: Survey, tide: Tidemark, hint: string): Promise<void> {
  const found = await survey.look()
  const [listed, rows, health] = [await tide.groups.list(), await tide.lag(), await tide.health()]
  expect(
    found.map(({ rows: _, health: __, ...group }) => group),
    hint,
  ).toEqual(listed)
  expect(
    found.flatMap((group) => group.rows),
    hint,
  ).toEqual(rows)
  expect(
    found.map((group) => group.health),
    hint,
  ).toEqual(health.groups)
}

test('whatever happens between two looks, a survey tells what lag and health tell', async () => {
  const seed = Math.floor(Math.random() * 2 ** 31)
  const random = seededRandom(seed)
  const machine = new MemoryEnvironment({ clock: 'manual' })
  const owner = await open(PATH, { environment: machine })
  const reader = await open(PATH, { environment: machine.anotherProcess(), readOnly: true })
  onTestFinished(async () => {
    await reader.close()
    await owner.close()
  })
  const surveys = [
    { survey: owner.survey(), tide: owner },
    { survey: reader.survey(), tide: reader },
  ]
  const steps: string[] = []
  for (let step = 0; step < 60; step++) {
    steps.push(await change(owner, random))
    machine.advance(2_500 + Math.floor(random() * 60_000))
    const hint = `seed ${seed}, ${steps.join(', ')}`
    for (const { survey, tide } of surveys) if (random() < 0.7) await expectAgrees(survey, tide, hint)
  }
})

async function change(tide: Tidemark, random: () => number): Promise<string> {
  const pick = <T>(some: readonly T[]): T => some[Math.floor(random() * some.length)]!
  const topic = pick(TOPICS)
  const group = `group-${Math.floor(random() * 6)}`
  const partition = Math.floor(random() * 2)
  switch (pick(['send', 'send', 'commit', 'commit', 'consume', 'reset', 'delete group', 'delete topic'])) {
    case 'send':
      await tide.topic(topic, { partitions: 2 }).sendBatch(Array.from({ length: 9 }, () => ({ value, partition })))
      return `send to ${topic}-${partition}`
    case 'commit':
      await tide.topic(topic, { partitions: 2 }).ensure()
      await tide.groups.commit(group, [{ topic, partition, offset: Math.floor(random() * 40) }], { pastEnd: true })
      return `commit of ${group} for ${topic}-${partition}`
    case 'consume':
      for await (const _ of tide
        .topic(topic, { partitions: 2 })
        .consume({ group, follow: false, limit: 5, whenLost: 'earliest' }))
        void _
      return `${group} consumes ${topic}`
    case 'reset':
      if ((await tide.groups.offsets(group)).length === 0) return 'nothing'
      await tide.groups.planReset(group, 'earliest').then((plan) => plan.apply())
      return `reset of ${group}`
    case 'delete group':
      await tide.groups.delete(group).catch(() => {})
      return `${group} deleted`
    default:
      await tide.topics.delete(topic).catch(() => {})
      return `${topic} deleted`
  }
}

/** A directory in which groups have committed for four partitions each, seen by somebody else. */
async function createCrowd(groups: number) {
  const machine = new MemoryEnvironment({ clock: 'manual' })
  const owner = await open(PATH, { environment: machine })
  const topic = owner.topic('payments', { partitions: 4 })
  for (const partition of [0, 1, 2, 3]) {
    await topic.sendBatch(Array.from({ length: 100 }, () => ({ value, partition })))
  }
  const commit = (group: string, offset: number) => {
    const offsets = [0, 1, 2, 3].map((partition) => ({ topic: 'payments', partition, offset }))
    return owner.groups.commit(group, offsets)
  }
  for (let n = 0; n < groups; n++) await commit(`group-${n}`, n % 90)
  const looking = machine.anotherProcess()
  const reader = await open(PATH, { environment: looking, readOnly: true })
  onTestFinished(async () => {
    await reader.close()
    await owner.close()
  })
  const survey = reader.survey()
  return {
    commit,
    topic,
    /** The groups, and how many reads of the disk they took. */
    async look() {
      const { read } = looking.counts
      return { found: await survey.look(), reads: looking.counts.read - read }
    },
  }
}

test('of groups that have not changed a look hands out the objects of the one before', async () => {
  const { commit, topic, look } = await createCrowd(200)
  const before = (await look()).found
  expect((await look()).found.every((group, at) => group === before[at])).toBe(true)
  await commit('group-7', 99)
  const { found } = await look()
  expect(found.filter((group, at) => group !== before[at]).map(({ group }) => group)).toEqual(['group-7'])
  expect(found.find(({ group }) => group === 'group-7')?.health.progress.lag).toBe(4)
  await topic.send({ value, partition: 2 })
  expect((await look()).found.map(({ rows }) => rows[2]?.logEndOffset)).toEqual(new Array(200).fill(101))
})

test('a look at one commit reads as much in a crowd as among few', async () => {
  const readsAmong = async (groups: number) => {
    const { commit, look } = await createCrowd(groups)
    await look()
    await commit('group-7', 99)
    return (await look()).reads
  }
  expect((await readsAmong(450)) - (await readsAmong(150))).toBeLessThan(20)
})

test('of one group only that one is told, when it comes, changes and goes', async () => {
  await using tide = await open('memory:')
  const payments = tide.topic('payments')
  await payments.send({ value })
  const commit = (group: string, offset: number) =>
    tide.groups.commit(group, [{ topic: 'payments', partition: 0, offset }])
  await commit('other', 1)
  const survey = tide.survey({ group: 'fraud' })
  const lags = async () => (await survey.look()).map(({ group, health }) => `${group} ${health.progress.lag}`)
  expect(await lags()).toEqual([])
  await commit('fraud', 0)
  expect(await lags()).toEqual(['fraud 1'])
  await commit('other', 0)
  await payments.send({ value })
  expect(await lags()).toEqual(['fraud 2'])
  await tide.groups.delete('fraud')
  expect(await lags()).toEqual([])
})

test('calls wait for one another, and a closed directory says so', async () => {
  const tide = await open('memory:')
  await tide.topic('payments').ensure()
  await tide.groups.commit('fraud', [{ topic: 'payments', partition: 0, offset: 0 }])
  const survey = tide.survey()
  const looks = await Promise.all([survey.look(), survey.look(), survey.look()])
  expect(looks.map((found) => found.map(({ group }) => group))).toEqual([['fraud'], ['fraud'], ['fraud']])
  await tide.close()
  await expect(survey.look()).rejects.toMatchObject({ code: 'CLOSED' })
  expect(() => tide.survey({ windowMs: -1 })).toThrow(/windowMs/)
})
