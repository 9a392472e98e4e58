import { isTrouble } from '../inspect/finding.ts'
import { shellWord } from '../inspect/shell-word.ts'
import { type Finding, type VerifyProgress, verifyDirectory } from '../inspect/verify.ts'
import { type Command, type ExitCode, type Invocation, WRONG_USE } from './command.ts'
import { LineWriter } from './line-writer.ts'
import { counted, digits, sizeWords } from './plain-words.ts'
import { ProgressLine } from './progress-line.ts'
import { type Style, styleFor } from './style.ts'
import { withoutControls } from './table.ts'
import { wrappedText } from './wrapped-text.ts'

export const verifyCommand: Command = {
  name: 'verify',
  summary: 'Checks every batch, record, checksum and index entry. Changes nothing.',
  positionals: ['DIR'],
  options: {},
  details: [
    'Works on copies, after a crash, and while another program writes to the directory. Says what is wrong, where, what is lost, what a Kafka broker would do with it, and what to do. What cannot be read is told, and the rest checked.',
    'What no file can tell: whether whole batches are missing from the end of a log after a crash; and whether two partitions of a topic were swapped that are of one length, or were left by a crash, and have hardly any keys.',
    'JSON: severity (damage, warning, note), rule, topic, partition, file, position, offset, offsetsLost (from, to), what, whatABrokerWouldDo, whatToDo. No line: nothing was found.',
  ],
  examples: [
    { does: 'Is it whole?', type: 'tidemark verify ./data' },
    { does: 'In a script, before a backup', type: 'tidemark verify ./data --json > findings.jsonl || exit 1' },
  ],
  exitCodes: [
    { code: 0, means: 'nothing is wrong; notes, such as the torn end that a crash leaves, count as fine' },
    { code: 1, means: 'damage or a warning' },
    WRONG_USE,
  ],
  run: verify,
}

/** Where a terminal does not say how wide it is. */
const USUAL_COLUMNS = 80
const COMMAND = /(?=tidemark [a-z]+ DIR )/

async function verify({ terminal, positionals, isJson }: Invocation): Promise<ExitCode> {
  const { environment, signal, output } = terminal
  const startMs = environment.clock.monotonicMs()
  const line = new ProgressLine(terminal)
  let progress: VerifyProgress = { partitionsDone: 0, partitionsTotal: 0, sizeBytes: 0, batches: 0, records: 0 }
  const onProgress = (now: VerifyProgress) => {
    progress = now
    line.show(
      () => `partition ${digits(now.partitionsDone)} of ${digits(now.partitionsTotal)}, ${sizeWords(now.sizeBytes)}`,
    )
  }
  let findings: Finding[]
  try {
    findings = await verifyDirectory(positionals[0], { environment, onProgress, signal })
  } finally {
    await line.clear()
  }
  if (isJson) {
    const lines = new LineWriter(terminal)
    for (const finding of findings) await lines.line(JSON.stringify(finding))
    await lines.flush()
  } else {
    const style = styleFor(terminal)
    const columns = output.isTerminal ? (output.columns ?? USUAL_COLUMNS) : Number.POSITIVE_INFINITY
    for (const finding of findings) {
      await output.write(`${findingText(finding, positionals[0], { style, columns })}\n`)
    }
    const seconds = (environment.clock.monotonicMs() - startMs) / 1000
    await output.write(summary(findings, progress, { seconds, style }))
  }
  return findings.some(isTrouble) ? 1 : 0
}

function findingText(finding: Finding, directory: string, how: { style: Style; columns: number }): string {
  const { style, columns } = how
  const { severity, topic, partition, file, position, offset, offsetsLost, what, whatABrokerWouldDo, whatToDo } =
    finding
  const paint = { damage: style.red, warning: style.yellow, note: style.dim }[severity]
  const place = topic === null ? file : `${topic}-${partition}`
  const where = [file, position === null ? '' : `byte ${position}`, offset === null ? '' : `offset ${offset}`]
    .filter((part) => part !== '')
    .join(', ')
  const head = [`${paint(severity)}  ${style.bold(withoutControls(place))}\n`]
  if (where !== place) head.push(`  ${style.dim(withoutControls(where))}\n`)
  const lines = [what]
  if (offsetsLost !== null) lines.push(`Lost: ${lostWords(offsetsLost)}`)
  lines.push(`A Kafka broker: ${whatABrokerWouldDo}`)
  // A command is to be copied, so it is not broken.
  const toDo = `To do: ${whatToDo}`
  const [advice = '', ...command] = columns === Number.POSITIVE_INFINITY ? [toDo] : toDo.split(COMMAND)
  const body = [...lines, advice.trimEnd()].map((line) => wrappedText(withoutControls(line), '  ', columns))
  const commands = command.map((line) => `    ${withoutControls(line)}\n`)
  return [...head, ...body, ...commands].join('').replace(/(?<=tidemark \w+ )DIR/, () => shellWord(directory))
}

function lostWords({ from, to }: NonNullable<Finding['offsetsLost']>): string {
  if (to === null) return `what stood from offset ${from} on; nobody knows how much that was`
  return to - from === 1 ? `offset ${from}` : `offsets ${from} to ${to - 1} (${digits(to - from)})`
}

function summary(
  findings: readonly Finding[],
  progress: VerifyProgress,
  how: { seconds: number; style: Style },
): string {
  const { partitionsTotal, records, batches, sizeBytes } = progress
  const checked = `Checked ${counted(partitionsTotal, 'partition')} (Kafka's own topics too), ${counted(records, 'record')} in ${counted(batches, 'batch', 'batches')}, ${sizeWords(sizeBytes)}, in ${how.seconds.toFixed(1)} s.`
  const count = (severity: Finding['severity']) => findings.filter((finding) => finding.severity === severity).length
  const parts: string[] = []
  if (count('damage') > 0) parts.push(how.style.red(counted(count('damage'), 'damaged place')))
  if (count('warning') > 0) parts.push(how.style.yellow(counted(count('warning'), 'warning')))
  const notes = count('note') === 0 ? '' : ` ${counted(count('note'), 'note')}.`
  const verdict =
    parts.length === 0 ? `${how.style.green('Nothing is wrong.')}${notes}` : `${parts.join(', ')}.${notes}`
  return `${checked} ${verdict}\n`
}
