import { expect, test } from 'vitest'
import type { Finding } from '../../../sdk/inspect/verify.ts'
import {
  type CraftedDirectory,
  createCraftedDirectory,
  END_OFFSET,
  FIRST,
  GROUP,
  indexEntry,
  OFFSETS_DIRECTORY,
  SECOND,
  START_MS,
  timeEntry,
} from './support/crafted-directory.ts'

/** What matters of a finding when it is compared. */
function brief(finding: Finding): Record<string, unknown> {
  const { severity, rule, file, position, offsetsLost } = finding
  return { severity, rule, file, position, offsetsLost }
}

async function briefs(directory: CraftedDirectory): Promise<Record<string, unknown>[]> {
  return (await directory.verify()).map(brief)
}

function flip(name: string, at: number, bit = 0): (directory: CraftedDirectory) => void {
  return (directory) => {
    directory.change(name, (bytes) => {
      bytes[at] = bytes[at]! ^ (1 << bit)
      return bytes
    })
  }
}

test('a directory that is whole has no findings', async () => {
  expect(await createCraftedDirectory().verify()).toEqual([])
})

test('a directory left by a crash, with no torn end, has no findings', async () => {
  expect(await createCraftedDirectory({ isCrashed: true }).verify()).toEqual([])
})

test('indexes that a broker allocated in full, with zeros behind their entries, are fine', async () => {
  const directory = createCraftedDirectory({ isCrashed: true })
  for (const name of [`${SECOND}.index`, `${SECOND}.timeindex`]) {
    directory.change(name, (bytes) => Buffer.concat([bytes, Buffer.alloc(12 * 8 * 1000 - bytes.length)]))
  }
  expect(await directory.verify()).toEqual([])
})

test('a flipped bit in a record is damage of that batch alone, and a clean start cuts nothing', async () => {
  const directory = createCraftedDirectory()
  const { position, sizeBytes } = directory.batches[0]![4]!
  flip(`${FIRST}.log`, position + 200)(directory)
  const [finding, ...others] = await directory.verify()
  expect(others).toEqual([])
  expect(brief(finding!)).toEqual({
    severity: 'damage',
    rule: 'batch',
    file: `${FIRST}.log`,
    position,
    offsetsLost: { from: 12, to: 15 },
  })
  expect(finding?.what).toContain(`${sizeBytes} bytes cannot be read`)
  expect(finding?.whatABrokerWouldDo).toContain('It cuts nothing here')
})

test('a flipped length is damage up to the next batch', async () => {
  for (const bit of [0, 4, 6]) {
    const directory = createCraftedDirectory()
    const { position } = directory.batches[0]![4]!
    flip(`${FIRST}.log`, position + 10, bit)(directory)
    expect(await briefs(directory)).toEqual([
      { severity: 'damage', rule: 'batch', file: `${FIRST}.log`, position, offsetsLost: { from: 12, to: 15 } },
    ])
  }
})

test('two damaged batches side by side are one loss', async () => {
  const directory = createCraftedDirectory()
  const { position } = directory.batches[0]![4]!
  flip(`${FIRST}.log`, position + 200)(directory)
  flip(`${FIRST}.log`, directory.batches[0]![5]!.position + 16)(directory)
  expect(await briefs(directory)).toEqual([
    { severity: 'damage', rule: 'batch', file: `${FIRST}.log`, position, offsetsLost: { from: 12, to: 18 } },
  ])
})

test('damage at the end of a segment reaches to the next one', async () => {
  const directory = createCraftedDirectory()
  const { position } = directory.batches[0]![11]!
  flip(`${FIRST}.log`, position + 16)(directory)
  expect(await briefs(directory)).toEqual([
    { severity: 'damage', rule: 'batch', file: `${FIRST}.log`, position, offsetsLost: { from: 33, to: 36 } },
  ])
})

test('damage in the middle of what a broker would recover says how much it cuts', async () => {
  const directory = createCraftedDirectory({ isCrashed: true })
  const { position } = directory.batches[1]![2]!
  flip(`${SECOND}.log`, position + 300)(directory)
  const [finding] = await directory.verify()
  expect(finding?.offsetsLost).toEqual({ from: 42, to: 45 })
  const cutBytes = directory.read(`${SECOND}.log`).length - position
  expect(finding?.whatABrokerWouldDo).toBe(
    `It cuts everything from here to the end of the log, ${cutBytes} bytes: offsets 42 to 59.`,
  )
})

