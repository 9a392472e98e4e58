import { describeFile } from '../inspect/describe-file.ts'
import { type Command, type ExitCode, type Invocation, WRONG_USE } from './command.ts'
import { DumpText, rowToJson } from './dump-text.ts'
import { LineWriter } from './line-writer.ts'
import { styleFor } from './style.ts'

export const dumpCommand: Command = {
  name: 'dump',
  summary: "What stands in Kafka's files: batches, records, index entries, checkpoints.",
  positionals: ['FILE…'],
  options: {
    records: {
      type: 'boolean',
      description: 'records with their keys and values too, not only batches',
    },
  },
  details: [
    'Takes .log, .index, .timeindex, .txnindex, .snapshot and .checkpoint files, leader-epoch-checkpoint and the other checkpoints, meta.properties, partition.metadata, quorum-state and .kafka_cleanshutdown; what a file is, its name says. Of __consumer_offsets, __cluster_metadata and __transaction_state every record is shown in words.',
    'Changes nothing, and works beside the program that writes. What cannot be read is told in its place, and what stands behind it is shown. Whether files fit together is for `tidemark verify` to say.',
    'JSON: file, row (file, batch, record, entry, problem), and what belongs to it; keys and values are text, null, or {"base64": "…"} where they are not UTF-8; meaning (type, words, key, value) says what a record of Kafka\'s own logs means.',
  ],
  examples: [
    { does: 'The batches of a segment', type: 'tidemark dump ./data/payments-0/00000000000000000000.log' },
    { does: 'The records too', type: 'tidemark dump ./data/payments-0/*.log --records' },
    { does: 'What was committed, and by whom', type: 'tidemark dump ./data/__consumer_offsets-*/*.log' },
    {
      does: 'Which topics were created, and how',
      type: 'tidemark dump ./data/__cluster_metadata-0/*.log --json',
    },
  ],
  exitCodes: [{ code: 0, means: 'all of it could be read' }, { code: 1, means: 'something could not' }, WRONG_USE],
  run: dump,
}

async function dump({ terminal, positionals, options, isJson }: Invocation): Promise<ExitCode> {
  const { environment, signal } = terminal
  const lines = new LineWriter(terminal)
  const text = new DumpText(styleFor(terminal), terminal.output.columns)
  const print = async (all: readonly string[]): Promise<void> => {
    for (const line of all) await lines.line(line)
  }
  let hasProblem = false
  for (const [at, path] of positionals.entries()) {
    if (at > 0 && !isJson) await lines.line('')
    const records = options.isSet('records') ? { records: true } : {}
    for await (const row of describeFile(path, { environment, signal, ...records })) {
      hasProblem ||= row.row === 'problem'
      await print(isJson ? [JSON.stringify(rowToJson(path, row))] : text.lines(path, row))
      if (lines.isClosed) return 0
    }
    if (!isJson) await print(text.end())
  }
  await lines.flush()
  return hasProblem ? 1 : 0
}
