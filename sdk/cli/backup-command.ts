import { type Backup, type BackupProgress, backupDirectory } from '../inspect/backup.ts'
import { isTrouble } from '../inspect/finding.ts'
import { type Command, type ExitCode, type Invocation, WRONG_USE } from './command.ts'
import { counted, digits, sizeWords } from './plain-words.ts'
import { ProgressLine } from './progress-line.ts'
import { styleFor } from './style.ts'
import { withoutControls } from './table.ts'

export const backupCommand: Command = {
  name: 'backup',
  summary: 'Copies a directory while another program writes to it, so that the copy fits together.',
  positionals: ['DIR', 'DEST'],
  options: { 'no-verify': { type: 'boolean', description: 'do not check the copy at the end' } },
  details: [
    'DEST must be empty, or not there yet. Commits are copied before the records they point to, so no group of the copy points past the end of a log; batches that are being written are left out. Nothing in DIR changes, and the program that has it open is not disturbed.',
    'The copy is a data directory like any other: read it, open it, start a broker on it. Its ids are those of DIR. It is durable when this has ended; if it is interrupted, what was copied is removed.',
    'JSON, one line: destination, partitions, sizeBytes (how much was written), findings (as `tidemark verify --json` prints them; null with --no-verify).',
  ],
  examples: [
    { does: 'Every night', type: 'tidemark backup ./data /backups/$(date +%F)' },
    { does: 'See that it can be read', type: 'tidemark lag /backups/2026-03-01' },
  ],
  exitCodes: [
    { code: 0, means: 'copied, and nothing is wrong with the copy' },
    { code: 1, means: 'damage or a warning was found in the copy, or it could not be made' },
    WRONG_USE,
  ],
  run: backup,
}

async function backup({ terminal, positionals, options, isJson }: Invocation): Promise<ExitCode> {
  const { environment, signal, output } = terminal
  const [directory, destination = ''] = positionals
  const line = new ProgressLine(terminal)
  const startMs = environment.clock.monotonicMs()
  let made: Backup
  try {
    made = await backupDirectory(directory, destination, {
      ...{ environment, signal, verify: !options.isSet('no-verify') },
      onProgress: (progress) => line.show(() => progressWords(progress)),
    })
  } finally {
    await line.clear()
  }
  const { findings } = made
  const hasTrouble = findings?.some(isTrouble) === true
  if (isJson) await output.write(`${JSON.stringify(made)}\n`)
  else {
    const seconds = ((environment.clock.monotonicMs() - startMs) / 1000).toFixed(1)
    const { partitions, sizeBytes } = made
    const style = styleFor(terminal)
    const copied = `Copied ${counted(partitions, 'partition')} (Kafka's own topics too), ${sizeWords(sizeBytes)}, to ${withoutControls(destination)} in ${seconds} s.`
    const verdict =
      findings === null
        ? 'It was not checked.'
        : hasTrouble
          ? `${style.red(`${counted(findings.length, 'thing')} found in it.`)} What: tidemark verify ${withoutControls(destination)}`
          : style.green('Nothing is wrong with it.')
    await output.write(`${copied} ${verdict}\n`)
  }
  return hasTrouble ? 1 : 0
}

function progressWords({ phase, partitionsDone, partitionsTotal, sizeBytes }: BackupProgress): string {
  const doing = phase === 'copy' ? 'copying' : 'checking'
  return `${doing}: partition ${digits(partitionsDone)} of ${digits(partitionsTotal)}, ${sizeWords(sizeBytes)}`
}
