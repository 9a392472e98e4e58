import { nearestName } from '../client/nearest-name.ts'
import type { Environment } from '../environment/environment.ts'
import { TidemarkError } from '../errors.ts'
import { shellWord } from '../inspect/shell-word.ts'
import { open, openAsOnlooker } from '../open.ts'
import type { Tidemark } from '../tidemark.ts'
import { noSuchTopic } from '../topic/topic-name.ts'
import type { Invocation } from './command.ts'
import { type OptionSpecs, spanMs } from './option-values.ts'

/** Long enough for an owner that is just closing, short enough for a person who waits. */
const DEFAULT_WAIT_SECONDS = 2

/** Why an owner does not answer who asks it. */
export const WHY_SILENT =
  'it may be a Kafka broker, have another version of Tidemark, belong to another user, see another /tmp (as in a container), or be stopped'

export const WAIT_OPTION = {
  wait: {
    type: 'string',
    valueName: 'TIME',
    description: `how long to wait for a Kafka broker to let go of the directory, or for a stopped program to go on: 60s, 5m (default: ${DEFAULT_WAIT_SECONDS}s)`,
  },
} as const satisfies OptionSpecs

/** Opens the directory for reading, which works beside its owner and after a crash, and closes it when `use` is done. */
export async function reading<T>(invocation: Invocation, use: (tide: Tidemark) => Promise<T>): Promise<T> {
  const { terminal, positionals } = invocation
  checkDirectoryExists(terminal.environment, positionals[0])
  const tide = await open(positionals[0], {
    readOnly: true,
    environment: terminal.environment,
    signal: terminal.signal,
    clientId: 'tidemark-cli',
  })
  return finishing(tide, use)
}

/** The same for whoever looks at groups: its owner is asked where there is one that answers. */
export async function looking<T>(invocation: Invocation, use: (tide: Tidemark) => Promise<T>): Promise<T> {
  const { environment } = invocation.terminal
  checkDirectoryExists(environment, invocation.positionals[0])
  const { tide } = openAsOnlooker(invocation.positionals[0], { environment, clientId: 'tidemark-cli' })
  return finishing(tide, use)
}

/** Opens the directory for writing, through its owner if it has one; says who has it where that takes nobody in. */
export async function writing<T>(invocation: Invocation, use: (tide: Tidemark) => Promise<T>): Promise<T> {
  const { terminal, positionals, options } = invocation
  const waitMs = spanMs('--wait', options.text('wait') ?? `${DEFAULT_WAIT_SECONDS}s`)
  const { environment, signal } = terminal
  try {
    const tide = await open(positionals[0], { waitMs, environment, signal, clientId: 'tidemark-cli' })
    return await finishing(tide, use)
  } catch (error) {
    if (!(error instanceof TidemarkError) || error.code !== 'DIRECTORY_IN_USE') throw error
    // Who has it; the rest of the message is for programmers.
    const [who] = error.message.split(/; |\. /)
    throw new TidemarkError('DIRECTORY_IN_USE', `${who}.\n${waysAround(positionals[0])}`, { cause: error })
  }
}

/** Whether whoever is written down as a member was killed with the owner; believed to be there where it cannot be told. */
export async function areMembersGone(tide: Tidemark): Promise<boolean> {
  try {
    return (await tide.describeCluster()).owner === null
  } catch (error) {
    if (error instanceof TidemarkError && error.code === 'UNSUPPORTED') return false
    throw error
  }
}

/** @throws {TidemarkError} UNKNOWN_TOPIC, with the nearest topic, unless `topic` exists. */
export async function checkTopicExists(tide: Tidemark, topic: string): Promise<void> {
  const names = (await tide.topics.list()).map(({ name }) => name)
  if (names.includes(topic)) return
  throw noSuchTopic(topic, suggestion(topic, names, 'topics'))
}

/** @throws {TidemarkError} GROUP_NOT_FOUND, with the nearest group, unless `group` exists. */
export async function checkGroupExists(tide: Tidemark, group: string): Promise<void> {
  const names = (await tide.groups.list()).map((each) => each.group)
  if (names.includes(group)) return
  throw new TidemarkError(
    'GROUP_NOT_FOUND',
    `There is no group ${JSON.stringify(group)}. ${suggestion(group, names, 'groups')}`,
  )
}

/** @throws {TidemarkError} NOT_A_DATA_DIRECTORY */
function checkDirectoryExists({ files }: Environment, path: string): void {
  // `memory:` and URLs are for `open` to judge.
  if (/^[a-z]{2,}:/.test(path) || files.stat(path) !== undefined) return
  throw new TidemarkError('NOT_A_DATA_DIRECTORY', `There is no directory ${path}.`)
}

function suggestion(name: string, names: readonly string[], what: 'topics' | 'groups'): string {
  const near = nearestName(name, names)
  if (near !== undefined) return `Did you mean ${JSON.stringify(near)}?`
  return names.length === 0 ? `The directory has no ${what}.` : `\`tidemark ${what} DIR\` lists them.`
}

function waysAround(directory: string): string {
  return [
    `It cannot be asked: ${WHY_SILENT}. What works:`,
    '  - stop that program, then run this again; or let this wait for it: --wait 60s',
    "  - ask a broker with Kafka's own tools",
    `  - reading works beside it: tidemark lag ${shellWord(directory)}`,
  ].join('\n')
}

async function finishing<T>(tide: Tidemark, use: (tide: Tidemark) => Promise<T>): Promise<T> {
  await using _ = tide
  return await use(tide)
}
