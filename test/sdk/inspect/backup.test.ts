import { expect, onTestFinished, test } from 'vitest'
import { string } from '../../../sdk/client/serde.ts'
import { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import { randomFrom } from '../../../sdk/environment/seeded-random.ts'
import { type BackupOptions, type BackupProgress, backupDirectory } from '../../../sdk/inspect/backup.ts'
import { readWholeFile } from '../../../sdk/log/whole-file.ts'
import { open } from '../../../sdk/open.ts'
import type { Tidemark } from '../../../sdk/tidemark.ts'

const SMALL = { 'internal.segment.bytes': '2000', 'index.interval.bytes': '200', 'file.delete.delay.ms': '1000' }
const SHAPES = {
  events: { partitions: 2, configs: { ...SMALL, 'retention.bytes': '6000' } },
  cards: { partitions: 2, configs: { ...SMALL, 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '0.01' } },
  plain: { partitions: 1, configs: { ...SMALL, 'internal.segment.bytes': '8000' } },
} as const
const NAMES = Object.keys(SHAPES) as (keyof typeof SHAPES)[]

/** Topics that are written to, rolled, compacted, trimmed and committed to, and others that come and go under one name. */
class BusyDirectory {
  readonly environment = new MemoryEnvironment({ clock: 'manual', startMs: 1_700_000_000_000 })
  readonly #random
  #sent = 0
  #isDone = false
  #work: Promise<void> = Promise.resolve()

  constructor(seed: number) {
    this.#random = randomFrom(seed)
  }

  async start(): Promise<void> {
    const tide = await open('/data', { environment: this.environment })
    for (const name of NAMES) await tide.topics.create(name, SHAPES[name])
    for (let step = 0; step < 80; step++) await this.#step(tide)
    this.#work = (async () => {
      while (!this.#isDone) await this.#step(tide)
      await tide.close()
    })()
  }

  async stop(): Promise<void> {
    this.#isDone = true
    await this.#work
  }

  async #step(tide: Tidemark): Promise<void> {
    const turn = this.#random.below(20)
    const name = NAMES[this.#random.below(NAMES.length)]!
    if (turn < 12) await this.#send(tide, name)
    else if (turn < 16) await this.#commit(tide, name, `group ${this.#random.below(3)}`)
    else if (turn < 19) this.environment.advance(this.#random.below(40_000))
    else await this.#replaceTopic(tide)
    await this.environment.timers.yield()
  }

  async #send(tide: Tidemark, name: string): Promise<void> {
    const records = Array.from({ length: 1 + this.#random.below(5) }, () => {
      this.#sent++
      return { key: `k${this.#random.below(5)}`, value: `${this.#sent} `.repeat(1 + this.#random.below(60)) }
    })
    await tide.topic(name, { value: string }).sendBatch(records)
  }

  /** To the very end, so that a copy whose log is one batch short would show. */
  async #commit(tide: Tidemark, topic: string, group: string): Promise<void> {
    await tide.groups.commit(group, await tide.topic(topic).offsets('latest'))
  }

  async #replaceTopic(tide: Tidemark): Promise<void> {
    const isThere = (await tide.topics.list()).some(({ name }) => name === 'passing')
    if (isThere) await tide.topics.delete('passing')
    if (isThere && this.#random.below(2) === 0) return
    await tide.topics.create('passing', SHAPES.plain)
    await this.#send(tide, 'passing')
    await this.#commit(tide, 'passing', 'passing by')
  }
}

const SEEDS = Array.from({ length: 10 }, (_, index) => index + 1)

// 50 copies.
test.each(SEEDS)(
  '5 copies of a busy directory open whole, no commit points past its log, nothing is found: seed %i',
  async (seed) => {
    let compacted = 0
    let trimmed = 0
    const busy = new BusyDirectory(seed)
    await busy.start()
    onTestFinished(() => busy.stop())
    for (let number = 0; number < 5; number++) {
      const to = `/copies/${number}`
      const place = `seed ${seed}, copy ${number}`
      const { findings } = await backupDirectory('/data', to, { environment: busy.environment.anotherProcess() })
      expect(
        findings!.filter(({ severity }) => severity !== 'note'),
        place,
      ).toEqual([])
      // What the copy did not flush is lost with this; so it has to stand by what it said.
      const environment = busy.environment.crash({ keepUnsynced: 'none' })
      await using copy = await open(to, { environment })
      expect(copy.recovery, place).toEqual([])
      for (const { lagState } of await copy.lag()) expect(['up-to-date', 'behind', 'lost'], place).toContain(lagState)
      for (const name of NAMES) {
        const topic = copy.topic(name)
        let records = 0
        for await (const _ of topic.read({ follow: false, from: 'earliest' })) records++
        expect(records, `${place}, ${name}`).toBeGreaterThan(0)
        await topic.send({ key: 'k', value: Buffer.from('goes on') })
      }
      trimmed += (await copy.topic('events').offsets('earliest')).filter(({ offset }) => offset > 0).length
      compacted += readWholeFile(environment.files, `${to}/cleaner-offset-checkpoint`)!.includes('cards') ? 1 : 0
    }
    expect(compacted, 'compacted copies').toBeGreaterThan(2)
    expect(trimmed, 'trimmed logs').toBeGreaterThan(2)
  },
)

async function createShop(): Promise<MemoryEnvironment> {
  const environment = new MemoryEnvironment()
  await using tide = await open('/data', { environment })
  await tide.topic('payments', { value: string }).sendBatch([{ value: 'one' }, { value: 'two' }])
  await tide.groups.commit('fraud', [{ topic: 'payments', partition: 0, offset: 2 }])
  return environment
}

test('the lock file is never opened, nothing in the source changes, and the mark of an orderly stop is not copied', async () => {
  const environment = await createShop()
  const before = namesBelow(environment, '/data')
  const opened: string[] = []
  const open = environment.files.open.bind(environment.files)
  environment.files.open = (path, options) => {
    opened.push(path)
    expect(options.write && path.startsWith('/data/'), path).toBe(false)
    return open(path, options)
  }
  const { partitions, findings, destination } = await backupDirectory('/data', '/copy', { environment })
  expect({ partitions, findings, destination }).toEqual({ partitions: 3, findings: [], destination: '/copy' })
  expect(opened.filter((path) => path.endsWith('.lock'))).toEqual([])
  expect(opened).toContain('/data/payments-0/00000000000000000000.log')
  expect(namesBelow(environment, '/data')).toEqual(before)
  expect(before).toEqual(expect.arrayContaining(['/data/.lock', '/data/.kafka_cleanshutdown']))
  const copied = namesBelow(environment, '/copy')
  expect(copied).not.toContain('/copy/.lock')
  expect(copied).not.toContain('/copy/.kafka_cleanshutdown')
})

test('the copy may be owned while the original is: it has the same ids, and is another directory', async () => {
  const environment = await createShop()
  await using original = await open('/data', { environment })
  await backupDirectory('/data', '/copy', { environment: environment.anotherProcess() })
  await using copy = await open('/copy', { environment: environment.anotherProcess() })
  await copy.topic('payments').send({ value: Buffer.from('three') })
  expect((await copy.lag()).map(({ lag }) => lag)).toEqual([1])
  expect((await original.lag()).map(({ lag }) => lag)).toEqual([0])
})

test('a batch that is being written is left out, records that a group has read are not', async () => {
  const environment = await createShop()
  const log = '/data/payments-0/00000000000000000000.log'
  const file = environment.files.open(log, { write: true })
  const size = file.sizeBytes()
  const head = Buffer.alloc(70)
  file.read(head, 0)
  file.write([head], size)
  file.close()
  const { findings } = await backupDirectory('/data', '/copy', { environment })
  expect(findings).toEqual([])
  expect(environment.files.stat(log.replace('data', 'copy'))!.sizeBytes).toBe(size)
})

test('refused: what is no data directory, a destination that holds something, is a file, or lies inside', async () => {
  const environment = await createShop()
  environment.files.makeDirectory('/full/of things')
  const refused: readonly [string, string, string, string][] = [
    ['/nowhere', '/copy', 'NOT_A_DATA_DIRECTORY', '/nowhere does not exist'],
    ['/full', '/copy', 'NOT_A_DATA_DIRECTORY', 'has no meta.properties'],
    ['/data', '/full', 'INVALID_ARGUMENT', '/full is not empty: it holds "of things"'],
    ['/data', '/data/meta.properties', 'INVALID_ARGUMENT', 'lies inside'],
    ['/data', '/data', 'INVALID_ARGUMENT', 'lies inside'],
    ['/data', '/data/copy', 'INVALID_ARGUMENT', 'lies inside'],
  ]
  for (const [from, to, code, message] of refused) {
    const promise = backupDirectory(from, to, { environment })
    await expect(promise, `${from} ${to}`).rejects.toMatchObject({ code, message: expect.stringContaining(message) })
  }
  expect(environment.files.stat('/copy')).toBeUndefined()
})

test('stopped, or on a full disk, it removes what it copied', async () => {
  const environment = await createShop()
  const stop = new AbortController()
  const seen: BackupProgress[] = []
  const options: BackupOptions = {
    environment,
    signal: stop.signal,
    onProgress: (progress) => {
      seen.push(progress)
      if (progress.partitionsDone === 2) stop.abort()
    },
  }
  environment.files.makeDirectory('/copy/lost+found')
  await expect(backupDirectory('/data', '/copy', options)).rejects.toMatchObject({ code: 'ABORTED' })
  expect(environment.files.list('/copy')).toEqual(['lost+found'])
  expect(seen.at(-1)).toMatchObject({ phase: 'copy', partitionsDone: 2, partitionsTotal: 3 })
  environment.setCapacity(environment.usedBytes + 300)
  const full = backupDirectory('/data', '/copy', { environment })
  await expect(full).rejects.toMatchObject({ code: 'STORAGE_ERROR', message: expect.stringContaining('disk is full') })
  expect(environment.files.list('/copy')).toEqual(['lost+found'])
  environment.setCapacity(Number.POSITIVE_INFINITY)
  const { findings } = await backupDirectory('/data', '/copy', { environment, verify: false })
  expect(findings).toBeNull()
})

test('what a crash left, and what is lost there, is the same in the copy', async () => {
  const environment = await createShop()
  await using tide = await open('/data', { environment })
  await tide.topic('payments').send({ value: Buffer.from('three') })
  const crashed = environment.crash({ keepUnsynced: 'all' })
  expect((await backupDirectory('/data', '/copy', { environment: crashed })).findings).toEqual([])
  const log = crashed.files.open('/data/payments-0/00000000000000000000.log', { write: true })
  log.truncate(0)
  log.close()
  const { findings } = await backupDirectory('/data', '/damaged', { environment: crashed })
  expect(findings!.map(({ rule, topic, offsetsLost }) => [rule, topic, offsetsLost])).toContainEqual([
    'log-end',
    'payments',
    { from: 0, to: 2 },
  ])
})

function namesBelow({ files }: MemoryEnvironment, directory: string): string[] {
  return files.list(directory).flatMap((name) => {
    const path = files.join(directory, name)
    return files.stat(path)?.isDirectory === true ? namesBelow({ files } as MemoryEnvironment, path) : [path]
  })
}
