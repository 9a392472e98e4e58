import { expect, test } from 'vitest'
import { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import { type Finding, verifyDirectory } from '../../../sdk/inspect/verify.ts'
import { readWholeFile } from '../../../sdk/log/whole-file.ts'
import { open } from '../../../sdk/open.ts'
import { createCraftedDirectory, FIRST, GROUP, SECOND, TOPIC_ID } from './support/crafted-directory.ts'

const ROOT = '/data'

interface Written {
  readonly environment: MemoryEnvironment
  verify(): Promise<Finding[]>
  swap(one: string, other: string): void
  change(name: string, change: (text: string) => string): void
}

/** A topic `t` of two partitions as the SDK writes it; `records` of each partition. */
async function createWritten(records: readonly number[], key?: (number: number) => string): Promise<Written> {
  const environment = new MemoryEnvironment()
  {
    await using tide = await open(ROOT, { environment })
    const topic = tide.topic('t', { partitions: 2 })
    for (const [partition, count] of records.entries()) {
      for (let number = 0; number < count; number++) {
        const value = Buffer.from(`${number}`)
        await topic.send(key === undefined ? { value, partition } : { value, key: key(number + 1000 * partition) })
      }
    }
  }
  const { files } = environment
  return {
    environment,
    verify: () => verifyDirectory(ROOT, { environment }),
    swap(one, other) {
      files.rename(`${ROOT}/${one}`, `${ROOT}/between`)
      files.rename(`${ROOT}/${other}`, `${ROOT}/${one}`)
      files.rename(`${ROOT}/between`, `${ROOT}/${other}`)
    },
    change(name, change) {
      const text = change(readWholeFile(files, `${ROOT}/${name}`)?.toString() ?? '')
      const file = files.open(`${ROOT}/${name}`, { write: true, create: true })
      file.truncate(0)
      file.write([Buffer.from(text)], 0)
      file.close()
    },
  }
}

test('two partitions that were swapped show by their lengths after an orderly stop, and nothing counts as lost', async () => {
  const written = await createWritten([5, 3])
  expect(await written.verify()).toEqual([])
  written.swap('t-0', 't-1')
  const [finding, ...others] = await written.verify()
  expect(others).toEqual([])
  expect(finding).toMatchObject({ severity: 'warning', rule: 'misplaced', file: 't-0', offsetsLost: null })
  expect(finding?.what).toContain('each ends where the other did (at 3 and 5)')
})

test('two swapped partitions of one length show by their keys, also after a crash', async () => {
  const written = await createWritten([60, 0], (number) => `card-${number}`)
  expect(await written.verify()).toEqual([])
  written.swap('t-0', 't-1')
  written.environment.files.remove(`${ROOT}/.kafka_cleanshutdown`)
  const found = (await written.verify()).filter(({ rule }) => rule === 'misplaced')
  expect(found.map(({ severity, file }) => [severity, file])).toEqual([['warning', 't-0']])
  expect(found[0]?.what).toContain("by Kafka's partitioner the keys of each belong into the other")
})

test('keys that all belong elsewhere are a note where the other partition says nothing', async () => {
  const environment = new MemoryEnvironment()
  {
    await using tide = await open(ROOT, { environment })
    const topic = tide.topic('t', { partitions: 2 })
    const elsewhere = Array.from({ length: 200 }, (_, number) => `card-${number}`)
    await topic.sendBatch(elsewhere.map((key) => ({ key, value: Buffer.from(key) })))
    const belongsInto1: string[] = []
    for await (const { key, partition } of topic.read({ from: 'earliest', follow: false })) {
      if (partition === 1) belongsInto1.push(String(key))
    }
    const other = tide.topic('u', { partitions: 2 })
    await other.sendBatch(belongsInto1.slice(0, 30).map((key) => ({ key, value: Buffer.from(key), partition: 0 })))
  }
  const findings = await verifyDirectory(ROOT, { environment })
  expect(findings.map(({ severity, rule, file }) => [severity, rule, file])).toEqual([['note', 'misplaced', 'u-0']])
})

test('a log longer than it was at an orderly stop is a warning, the same after a crash is as it should be', async () => {
  const written = await createWritten([5, 3])
  written.change('recovery-point-offset-checkpoint', (text) => text.replace('t 0 5', 't 0 4'))
  const [finding, ...others] = await written.verify()
  expect(others).toEqual([])
  expect(finding).toMatchObject({ severity: 'warning', rule: 'log-end', file: 't-0', offset: 4 })
  written.environment.files.remove(`${ROOT}/.kafka_cleanshutdown`)
  expect(await written.verify()).toEqual([])
})

test('first segments that are gone show by the leader epochs and by the log start', async () => {
  for (const witness of ['leader-epoch-checkpoint', 'log-start-offset-checkpoint']) {
    const directory = createCraftedDirectory()
    for (const suffix of ['.log', '.index', '.timeindex']) directory.write(FIRST + suffix, null)
    if (witness === 'log-start-offset-checkpoint') {
      directory.write('t-0/leader-epoch-checkpoint', '0\n1\n1 36\n')
      directory.write(witness, '0\n1\nt 0 12\n')
    }
    const [finding, ...others] = await directory.verify()
    expect(others).toEqual([])
    const from = witness === 'leader-epoch-checkpoint' ? 0 : 12
    expect(finding).toMatchObject({ severity: 'damage', rule: 'log-start', file: 't-0', offsetsLost: { from, to: 36 } })
    expect(finding?.what).toContain(witness)
  }
})

test('a log that retention shortened is as it should be', async () => {
  const environment = new MemoryEnvironment()
  {
    await using tide = await open(ROOT, { environment })
    const configs = { 'internal.segment.bytes': '2000', 'retention.bytes': '4000', 'file.delete.delay.ms': '0' }
    const topic = tide.topic('t', { configs })
    for (let number = 0; number < 40; number++) await topic.send({ value: Buffer.alloc(500) })
  }
  {
    await using _ = await open(ROOT, { environment })
  }
  expect(await verifyDirectory(ROOT, { environment })).toEqual([])
})

test('an id that is not the metadata’s, and ids of siblings that differ without any metadata, are found', async () => {
  const written = await createWritten([5, 3])
  written.change('t-1/partition.metadata', () => `version: 0\ntopic_id: ${TOPIC_ID}`)
  const briefs = async () => (await written.verify()).map(({ severity, rule, file }) => [severity, rule, file])
  expect(await briefs()).toEqual([['warning', 'partition-metadata', 't-1/partition.metadata']])
  written.environment.files.removeDirectory(`${ROOT}/__cluster_metadata-0`)
  expect(await briefs()).toEqual([
    ['damage', 'metadata-log', '__cluster_metadata-0'],
    ['warning', 'misplaced', 't-1/partition.metadata'],
  ])
})

test('a missing meta.properties is damage, and the finding says what was in it', async () => {
  const directory = createCraftedDirectory()
  directory.write('meta.properties', null)
  const [finding, ...others] = await directory.verify()
  expect(others).toEqual([])
  expect(finding).toMatchObject({ severity: 'damage', rule: 'meta-properties', file: 'meta.properties' })
  expect(finding?.whatToDo).toContain('version=1, node.id=1, directory.id=SdkUZlp8RL-JFk6MdJsTlg')
})

test('a directory whose making was cut short is a note', async () => {
  const environment = new MemoryEnvironment()
  const opening = open(ROOT, { environment })
  environment.failNext('rename', { error: 'EIO', sticky: true, path: /meta\.properties/ })
  await expect(opening).rejects.toThrow()
  const findings = await verifyDirectory(ROOT, { environment })
  expect(findings.map(({ severity, rule, file }) => [severity, rule, file])).toEqual([
    ['note', 'meta-properties', 'meta.properties.tmp'],
  ])
})

test('a metadata log that begins behind its snapshots is damage', async () => {
  const directory = createCraftedDirectory()
  const { files } = directory.environment
  const log = directory.read('__cluster_metadata-0/00000000000000000000.log')
  const first = 12 + log.readInt32BE(8)
  directory.write('__cluster_metadata-0/00000000000000000003.log', log.subarray(first))
  directory.write('__cluster_metadata-0/00000000000000000000.log', null)
  expect(files.list('/data/__cluster_metadata-0')).toHaveLength(1)
  const [finding, ...others] = await directory.verify()
  expect(others).toEqual([])
  expect(finding).toMatchObject({ severity: 'damage', rule: 'metadata-log', offsetsLost: { from: 0, to: 3 } })
})

test('what is empty, a partition, or no data directory at all is refused with the reason', async () => {
  const environment = new MemoryEnvironment()
  environment.files.makeDirectory('/empty')
  environment.files.makeDirectory('/etc/libxml2-2')
  const refusal = (path: string) => verifyDirectory(path, { environment }).catch((error: Error) => error.message)
  expect(await refusal('/empty')).toBe('/empty is empty: there is nothing to verify.')
  expect(await refusal('/etc')).toContain('/etc has no meta.properties and no partitions, so it is no data directory.')
  const crafted = createCraftedDirectory().environment
  await expect(verifyDirectory('/data/t-0', { environment: crafted })).rejects.toThrow(
    'Name the data directory it belongs to: /data',
  )
})

test('the machine this process runs on is where it looks unless told otherwise', async () => {
  await expect(verifyDirectory('/data/that/is/not/there')).rejects.toMatchObject({ code: 'NOT_A_DATA_DIRECTORY' })
})

test('what may not be read, or fails to be read, becomes a finding, and the rest is checked', async () => {
  const victims: readonly [RegExp, 'open' | 'read' | 'list', string][] = [
    [/t-0$/, 'list', 't-0'],
    [/t-0\/0{20}\.log$/, 'read', `${FIRST}.log`],
    [/t-0\/0{20}\.log$/, 'open', `${FIRST}.log`],
    [/0{18}36\.log$/, 'open', `${SECOND}.log`],
    [/0{18}36\.index$/, 'open', `${SECOND}.index`],
    [/0{18}36\.timeindex$/, 'read', `${SECOND}.timeindex`],
    [/0{18}36\.snapshot$/, 'open', `${SECOND}.snapshot`],
    [/t-0\/partition\.metadata$/, 'open', 't-0/partition.metadata'],
    [/t-0\/leader-epoch-checkpoint$/, 'open', 't-0/leader-epoch-checkpoint'],
    [/data\/recovery-point-offset-checkpoint$/, 'open', 'recovery-point-offset-checkpoint'],
    [/data\/meta\.properties$/, 'open', 'meta.properties'],
  ]
  for (const [path, operation, file] of victims) {
    for (const error of ['EACCES', 'EIO']) {
      const directory = createCraftedDirectory()
      // Another partition, which must still be looked at.
      directory.write('other-0/00000000000000000000.log', '')
      directory.environment.failNext(operation, { error, sticky: true, path })
      const findings = await directory.verify()
      const found = findings.map((finding) => [finding.severity, finding.rule, finding.file])
      expect(found, `${operation} ${path} ${error}`).toEqual(
        expect.arrayContaining([
          [error === 'EACCES' ? 'warning' : 'damage', 'unreadable', file],
          ['warning', 'partition-metadata', 'other-0/partition.metadata'],
        ]),
      )
      expect(found, `${operation} ${path} ${error}`).toHaveLength(2)
    }
  }
})

test('an unreadable metadata log is one finding, and nothing that follows from it is blamed on others', async () => {
  for (const operation of ['open', 'list'] as const) {
    const directory = createCraftedDirectory()
    const path = operation === 'list' ? /__cluster_metadata-0$/ : /__cluster_metadata-0\/.*\.log$/
    directory.environment.failNext(operation, { error: 'EACCES', sticky: true, path })
    const found = (await directory.verify()).map(({ rule, topic }) => [rule, topic])
    expect(new Set(found.map(String)), operation).toEqual(new Set(['unreadable,__cluster_metadata']))
  }
})

test('a commit that points into what is lost is named with the group', async () => {
  const directory = createCraftedDirectory({ committedOffset: 13 })
  directory.change(`${FIRST}.log`, (bytes) => {
    bytes[directory.batches[0]![4]!.position + 200]! ^= 1
    return bytes
  })
  const commit = (await directory.verify()).find(({ rule }) => rule === 'commit')
  expect(commit).toMatchObject({ severity: 'warning', offset: 13 })
  expect(commit?.what).toContain(`Group "${GROUP}" committed offset 13 of t-0, which is lost from 12 to 14`)
  expect(commit?.whatToDo).toContain('--to-offset 15 --execute')
})

test('flushed records that vanished after an orderly stop are a loss, also once the owner went on behind them', async () => {
  const written = await createWritten([5, 3])
  const { files } = written.environment
  const path = `${ROOT}/t-0/00000000000000000000.log`
  const file = files.open(path, { write: true })
  file.truncate(Math.floor(file.sizeBytes() / 5) * 3)
  file.close()
  const lost = async () => (await written.verify()).filter(({ severity }) => severity === 'damage')
  expect((await lost()).map(({ rule, offsetsLost }) => [rule, offsetsLost])).toEqual([['log-end', { from: 3, to: 5 }]])
  {
    await using tide = await open(ROOT, { environment: written.environment })
    await tide.topic('t').send({ value: Buffer.from('more'), partition: 0 })
  }
  expect((await lost()).map(({ rule, offsetsLost }) => [rule, offsetsLost])).toEqual([
    ['offset-gap', { from: 3, to: 5 }],
  ])
})

test('a gap between two segments of a topic that is not compacted is a loss with its range', async () => {
  const directory = createCraftedDirectory()
  const batch = Buffer.from(directory.read(`${SECOND}.log`).subarray(0, directory.batches[1]![0]!.sizeBytes))
  batch.writeBigInt64BE(70n)
  const name = 't-0/00000000000000000070.log'
  directory.write(name, batch)
  directory.write('recovery-point-offset-checkpoint', '0\n1\nt 0 73\n')
  const [finding] = (await directory.verify()).filter(({ severity }) => severity === 'damage')
  expect(finding).toMatchObject({ rule: 'offset-gap', file: name, offset: 60, offsetsLost: { from: 60, to: 70 } })
  expect(finding?.what).toBe('A segment is missing before this one: offsets 60 to 69 are not there.')
})