test('every bit of a batch header counts: a flip anywhere in it is found', async () => {
  for (let at = 0; at < 61; at++) {
    const directory = createCraftedDirectory()
    flip(`${FIRST}.log`, directory.batches[0]![4]!.position + at, at % 8)(directory)
    expect(await directory.verify(), `byte ${at}`).not.toEqual([])
  }
})

test('a wrong base offset, which no checksum covers, is told from missing batches', async () => {
  for (const byte of [5, 7]) {
    const directory = createCraftedDirectory()
    const { position } = directory.batches[0]![4]!
    flip(`${FIRST}.log`, position + byte, 5)(directory)
    const findings = await directory.verify()
    const [first] = findings.filter(({ rule }) => rule === 'offset-order')
    expect(brief(first!)).toMatchObject({ severity: 'damage', position, offsetsLost: { from: 12, to: 15 } })
    expect(first?.what).toContain('where 12 belongs')
    expect(findings.filter(({ rule }) => rule === 'offset-gap')).toEqual([])
  }
})

test('a wrong leader epoch, which no checksum covers, is found by the checkpoint', async () => {
  const directory = createCraftedDirectory()
  const { position } = directory.batches[0]![4]!
  flip(`${FIRST}.log`, position + 13)(directory)
  expect(await briefs(directory)).toEqual([
    { severity: 'warning', rule: 'leader-epoch', file: `${FIRST}.log`, position, offsetsLost: null },
  ])
})

test('a torn end after a crash is a note: the next opening cuts it', async () => {
  const directory = createCraftedDirectory({ isCrashed: true })
  const end = directory.read(`${SECOND}.log`).length
  const batch = directory.read(`${FIRST}.log`).subarray(0, 700)
  batch.writeBigInt64BE(BigInt(END_OFFSET))
  directory.change(`${SECOND}.log`, (bytes) => Buffer.concat([bytes, batch]))
  const [finding, ...others] = await directory.verify()
  expect(others).toEqual([])
  expect(brief(finding!)).toEqual({
    severity: 'note',
    rule: 'torn-tail',
    file: `${SECOND}.log`,
    position: end,
    offsetsLost: null,
  })
  expect(finding?.whatABrokerWouldDo).toBe(
    'It cuts the last 700 bytes. The log then ends at offset 60, as it does for readers now.',
  )
})

test('a last batch whose bytes did not all reach the disk, and zeros at the end, are torn ends too', async () => {
  const torn = createCraftedDirectory({ isCrashed: true })
  const { position, sizeBytes } = torn.batches[1]![7]!
  torn.change(`${SECOND}.log`, (bytes) => bytes.fill(0, position + 512))
  expect(await briefs(torn)).toEqual([
    { severity: 'note', rule: 'torn-tail', file: `${SECOND}.log`, position, offsetsLost: null },
  ])
  const zeros = createCraftedDirectory({ isCrashed: true })
  zeros.change(`${SECOND}.log`, (bytes) => Buffer.concat([bytes, Buffer.alloc(5000)]))
  expect(await briefs(zeros)).toEqual([
    { severity: 'note', rule: 'torn-tail', file: `${SECOND}.log`, position: position + sizeBytes, offsetsLost: null },
  ])
})

test('a torn end under a clean-shutdown marker is a warning: a broker would append behind it', async () => {
  const directory = createCraftedDirectory()
  directory.change(`${SECOND}.log`, (bytes) => Buffer.concat([bytes, Buffer.from('fifteen bytes..')]))
  const [finding] = await directory.verify()
  expect(finding).toMatchObject({ severity: 'warning', rule: 'torn-tail' })
  expect(finding?.whatABrokerWouldDo).toContain('appends behind these bytes')
})

test('a last batch that was flushed and is cut off is damage, not a torn end', async () => {
  for (const isCrashed of [false, true]) {
    const directory = createCraftedDirectory({ isCrashed })
    directory.write('recovery-point-offset-checkpoint', `0\n1\nt 0 ${END_OFFSET}\n`)
    const { position } = directory.batches[1]![7]!
    directory.change(`${SECOND}.log`, (bytes) => bytes.subarray(0, bytes.length - 100))
    expect(await briefs(directory)).toEqual([
      { severity: 'damage', rule: 'batch', file: `${SECOND}.log`, position, offsetsLost: { from: 57, to: 60 } },
    ])
  }
})

test('whole batches missing from the end show by the checkpoint', async () => {
  const directory = createCraftedDirectory()
  const { position } = directory.batches[1]![6]!
  directory.change(`${SECOND}.log`, (bytes) => bytes.subarray(0, position))
  const findings = await briefs(directory)
  expect(findings).toContainEqual({
    severity: 'damage',
    rule: 'log-end',
    file: 't-0',
    position: null,
    offsetsLost: { from: 54, to: 60 },
  })
})

