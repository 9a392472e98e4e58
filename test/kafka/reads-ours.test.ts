import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { open } from '../../sdk/index.ts'
import { partitionFiles } from '../support/directory-files.ts'
import { GAP, leaveAKilledOwner, writeEveryFeature } from '../support/every-feature.ts'
import { dumpLogSegments, type LogDump } from '../support/kafka.ts'

let folder = ''
let directory = ''

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tidemark-kafka-'))
  directory = join(folder, 'data')
  await writeEveryFeature(directory)
  await leaveAKilledOwner(directory)
  // The next ownership removes the members of the killed one.
  await (await open(directory)).close()
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** But for what the tool prints of every segment that does not start at 0. */
function problemsOf(dump: LogDump): string[] {
  return dump.problems.filter((problem) => !/Non-consecutive offsets|-1 is followed by \d+/.test(problem))
}

test('DumpLogSegments accepts every file: batches valid, index entries matching, snapshots whole', async () => {
  const files = partitionFiles(directory, 'all', '.log', '.index', '.timeindex', '.snapshot')
  expect(files.length).toBeGreaterThan(40)
  const dump = await dumpLogSegments(files)
  expect(problemsOf(dump)).toEqual([])
  const batches = dump.files.flatMap((file) => file.batches)
  expect(batches.length).toBeGreaterThan(100)
  expect(batches.filter((batch) => !batch.isValid)).toEqual([])
  expect(new Set(batches.map((batch) => batch.codec.toLowerCase()))).toEqual(
    new Set(['none', 'gzip', 'snappy', 'lz4', 'zstd']),
  )
  expect(partitionFiles(directory, ['segments'], '.log').length).toBeGreaterThan(1)
})

test('DumpLogSegments accepts the gap that is left where flushed records vanished', async () => {
  const files = partitionFiles(directory, [GAP.topic], '.log', '.index', '.timeindex', '.snapshot')
  const logs = files.filter((file) => file.endsWith('.log'))
  expect(logs.map((file) => Number.parseInt(basename(file), 10))).toEqual([0, GAP.to])
  const dump = await dumpLogSegments(files)
  expect(problemsOf(dump)).toEqual([])
  const batches = dump.files.flatMap((file) => file.batches)
  expect(batches.map(({ baseOffset, isValid }) => [baseOffset, isValid])).toEqual(
    [0, GAP.from - 1, GAP.to, GAP.to + 1].map((offset) => [offset, true]),
  )
})

test('the offsets decoder prints our groups and commits', async () => {
  const dump = await dumpLogSegments(partitionFiles(directory, ['__consumer_offsets'], '.log'), { decode: 'offsets' })
  expect(problemsOf(dump)).toEqual([])
  const records = dump.files.flatMap((file) => file.batches.flatMap((batch) => batch.records))
  const keys = records.map((record) => record.key as { type: string; data: Record<string, unknown> })
  expect(new Set(keys.map((key) => key.type))).toEqual(new Set(['1', '3', '5', '6', '7', '8']))
  const byHand = records.filter((record) => (record.key as { data: { group: string } }).data.group === 'by-hand')
  expect(byHand.map((record) => record.payload)).toContainEqual(
    expect.objectContaining({ version: '4', data: expect.objectContaining({ offset: 7, metadata: 'seven' }) }),
  )
  expect(byHand.map((record) => record.payload)).toContain(null)
})

test('the metadata decoder prints our topics, with the deleted one removed', async () => {
  const dump = await dumpLogSegments(partitionFiles(directory, ['__cluster_metadata'], '.log'), {
    decode: 'cluster-metadata',
  })
  expect(problemsOf(dump)).toEqual([])
  for (const name of [
    'codec-none',
    'codec-gzip',
    'codec-lz4',
    'codec-snappy',
    'codec-zstd',
    'segments',
    'compacted',
    'stamped',
    'month-old',
    'never-written',
    '__consumer_offsets',
  ]) {
    expect(dump.text).toContain(`"name":"${name}"`)
  }
  expect(dump.text).toContain('REMOVE_TOPIC_RECORD')
  expect(dump.text).toContain('PARTITION_CHANGE_RECORD')
})
