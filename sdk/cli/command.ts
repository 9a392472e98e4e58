import type { OptionSpecs, OptionValues } from './option-values.ts'
import type { Terminal } from './terminal.ts'

/** 0: all is well. 1: trouble was found. 2: the command was used wrongly. */
export type ExitCode = 0 | 1 | 2

/** One word behind `tidemark`: what it takes, how its help reads, what it does. */
export interface Command {
  readonly name: string
  /** One line, for the list of commands. */
  readonly summary: string
  /** In their order, all required, as the help shows them; where the last ends with "…", one or more of it. */
  readonly positionals: readonly string[]
  readonly options: OptionSpecs
  /** More about the command, paragraphs under the summary. */
  readonly details: readonly string[]
  readonly examples: readonly { readonly does: string; readonly type: string }[]
  /** What the exit codes mean here. */
  readonly exitCodes: readonly { readonly code: ExitCode; readonly means: string }[]
  run(invocation: Invocation): Promise<ExitCode>
}

/** A command about to run: as many positionals as it asks for, only options it knows. */
export interface Invocation {
  readonly terminal: Terminal
  readonly options: OptionValues
  /** The positionals, in the order of `Command.positionals`; the first is the directory. */
  readonly positionals: readonly [string, ...string[]]
  readonly isJson: boolean
}

export const WRONG_USE = { code: 2, means: 'wrong use' } as const

/** What every command takes. */
export const COMMON_OPTIONS = {
  json: { type: 'boolean', description: 'print one JSON value per line' },
  help: { type: 'boolean', short: 'h', description: 'show this' },
} as const satisfies OptionSpecs