test('batches missing from the middle, and a missing segment, are gaps; in a compacted topic batches may be missing', async () => {
  for (const policy of ['delete', 'compact']) {
    const directory = createCraftedDirectory({ configs: { 'cleanup.policy': policy } })
    const { position, sizeBytes } = directory.batches[0]![0]!
    directory.change(`${FIRST}.log`, (bytes) =>
      Buffer.concat([bytes.subarray(0, position), bytes.subarray(position + sizeBytes)]),
    )
    const gaps = (await directory.verify()).filter(({ rule }) => rule !== 'offset-index')
    if (policy === 'compact') expect(gaps).toEqual([])
    else
      expect(gaps.map(brief)).toEqual([
        { severity: 'damage', rule: 'offset-gap', file: `${FIRST}.log`, position: 0, offsetsLost: { from: 0, to: 3 } },
      ])
  }
  const directory = createCraftedDirectory()
  for (const suffix of ['.log', '.index', '.timeindex']) directory.write(SECOND + suffix, null)
  expect((await briefs(directory)).find(({ rule }) => rule === 'log-end')).toMatchObject({
    offsetsLost: { from: 36, to: 60 },
  })
})

test('an index entry that points to no batch, or to another one, is found', async () => {
  const fourth = createCraftedDirectory().batches[0]![3]!
  for (const [entry, why] of [
    [indexEntry(14, 3000), 'position 3000 is not where a batch begins'],
    [indexEntry(13, fourth.position), 'ends with 11'],
  ] as const) {
    const damaged = createCraftedDirectory()
    damaged.change(`${FIRST}.index`, (bytes) => Buffer.concat([entry, bytes.subarray(8)]))
    const [finding, ...others] = await damaged.verify()
    expect(others).toEqual([])
    expect(brief(finding!)).toEqual({
      severity: 'warning',
      rule: 'offset-index',
      file: `${FIRST}.index`,
      position: 0,
      offsetsLost: null,
    })
    expect(finding?.what).toContain(why)
  }
})

test('a flipped bit anywhere in an index or a time index is found', async () => {
  for (const suffix of ['.index', '.timeindex']) {
    const { length } = createCraftedDirectory().read(FIRST + suffix)
    for (let at = 0; at < length; at++) {
      const directory = createCraftedDirectory()
      flip(FIRST + suffix, at, at % 8)(directory)
      const findings = await briefs(directory)
      const rule = suffix === '.index' ? 'offset-index' : 'time-index'
      expect(findings, `byte ${at}`).toEqual([
        { severity: 'warning', rule, file: FIRST + suffix, position: expect.any(Number), offsetsLost: null },
      ])
    }
  }
})

test('index entries beyond the end of the log are a note after a crash and a warning otherwise', async () => {
  for (const isCrashed of [true, false]) {
    const directory = createCraftedDirectory({ isCrashed })
    directory.change(`${SECOND}.index`, (bytes) => Buffer.concat([bytes, indexEntry(90, 90_000)]))
    directory.change(`${SECOND}.timeindex`, (bytes) => Buffer.concat([bytes, timeEntry(START_MS * 2, 90)]))
    expect((await briefs(directory)).map(({ severity, rule }) => [severity, rule])).toEqual([
      [isCrashed ? 'note' : 'warning', 'offset-index'],
      [isCrashed ? 'note' : 'warning', 'time-index'],
    ])
  }
})

test('missing indexes are a note, empty ones a warning', async () => {
  const missing = createCraftedDirectory()
  missing.write(`${FIRST}.index`, null)
  missing.write(`${FIRST}.timeindex`, null)
  expect((await briefs(missing)).map(({ severity, file }) => [severity, file])).toEqual([['note', `${FIRST}.index`]])
  const empty = createCraftedDirectory()
  empty.write(`${FIRST}.index`, '')
  empty.write(`${FIRST}.timeindex`, '')
  expect((await briefs(empty)).map(({ severity, file }) => [severity, file])).toEqual([
    ['warning', `${FIRST}.timeindex`],
    ['warning', `${FIRST}.index`],
  ])
  const timeOnly = createCraftedDirectory()
  timeOnly.write(`${FIRST}.timeindex`, null)
  expect((await briefs(timeOnly)).map(({ severity, file }) => [severity, file])).toEqual([
    ['warning', `${FIRST}.timeindex`],
  ])
})

