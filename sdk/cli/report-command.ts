import { basename, dirname } from 'node:path'
import packageJson from '../../package.json' with { type: 'json' }
import { type Finding, verifyDirectory } from '../inspect/verify.ts'
import { asDiskFailure } from '../log/storage-error.ts'
import { replaceWholeFile } from '../log/whole-file.ts'
import { anonymous } from './anonymous.ts'
import { type Command, type ExitCode, type Invocation, WRONG_USE } from './command.ts'
import { reading } from './directory-access.ts'
import { digits, sizeWords } from './plain-words.ts'
import { ProgressLine } from './progress-line.ts'
import { type Report, readReport } from './report.ts'
import { reportText } from './report-text.ts'

export const reportCommand: Command = {
  name: 'report',
  summary: 'Everything that somebody who is to help needs, for a ticket. Without what is in the records.',
  positionals: ['DIR'],
  options: {
    output: { type: 'string', short: 'o', valueName: 'FILE', description: 'write it there (default: print it)' },
    anonymous: { type: 'boolean', description: 'with other names for topics, groups and the directory' },
    'no-verify': { type: 'boolean', description: 'do not check every batch, which reads the whole directory' },
  },
  details: [
    'Markdown: versions, topics with their settings, health and lag of every group, its newest commits, and what `tidemark verify` finds. Keys, values, headers, the metadata of commits and the names of clients are left out. Works while another program has the directory open, after a crash, and on a copy.',
    'JSON, one line: tidemark, platform, atMs, directory (path, isOwned, ownerPid), topics (topic, topicId, configs, partitions), groups (as `tidemark health --json`), lag (as `tidemark lag --json`, without metadata, memberId, clientId, host), history (group, topic, partition, kind, offset, timestampMs), findings (as `tidemark verify --json`; null with --no-verify).',
  ],
  examples: [
    { does: 'For a ticket', type: 'tidemark report ./data --output report.md' },
    { does: "Where names are nobody's business", type: 'tidemark report ./data --anonymous -o report.md' },
  ],
  exitCodes: [
    { code: 0, means: 'made, whatever stands in it' },
    { code: 1, means: 'the directory cannot be read, or the file not written' },
    WRONG_USE,
  ],
  run: makeReport,
}

async function makeReport(invocation: Invocation): Promise<ExitCode> {
  const { terminal, options, positionals, isJson } = invocation
  const { environment, output } = terminal
  const read = await reading(invocation, (tide) => readReport(tide))
  const findings = options.isSet('no-verify') ? null : await verify(invocation)
  const path = environment.files.realPath(positionals[0])
  const holder = environment.findLockHolder(path)
  const made: Report = {
    tidemark: packageJson.version,
    platform: terminal.platform,
    atMs: environment.clock.nowMs(),
    directory: { path, isOwned: holder !== undefined, ownerPid: holder?.pid ?? null },
    ...read,
    findings,
  }
  const report = options.isSet('anonymous') ? anonymous(made) : made
  const text = isJson ? `${JSON.stringify(report)}\n` : reportText(report)
  const file = options.text('output')
  if (file === undefined) {
    await output.write(text)
    return 0
  }
  try {
    replaceWholeFile(environment.files, dirname(file), basename(file), Buffer.from(text))
  } catch (error) {
    throw asDiskFailure(error, `write ${file}`)
  }
  await terminal.errors.write(`Written to ${file}. Read it before you hand it on.\n`)
  return 0
}

async function verify({ terminal, positionals }: Invocation): Promise<Finding[]> {
  const { environment, signal } = terminal
  const line = new ProgressLine(terminal)
  try {
    return await verifyDirectory(positionals[0], {
      ...{ environment, signal },
      onProgress: ({ partitionsDone, partitionsTotal, sizeBytes }) =>
        line.show(
          () => `checking: partition ${digits(partitionsDone)} of ${digits(partitionsTotal)}, ${sizeWords(sizeBytes)}`,
        ),
    })
  } finally {
    await line.clear()
  }
}
