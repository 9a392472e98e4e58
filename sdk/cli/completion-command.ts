import { COMMON_OPTIONS, type Command, type ExitCode, type Invocation, WRONG_USE } from './command.ts'
import type { OptionSpec } from './option-values.ts'
import { UsageError } from './usage-error.ts'

const SHELLS = ['bash', 'zsh', 'fish'] as const
type Shell = (typeof SHELLS)[number]

/** Words that may stand behind the program's name besides commands. */
const PROGRAM_OPTIONS = ['--help', '--version'] as const

/** `commands` is asked for late: this command is one of them. */
export function completionCommand(commands: () => readonly Command[]): Command {
  return {
    name: 'completion',
    summary: 'Lets the shell complete commands and options: bash, zsh or fish.',
    positionals: ['SHELL'],
    options: {},
    details: ['Prints a script for the shell. It knows what this version of tidemark knows.', 'JSON: shell, script.'],
    examples: [
      { does: 'bash, in ~/.bashrc', type: 'eval "$(tidemark completion bash)"' },
      { does: 'zsh, in ~/.zshrc, behind compinit', type: 'eval "$(tidemark completion zsh)"' },
      { does: 'fish', type: 'tidemark completion fish > ~/.config/fish/completions/tidemark.fish' },
    ],
    exitCodes: [{ code: 0, means: 'printed' }, { code: 1, means: 'it could not be printed' }, WRONG_USE],
    run: (invocation) => printScript(invocation, commands()),
  }
}

async function printScript(
  { terminal, positionals, isJson }: Invocation,
  commands: readonly Command[],
): Promise<ExitCode> {
  const shell = SHELLS.find((each) => each === positionals[0])
  if (shell === undefined) throw new UsageError(`SHELL is one of ${SHELLS.join(', ')}, not "${positionals[0]}".`)
  const script = SCRIPTS[shell](commands)
  await terminal.output.write(isJson ? `${JSON.stringify({ shell, script })}\n` : script)
  return 0
}

const SCRIPTS: Readonly<Record<Shell, (commands: readonly Command[]) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
}

/** Everything that is no option is a path: the shell's own completion does that. */
function bashScript(commands: readonly Command[]): string {
  const names = commands.map(({ name }) => name)
  const cases = commands.map((command) => `    ${command.name}) words='${optionWords(command).join(' ')}' ;;`)
  return `_tidemark() {
  local word="\${COMP_WORDS[COMP_CWORD]}" words=''
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W '${[...names, 'help', ...PROGRAM_OPTIONS].join(' ')}' -- "$word"))
    return
  fi
  if [ "$COMP_CWORD" -eq 2 ]; then
    case "\${COMP_WORDS[1]}" in
    help) COMPREPLY=($(compgen -W '${names.join(' ')}' -- "$word")); return ;;
    completion) COMPREPLY=($(compgen -W '${SHELLS.join(' ')}' -- "$word")); return ;;
    esac
  fi
  case "$word" in -*) ;; *) return ;; esac
  case "\${COMP_WORDS[1]}" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _tidemark tidemark
`
}

function zshScript(commands: readonly Command[]): string {
  const described = commands.map(({ name, summary }) => `    ${quoted(`${name}:${summary}`)}`)
  const names = commands.map(({ name }) => name).join(' ')
  const cases = commands.map((command) => {
    const options = Object.entries(optionsOf(command)).map(([name, spec]) => `      ${zshOption(name, spec)}`)
    const rest = command.name === 'completion' ? `'1:shell:(${SHELLS.join(' ')})'` : `'*:file:_files'`
    return `    ${command.name}) _arguments \\\n${[...options, `      ${rest}`].join(' \\\n')} ;;`
  })
  return `#compdef tidemark
_tidemark() {
  local -a commands
  commands=(
${described.join('\n')}
    'help:Shows how a command is used.'
  )
  if (( CURRENT == 2 )); then
    _describe -t commands command commands
    compadd -- ${PROGRAM_OPTIONS.join(' ')}
    return
  fi
  shift words
  (( CURRENT-- ))
  case "$words[1]" in
    help) _arguments '1:command:(${names})' ;;
${cases.join('\n')}
  esac
}
if [ "$funcstack[1]" = _tidemark ]; then _tidemark "$@"; else compdef _tidemark tidemark; fi
`
}

function zshOption(name: string, { short, description, type, valueName, multiple }: OptionSpec): string {
  const text = `[${description.replace(/[[\]\\]/g, '\\$&')}]${type === 'string' ? `:${valueName ?? 'VALUE'}:_files` : ''}`
  const repeat = multiple === true ? '*' : ''
  if (short === undefined) return quoted(`${repeat}--${name}${text}`)
  if (multiple === true) return `{'*-${short}','*--${name}'}${quoted(text)}`
  return `'(-${short} --${name})'{-${short},--${name}}${quoted(text)}`
}

/** A topic may be called as a command is, so only the first word counts: not what fish's own function looks for. */
const FISH_FUNCTIONS = [
  'function __tidemark_runs',
  '    set -l words (commandline -opc)',
  '    test "$words[2]" = $argv[1]',
  'end',
  'function __tidemark_follows',
  '    set -l words (commandline -opc)',
  '    test (count $words) -eq 2; and __tidemark_runs $argv[1]',
  'end',
]

function fishScript(commands: readonly Command[]): string {
  const lines = [...FISH_FUNCTIONS, 'complete -c tidemark -n __fish_use_subcommand -f']
  for (const { name, summary } of commands) {
    lines.push(`complete -c tidemark -n __fish_use_subcommand -a ${name} -d ${fishQuoted(summary)}`)
  }
  lines.push("complete -c tidemark -n __fish_use_subcommand -a help -d 'Shows how a command is used.'")
  lines.push("complete -c tidemark -n __fish_use_subcommand -l help -d 'Shows how tidemark is used.'")
  lines.push("complete -c tidemark -n __fish_use_subcommand -l version -d 'Prints the version.'")
  for (const command of commands) {
    const seen = `complete -c tidemark -n '__tidemark_runs ${command.name}'`
    for (const [name, { short, description, type }] of Object.entries(optionsOf(command))) {
      const letter = short === undefined ? '' : ` -s ${short}`
      lines.push(`${seen} -l ${name}${letter}${type === 'string' ? ' -r' : ''} -d ${fishQuoted(description)}`)
    }
  }
  lines.push(`complete -c tidemark -n '__tidemark_follows completion' -f -a '${SHELLS.join(' ')}'`)
  lines.push(`complete -c tidemark -n '__tidemark_follows help' -f -a '${commands.map(({ name }) => name).join(' ')}'`)
  return `${lines.join('\n')}\n`
}

function optionsOf(command: Command): Readonly<Record<string, OptionSpec>> {
  return { ...command.options, ...COMMON_OPTIONS }
}

function optionWords(command: Command): string[] {
  return Object.entries(optionsOf(command)).flatMap(([name, { short }]) => {
    return short === undefined ? [`--${name}`] : [`--${name}`, `-${short}`]
  })
}

/** As bash and zsh read it. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}

function fishQuoted(text: string): string {
  return `'${text.replace(/['\\]/g, '\\$&')}'`
}