test('a time index of the metadata log that is behind is a note: brokers leave it so at an orderly stop', async () => {
  const directory = createCraftedDirectory()
  for (const suffix of ['.index', '.timeindex']) directory.write(`__cluster_metadata-0/${'0'.repeat(20)}${suffix}`, '')
  expect((await briefs(directory)).map(({ severity, rule }) => [severity, rule])).toEqual([['note', 'time-index']])
})

test('an index without its log is found', async () => {
  const directory = createCraftedDirectory()
  directory.write(`${FIRST}.log`, null)
  const findings = await briefs(directory)
  expect(findings.map(({ rule, file }) => [rule, file])).toContainEqual(['segment', `${FIRST}.index`])
})

test('a flipped bit anywhere in a producer snapshot is found', async () => {
  const name = 't-0/00000000000000000036.snapshot'
  const { length } = createCraftedDirectory().read(name)
  for (let at = 0; at < length; at++) {
    const directory = createCraftedDirectory()
    flip(name, at, at % 8)(directory)
    expect(await briefs(directory), `byte ${at}`).toEqual([
      { severity: 'warning', rule: 'producer-snapshot', file: name, position: 0, offsetsLost: null },
    ])
  }
})

test('damaged checkpoints are found', async () => {
  const damages: readonly [string, string, string][] = [
    ['t-0/leader-epoch-checkpoint', '0\n3\n0 0\n1 36\n', 'checkpoint'],
    ['t-0/leader-epoch-checkpoint', '0\n2\n0 0\n1 39\n', 'leader-epoch'],
    ['recovery-point-offset-checkpoint', '0\n1\nt 0 6x\n', 'checkpoint'],
    ['recovery-point-offset-checkpoint', '0\n1\nt 0 99\n', 'log-end'],
    ['replication-offset-checkpoint', '7\n1\nt 0 60\n', 'checkpoint'],
    ['log-start-offset-checkpoint', '0\n1\nt 0 61\n', 'log-end'],
    ['meta.properties', 'version=1\nnode.id=1\n', 'meta-properties'],
  ]
  for (const [name, text, rule] of damages) {
    const directory = createCraftedDirectory()
    directory.write(name, text)
    const trouble = (await briefs(directory)).filter(({ severity }) => severity !== 'note')
    expect(
      trouble.map((finding) => finding['rule']),
      `${name} ${text}`,
    ).toEqual([rule])
  }
})

test('an id that the metadata log does not know is found: a broker would set the directory aside', async () => {
  const directory = createCraftedDirectory()
  flip('t-0/partition.metadata', 25)(directory)
  const [finding, ...others] = await directory.verify()
  expect(others).toEqual([])
  expect(finding).toMatchObject({ severity: 'warning', rule: 'partition-metadata', file: 't-0/partition.metadata' })
  expect(finding?.whatABrokerWouldDo).toContain('-stray')
  directory.write('t-0/partition.metadata', null)
  expect((await directory.verify())[0]?.what).toBe('The file is missing.')
})

test('a partition without an id is worth a note where a crash came before its first record, a warning where it has any', async () => {
  const missing = async ({ isEmpty }: { isEmpty: boolean }) => {
    const directory = createCraftedDirectory({ isCrashed: true })
    directory.write('t-0/partition.metadata', null)
    if (isEmpty) for (const segment of [FIRST, SECOND]) directory.write(`${segment}.log`, '')
    return (await directory.verify()).find(({ rule }) => rule === 'partition-metadata')?.severity
  }
  expect([await missing({ isEmpty: true }), await missing({ isEmpty: false })]).toEqual(['note', 'warning'])
})

test('another directory id than the metadata log has is found', async () => {
  const directory = createCraftedDirectory()
  directory.change('meta.properties', (bytes) => Buffer.from(bytes.toString().replace('SdkUZ', 'TdkUZ')))
  expect((await briefs(directory)).map(({ rule }) => rule)).toEqual(['meta-properties'])
})

test('a partition whose directory is gone is a loss of all it held', async () => {
  const directory = createCraftedDirectory()
  directory.environment.files.removeDirectory('/data/t-0')
  const findings = await briefs(directory)
  expect(findings[0]).toEqual({
    severity: 'damage',
    rule: 'log-end',
    file: 't-0',
    position: null,
    offsetsLost: { from: 0, to: 60 },
  })
})

test('a damaged metadata log is found, and nothing that follows from it is blamed on others', async () => {
  const directory = createCraftedDirectory()
  const name = '__cluster_metadata-0/00000000000000000000.log'
  flip(name, directory.read(name).length - 5)(directory)
  const findings = await directory.verify()
  expect(findings.map(({ rule, topic }) => [rule, topic])).toEqual([['batch', '__cluster_metadata']])
})

