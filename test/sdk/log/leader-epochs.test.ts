import { expect, test } from 'vitest'
import { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import { encodeCheckpoint, parseCheckpointNumber, readCheckpointFile } from '../../../sdk/log/checkpoint-file.ts'
import { LeaderEpochs } from '../../../sdk/log/leader-epochs.ts'
import { readWholeFile, replaceWholeFile } from '../../../sdk/log/whole-file.ts'

function createDirectory(text?: string): MemoryEnvironment {
  const environment = new MemoryEnvironment()
  environment.files.makeDirectory('/d')
  environment.files.syncDirectory('/')
  if (text === undefined) return environment
  const file = environment.files.open('/d/leader-epoch-checkpoint', { write: true, create: true })
  file.write([Buffer.from(text)], 0)
  file.close()
  return environment
}

function textOf(environment: MemoryEnvironment): string {
  return String(readWholeFile(environment.files, '/d/leader-epoch-checkpoint'))
}

test('a checkpoint is a version, a count and a line per entry, and survives a crash as a whole', () => {
  const environment = createDirectory()
  replaceWholeFile(environment.files, '/d', 'c', encodeCheckpoint(['events 0 17', 'events 1 4']))
  expect(String(readWholeFile(environment.files, '/d/c'))).toBe('0\n2\nevents 0 17\nevents 1 4\n')
  environment.failNext('rename', { error: 'EIO' })
  expect(() => replaceWholeFile(environment.files, '/d', 'c', encodeCheckpoint([]))).toThrow(/EIO/)
  expect(readCheckpointFile(environment.files, '/d/c')).toEqual([
    ['events', '0', '17'],
    ['events', '1', '4'],
  ])
  expect(readCheckpointFile(environment.files, '/d/none')).toBeUndefined()
})

test.each(['1\n0\n', '0\n', '0\n2\na 0 1\n', '0\n0\na 0 1\n', '0\nx\n', 'junk', '0\n-1\n'])(
  '%j is not a checkpoint',
  (text) => {
    const { files } = createDirectory(text)
    expect(() => readCheckpointFile(files, '/d/leader-epoch-checkpoint')).toThrow(
      expect.objectContaining({ code: 'STORAGE_ERROR' }),
    )
  },
)

test('an empty checkpoint has no entries, and numbers are whole', () => {
  expect(readCheckpointFile(createDirectory('').files, '/d/leader-epoch-checkpoint')).toEqual([])
  expect(parseCheckpointNumber('c', '-1')).toBe(-1)
  for (const field of [undefined, '', '1.5', '1e3', '0x1', '99999999999999999999']) {
    expect(() => parseCheckpointNumber('c', field)).toThrow(/not a number/)
  }
})

test.each(['0\n2\n1 5\n1 7\n', '0\n2\n1 5\n2 5\n', '0\n2\n2 5\n1 7\n', '0\n1\n-1 5\n', '0\n1\n1 5 6\n', '0\n1\n1\n'])(
  '%j are no epochs: both columns rise strictly',
  (text) => {
    expect(() => LeaderEpochs.load(createDirectory(text).files, '/d')).toThrow(/damaged/)
  },
)

test('a new epoch at an unchanged start replaces the last line; what it contradicts goes; nothing new writes nothing', () => {
  const environment = createDirectory('0\n1\n0 0\n')
  const epochs = LeaderEpochs.load(environment.files, '/d')
  epochs.assign(2, 0)
  expect(textOf(environment)).toBe('0\n1\n2 0\n')
  epochs.assign(3, 10)
  epochs.assign(5, 20)
  epochs.assign(6, 15)
  expect(textOf(environment)).toBe('0\n3\n2 0\n3 10\n6 15\n')
  const { counts } = environment
  epochs.assign(6, 15)
  epochs.assign(6, 18)
  expect(environment.counts.write).toBe(counts.write)
})

test('a line that could not be written is written with the next one', () => {
  const environment = createDirectory()
  const epochs = LeaderEpochs.load(environment.files, '/d')
  environment.failNext('sync', { error: 'EIO' })
  expect(() => epochs.assign(1, 0)).toThrow(/EIO/)
  expect(epochs.isDurable(1)).toBe(false)
  epochs.assign(1, 0)
  expect([epochs.isDurable(1), textOf(environment)]).toEqual([true, '0\n1\n1 0\n'])
})

test('an epoch that is stored in the background survives a store that overtakes it, and one that fails', async () => {
  const environment = createDirectory('0\n2\n0 0\n1 10\n')
  const epochs = LeaderEpochs.load(environment.files, '/d')
  const storing = epochs.assignInBackground(2, 20)
  expect(epochs.isDurable(2)).toBe(false)
  epochs.trim(5, 30)
  epochs.storeChanges()
  await storing
  expect([epochs.isDurable(2), textOf(environment.crash())]).toEqual([true, '0\n3\n0 5\n1 10\n2 20\n'])
  const later = epochs.assignInBackground(3, 30)
  epochs.trim(15, 40)
  environment.failNext('rename', { error: 'EIO' })
  expect(() => epochs.storeChanges()).toThrow(/EIO/)
  await later
  expect([epochs.isDurable(3), textOf(environment.crash())]).toEqual([true, '0\n3\n1 15\n2 20\n3 30\n'])
})

test('lines outside the log go, and the one the log begins in begins there', () => {
  const environment = createDirectory('0\n4\n0 0\n2 10\n3 20\n5 30\n')
  const epochs = LeaderEpochs.load(environment.files, '/d')
  epochs.trim(15, 30)
  epochs.storeChanges()
  expect(textOf(environment)).toBe('0\n2\n2 15\n3 20\n')
  expect([epochs.epochAt(14), epochs.epochAt(15), epochs.epochAt(99)]).toEqual([undefined, 2, 3])
})
