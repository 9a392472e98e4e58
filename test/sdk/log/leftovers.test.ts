import { expect, test } from 'vitest'
import { readWholeFile } from '../../../sdk/log/whole-file.ts'
import { encodeBatch } from '../../../sdk/record/batch-builder.ts'
import { createPlace, openLog, type Place, readAll, valuesOf } from './support/log-bench.ts'

/** A segment's bytes: one record per batch, at these offsets. */
function segment(prefix: string, ...offsets: number[]): Buffer {
  const batches = offsets.map((baseOffset) =>
    encodeBatch([{ key: null, value: Buffer.from(`${prefix}${baseOffset}`) }], { baseOffset, partitionLeaderEpoch: 0 }),
  )
  return Buffer.concat(batches)
}

/** Files by short names: `5.log.swap` is `00000000000000000005.log.swap`. */
function createFiles(files: Record<string, Buffer>): Place {
  const place = createPlace('memory')
  place.environment.files.makeDirectory(place.directory)
  for (const [name, bytes] of Object.entries(files)) {
    const [base, ...suffix] = name.split('.')
    const path = `${place.directory}/${base!.padStart(20, '0')}.${suffix.join('.')}`
    const file = place.environment.files.open(path, { write: true, create: true })
    file.write([bytes], 0)
    file.close()
  }
  return place
}

const COMPACT = { config: { cleanupPolicy: new Set(['compact'] as const) } }

const CASES: { what: string; files: Record<string, Buffer>; values: string[] }[] = [
  {
    what: 'deleted files go',
    files: { '0.log.deleted': segment('x', 0), '0.index.deleted': Buffer.alloc(8), '1.log': segment('a', 1, 2) },
    values: ['a1', 'a2'],
  },
  {
    what: 'a cleaned file that was not finished goes',
    files: { '0.log': segment('a', 0, 1), '0.log.cleaned': segment('c', 0), '2.log': segment('a', 2) },
    values: ['a0', 'a1', 'a2'],
  },
  {
    what: 'a swap file takes the place of the segments it covers',
    files: {
      '0.log': segment('a', 0, 1),
      '2.log': segment('a', 2, 3),
      '0.log.swap': segment('c', 1, 3),
      '4.log': segment('a', 4),
    },
    values: ['c1', 'c3', 'a4'],
  },
  {
    what: 'a swap file whose segments are gone already',
    files: { '0.log.swap': segment('c', 1, 3), '0.index.swap': Buffer.alloc(0), '4.log': segment('a', 4) },
    values: ['c1', 'c3', 'a4'],
  },
  {
    what: 'a swap file at or behind an unfinished cleaned one belongs to the same pass, and goes with it',
    files: {
      '0.log': segment('a', 0, 1),
      '2.log': segment('a', 2),
      '2.log.swap': segment('c', 2),
      '0.log.cleaned': segment('c', 0),
    },
    values: ['a0', 'a1', 'a2'],
  },
  {
    what: 'only half of the new names were given',
    files: {
      '0.log': segment('c', 1),
      '0.index.swap': Buffer.alloc(0),
      '2.log.swap': segment('c', 3),
      '2.log': segment('a', 2, 3),
      '4.log': segment('a', 4),
    },
    values: ['c1', 'c3', 'a4'],
  },
  {
    what: 'an index without a log goes',
    files: { '0.log': segment('a', 0), '7.index': Buffer.alloc(8), '7.timeindex': Buffer.alloc(12) },
    values: ['a0'],
  },
]

test.each(CASES)('leftovers: $what', ({ files, values }) => {
  const place = createFiles(files)
  const recoveryPoint = Number(values.at(-1)!.slice(1)) + 1
  const log = openLog(place, { ...COMPACT, recoveryPoint })
  expect(valuesOf(log)).toEqual(values)
  log.close()
  const names = place.environment.files.list(place.directory)
  expect(names.filter((name) => /\.(deleted|cleaned|swap)$/.test(name))).toEqual([])
  expect(names.filter((name) => name.startsWith('00000000000000000007'))).toEqual([])
})

test('files that are none of its own are left alone', () => {
  const place = createFiles({ '0.log': segment('a', 0) })
  const others = [
    'partition.metadata',
    '00000000000000000000-0000000000.checkpoint',
    'quorum-state',
    '123.log',
    'notes.deleted',
  ]
  for (const name of others) {
    const file = place.environment.files.open(`${place.directory}/${name}`, { write: true, create: true })
    file.write([Buffer.from(name)], 0)
    file.close()
  }
  const log = openLog(place)
  expect(readAll(log).records).toHaveLength(1)
  log.close()
  for (const name of others) {
    expect(readWholeFile(place.environment.files, `${place.directory}/${name}`)?.toString()).toBe(name)
  }
})
