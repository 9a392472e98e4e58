/** Where a reset puts a group is where `kafka-consumer-groups --reset-offsets` puts it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { open, type ResetTarget } from '../../sdk/index.ts'
import { formatOffsetsCsv, parseOffsetsCsv } from '../../sdk/offsets/offsets-csv.ts'
import { runKafkaTool } from '../support/java.ts'
import { startBroker } from '../support/kafka.ts'

const MINUTE_MS = 60_000
const RECORDS = 10

test('every target, clamped as Kafka clamps, and its CSV both ways', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-kafka-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const directory = join(folder, 'data')
  const startMs = Date.now() - 100 * MINUTE_MS
  await writeGroup(directory, startMs)
  await using broker = await startBroker(directory)
  await using tide = await open(directory, { readOnly: true })

  const exported = async (args: readonly string[]): Promise<string[]> => {
    const question = ['--bootstrap-server', broker.bootstrap, '--reset-offsets', '--group', 'fraud', '--export']
    const { stdout } = await runKafkaTool('kafka-consumer-groups', [...question, '--dry-run', ...args])
    return rowsOf(stdout)
  }
  const planned = async (target: ResetTarget): Promise<string> => {
    const { changes } = await tide.groups.planReset('fraud', target)
    return formatOffsetsCsv(
      changes.map(({ topic, partition, after }) => ({ group: null, topic, partition, offset: after!.offset })),
    )
  }
  const fifthMs = startMs + 45 * MINUTE_MS
  const targets: readonly (readonly [ResetTarget, readonly string[]])[] = [
    ['earliest', ['--to-earliest']],
    ['latest', ['--to-latest']],
    ['current', ['--to-current']],
    [{ offset: 7 }, ['--to-offset', '7']],
    [{ offset: 500 }, ['--to-offset', '500']],
    [{ by: 2 }, ['--shift-by', '2']],
    [{ by: -5 }, ['--shift-by', '-5']],
    [{ timestampMs: fifthMs }, ['--to-datetime', new Date(fifthMs).toISOString().replace('Z', '')]],
    [{ duration: 'PT35M' }, ['--by-duration', 'PT35M']],
    [{ duration: 1000 }, ['--by-duration', 'PT1S']],
  ]
  for (const [target, args] of targets) {
    const theirs = await exported(['--all-topics', ...args])
    expect(theirs.length, args.join(' ')).toBe(3)
    expect(rowsOf(await planned(target)), args.join(' ')).toEqual(theirs)
  }

  const file = join(folder, 'plan.csv')
  writeFileSync(file, await planned({ offset: 7 }))
  expect(await exported(['--from-file', file])).toEqual(rowsOf(await planned({ offset: 7 })))
}, 600_000)

/** A partition that is read in part, one that is read to its end, one whose commit is past its end. */
async function writeGroup(directory: string, startMs: number): Promise<void> {
  await using tide = await open(directory)
  const records = [...Array(3 * RECORDS).keys()].map((index) => {
    const timestampMs = startMs + Math.floor(index / 3) * 10 * MINUTE_MS
    return { value: Buffer.from('x'), partition: index % 3, timestampMs }
  })
  for (const record of records) await tide.topic('payments', { partitions: 3 }).send(record)
  const offsets = [4, RECORDS, RECORDS + 20].map((offset, partition) => ({ topic: 'payments', partition, offset }))
  await tide.groups.commit('fraud', offsets, { pastEnd: true })
}

/** Warnings stand between the lines of the CSV. */
function rowsOf(printed: string): string[] {
  const lines = printed.split('\n').filter((line) => /^"?payments"?,/.test(line))
  return parseOffsetsCsv(lines.join('\n'))
    .map(({ topic, partition, offset }) => `${topic}-${partition} ${offset}`)
    .sort()
}
