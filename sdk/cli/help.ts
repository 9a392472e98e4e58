import { COMMON_OPTIONS, type Command } from './command.ts'
import type { OptionSpec } from './option-values.ts'
import type { Style } from './style.ts'
import { wrappedText } from './wrapped-text.ts'

/** Where fewer columns are left for it, a sentence stands below what it is about. */
const FEWEST_COLUMNS = 30

/** The help of one command: usage, options, examples, exit codes. */
export function commandHelp(command: Command, style: Style, columns: number): string {
  const usage = ['tidemark', command.name, ...command.positionals, '[options]'].join(' ')
  const options = Object.entries({ ...command.options, ...COMMON_OPTIONS })
  const parts = [
    `${style.bold('Usage:')} ${usage}\n`,
    ...[command.summary, ...command.details].map((paragraph) => wrappedText(paragraph, '', columns)),
    section(
      style.bold('Options:'),
      twoColumns(
        options.map(([name, spec]) => [optionUsage(name, spec), spec.description]),
        columns,
      ),
    ),
    section(
      style.bold('Examples:'),
      command.examples.map(({ does, type }) => `  ${style.dim(`# ${does}`)}\n  ${type}\n`).join(''),
    ),
    section(
      style.bold('Exit codes:'),
      twoColumns(
        command.exitCodes.map(({ code, means }) => [String(code), means]),
        columns,
      ),
    ),
  ]
  return parts.join('\n')
}

/** The help of `tidemark` itself: which commands there are. */
export function programHelp(commands: readonly Command[], style: Style, columns: number): string {
  const usage = (command: Command) => [command.name, ...command.positionals].join(' ')
  return [
    `${style.bold('Usage:')} tidemark COMMAND DIR [options]\n`,
    wrappedText(
      "Topics and consumer groups in a directory: Kafka's log and committed offsets, without a server.",
      '',
      columns,
    ),
    section(
      style.bold('Commands:'),
      twoColumns(
        commands.map((command) => [usage(command), command.summary]),
        columns,
      ),
    ),
    section(
      style.bold('Options:'),
      twoColumns(
        [
          ['-h, --help', 'show this; `tidemark COMMAND --help` shows a command with examples'],
          ['--version', 'print the version'],
        ],
        columns,
      ),
    ),
    section(
      style.bold('Examples:'),
      [
        ['Which group is behind, and how far?', 'tidemark lag ./data'],
        ['What is in the topic?', 'tidemark read ./data payments --max 10'],
      ]
        .map(([does, type]) => `  ${style.dim(`# ${does}`)}\n  ${type}\n`)
        .join(''),
    ),
    wrappedText(
      'All of it also works while another program has the directory open; changes are then made by that program.',
      '',
      columns,
    ),
  ].join('\n')
}

function optionUsage(name: string, spec: OptionSpec): string {
  const long = spec.type === 'boolean' ? `--${name}` : `--${name} ${spec.valueName ?? 'VALUE'}`
  return spec.short === undefined ? long : `-${spec.short}, ${long}`
}

function section(title: string, body: string): string {
  return `${title}\n${body}`
}

function twoColumns(rows: readonly (readonly [string, string])[], columns: number): string {
  const width = Math.max(...rows.map(([left]) => left.length))
  const indent = ' '.repeat(width + 4)
  if (columns - indent.length < FEWEST_COLUMNS) {
    return rows.map(([left, right]) => `  ${left}\n${wrappedText(right, '      ', columns)}`).join('')
  }
  return rows
    .map(([left, right]) => `  ${left.padEnd(width)}  ${wrappedText(right, indent, columns).slice(indent.length)}`)
    .join('')
}
