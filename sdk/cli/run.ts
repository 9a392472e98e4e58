import packageJson from '../../package.json' with { type: 'json' }
import { nearestName } from '../client/nearest-name.ts'
import { backupCommand } from './backup-command.ts'
import { COMMON_OPTIONS, type Command, type ExitCode, type Invocation } from './command.ts'
import { completionCommand } from './completion-command.ts'
import { createCommand } from './create-command.ts'
import { deadLettersCommand } from './dead-letters-command.ts'
import { deleteCommand } from './delete-command.ts'
import { dumpCommand } from './dump-command.ts'
import { explain } from './explain.ts'
import { groupsCommand } from './groups-command.ts'
import { healthCommand } from './health-command.ts'
import { commandHelp, programHelp } from './help.ts'
import { historyCommand } from './history-command.ts'
import { lagCommand } from './lag-command.ts'
import { OptionValues } from './option-values.ts'
import { produceCommand } from './produce-command.ts'
import { readCommand } from './read-command.ts'
import { reportCommand } from './report-command.ts'
import { resetCommand } from './reset-command.ts'
import { styleFor } from './style.ts'
import { withoutControls } from './table.ts'
import type { Terminal } from './terminal.ts'
import { topicsCommand } from './topics-command.ts'
import { undoCommand } from './undo-command.ts'
import { UsageError } from './usage-error.ts'
import { verifyCommand } from './verify-command.ts'
import { whoCommand } from './who-command.ts'
import { textColumns } from './wrapped-text.ts'

export const COMMANDS: readonly Command[] = [
  topicsCommand,
  groupsCommand,
  lagCommand,
  healthCommand,
  historyCommand,
  whoCommand,
  readCommand,
  createCommand,
  produceCommand,
  resetCommand,
  undoCommand,
  deleteCommand,
  deadLettersCommand,
  verifyCommand,
  dumpCommand,
  reportCommand,
  backupCommand,
  completionCommand(() => COMMANDS),
]

/** Runs what `terminal.arguments` ask for, prints the outcome, and says with which code the process should end. */
export async function run(terminal: Terminal): Promise<ExitCode> {
  try {
    return await dispatch(terminal)
  } catch (error) {
    // The reader of the output has gone (`| head`): it has seen what it wanted.
    if (terminal.output.isClosed) return 0
    const { message, exitCode } = explain(error)
    const lines = message.split('\n').map(withoutControls)
    const style = styleFor(terminal, 'errors')
    await terminal.errors.write(`${style.red('tidemark:')} ${lines.join('\n')}\n`)
    return exitCode
  }
}

async function dispatch(terminal: Terminal): Promise<ExitCode> {
  const [first, ...rest] = terminal.arguments
  const columns = textColumns(terminal.output)
  const isHelp = first === '--help' || first === '-h' || (first === 'help' && rest.length === 0)
  if (isHelp) return print(terminal, programHelp(COMMANDS, styleFor(terminal), columns))
  if (first === '--version') return print(terminal, `${packageJson.version}\n`)
  if (first === undefined) {
    await terminal.errors.write(programHelp(COMMANDS, styleFor(terminal, 'errors'), textColumns(terminal.errors)))
    return 2
  }
  if (first === 'help') return print(terminal, commandHelp(commandNamed(rest[0] ?? ''), styleFor(terminal), columns))
  const command = commandNamed(first)
  const asksForHelp = rest.includes('--help') || rest.includes('-h')
  if (asksForHelp) return print(terminal, commandHelp(command, styleFor(terminal), columns))
  try {
    return await command.run(invocationOf(command, terminal, rest))
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    throw new UsageError(`${error.message}\n\`tidemark ${command.name} --help\` shows how it is used.`)
  }
}

function commandNamed(name: string): Command {
  const command = COMMANDS.find((each) => each.name === name)
  if (command !== undefined) return command
  const near = nearestName(
    name,
    COMMANDS.map((each) => each.name),
  )
  const hint = near === undefined ? '`tidemark --help` lists the commands.' : `Did you mean \`tidemark ${near}\`?`
  if (name.startsWith('-')) throw new UsageError(`There is no option ${name} before a command. ${hint}`)
  throw new UsageError(`There is no command "${name}". ${hint}`)
}

function invocationOf(command: Command, terminal: Terminal, typed: readonly string[]): Invocation {
  const options = OptionValues.parse(typed, { ...command.options, ...COMMON_OPTIONS })
  const wanted = command.positionals
  const missing = wanted.slice(options.positionals.length)
  if (missing.length > 0)
    throw new UsageError(`${missing.join(' and ')} missing: tidemark ${command.name} ${wanted.join(' ')}`)
  const empty = options.positionals.indexOf('')
  if (empty !== -1) {
    const name = wanted[Math.min(empty, wanted.length - 1)]
    throw new UsageError(
      `${name} is empty, perhaps a variable that is not set: tidemark ${command.name} ${wanted.join(' ')}`,
    )
  }
  const takesMore = wanted.at(-1)?.endsWith('…') === true
  const surplus = takesMore ? [] : options.positionals.slice(wanted.length)
  if (surplus.length > 0)
    throw new UsageError(`"${surplus[0]}" is one too many: tidemark ${command.name} ${wanted.join(' ')}`)
  const [directory = '', ...others] = options.positionals
  return { terminal, options, positionals: [directory, ...others], isJson: options.isSet('json') }
}

async function print(terminal: Terminal, text: string): Promise<ExitCode> {
  await terminal.output.write(text)
  return 0
}