test('a damaged commit, and one past the end, are found', async () => {
  const damaged = createCraftedDirectory()
  const name = `${OFFSETS_DIRECTORY}/00000000000000000000.log`
  flip(name, 90)(damaged)
  expect((await briefs(damaged)).map(({ severity, rule, file }) => [severity, rule, file])).toEqual([
    ['damage', 'batch', name],
  ])
  const past = createCraftedDirectory({ committedOffset: 61 })
  const [finding, ...others] = await past.verify()
  expect(others).toEqual([])
  expect(finding).toMatchObject({ severity: 'warning', rule: 'commit', file: OFFSETS_DIRECTORY })
  expect(finding?.what).toContain(`Group "${GROUP}" committed offset 61 of t-0, whose log ends at 60`)
})

test('files that a compaction or a deletion left, and directories set aside, do no harm', async () => {
  const directory = createCraftedDirectory()
  directory.write('t-0/00000000000000000000.log.deleted', 'anything')
  directory.write('t-0/00000000000000000000.log.cleaned', 'anything')
  directory.write(`old-0.${'0'.repeat(32)}-stray/00000000000000000000.log`, 'anything')
  directory.write(`gone-0.${'0'.repeat(32)}-delete/00000000000000000000.log`, 'anything')
  expect((await briefs(directory)).map(({ severity, rule }) => [severity, rule])).toEqual([
    ['note', 'leftover'],
    ['note', 'leftover'],
  ])
})

test('it says how far it is, stops when told to, and refuses what is no data directory', async () => {
  const { verifyDirectory } = await import('../../../sdk/inspect/verify.ts')
  const { environment, path } = createCraftedDirectory()
  const seen: number[] = []
  await verifyDirectory(path, { environment, onProgress: ({ records }) => seen.push(records) })
  // 60 records, a commit, and the metadata's: three of the quorum, three features, two of the topic, 54 of the offsets'.
  expect(seen.at(-1)).toBe(60 + 1 + 3 + 3 + 2 + 54)
  await expect(verifyDirectory('/nowhere', { environment })).rejects.toMatchObject({ code: 'NOT_A_DATA_DIRECTORY' })
})

test('it changes nothing', async () => {
  const { environment, verify } = createCraftedDirectory({ isCrashed: true })
  const changes = () => {
    const { write, truncate, rename, remove, removeDirectory, makeDirectory, sync } = environment.counts
    return [write, truncate, rename, remove, removeDirectory, makeDirectory, sync]
  }
  const before = changes()
  await verify()
  expect(changes()).toEqual(before)
})

test('a damaged index of aborted transactions is found, a whole one is fine', async () => {
  const entry = (firstOffset: number, lastOffset: number) => {
    const bytes = Buffer.alloc(34)
    bytes.writeBigInt64BE(7n, 2)
    bytes.writeBigInt64BE(BigInt(firstOffset), 10)
    bytes.writeBigInt64BE(BigInt(lastOffset), 18)
    bytes.writeBigInt64BE(BigInt(lastOffset), 26)
    return bytes
  }
  const whole = Buffer.concat([entry(3, 5), entry(6, 8)])
  const directory = createCraftedDirectory()
  directory.write(`${FIRST}.txnindex`, whole)
  expect(await directory.verify()).toEqual([])
  const damages: readonly [Buffer, number][] = [
    [whole.subarray(0, 50), 34],
    [Buffer.concat([entry(6, 8), entry(3, 5)]), 34],
    [entry(6, 600), 0],
    [entry(9, 8), 0],
    [Buffer.concat([Buffer.from([0, 1]), whole.subarray(2)]), 0],
  ]
  for (const [bytes, position] of damages) {
    directory.write(`${FIRST}.txnindex`, bytes)
    expect(await briefs(directory)).toEqual([
      { severity: 'damage', rule: 'transaction-index', file: `${FIRST}.txnindex`, position, offsetsLost: null },
    ])
  }
})

test('a damaged metadata snapshot is found, the log alone still says what there is', async () => {
  const directory = createCraftedDirectory()
  const name = '__cluster_metadata-0/00000000000000000002-0000000000.checkpoint'
  directory.write(name, Buffer.alloc(100, 1))
  expect((await briefs(directory)).map(({ severity, rule, file }) => [severity, rule, file])).toEqual([
    ['damage', 'metadata-log', name],
  ])
})
