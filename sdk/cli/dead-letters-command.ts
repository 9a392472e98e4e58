import type { ListedDeadLetter } from '../client/dead-letters.ts'
import { shellWord } from '../inspect/shell-word.ts'
import type { Tidemark } from '../tidemark.ts'
import { type Command, type ExitCode, type Invocation, WRONG_USE } from './command.ts'
import { checkTopicExists, reading, WAIT_OPTION, writing } from './directory-access.ts'
import { LineWriter } from './line-writer.ts'
import { agoWords, counted } from './plain-words.ts'
import { contentToJson } from './record-json.ts'
import { bytesText } from './record-text.ts'
import { renderTable } from './table.ts'
import { UsageError } from './usage-error.ts'

export const deadLettersCommand: Command = {
  name: 'dead-letters',
  summary: 'What handlers gave up on, and why; sends it back with --send-back --execute.',
  positionals: ['DIR', 'TOPIC'],
  options: {
    group: { type: 'string', short: 'g', valueName: 'NAME', description: 'only what this group gave up on' },
    offset: {
      type: 'string',
      short: 'o',
      multiple: true,
      valueName: 'OFFSET',
      description:
        'only this one: its offset in TOPIC, or PARTITION@OFFSET as it is listed; may be given several times',
    },
    'sent-back': { type: 'boolean', description: 'list those that were sent back, too' },
    'send-back': { type: 'boolean', description: 'send them back to the topic and the partition they are from' },
    execute: { type: 'boolean', description: 'with --send-back: do it; without this nothing is changed' },
    ...WAIT_OPTION,
  },
  details: [
    'TOPIC is the one that a program names in `run(handler, { onFailure: { deadLetter: TOPIC } })`. A letter that is sent back is a new record in the topic it is from, with key, value and headers as they were and one more header, tidemark.sent-back. Every group that reads the topic gets it. It stays in TOPIC, is no longer listed, and is not sent again.',
    'JSON: topic, partition, offset, origin (topic, topicId, partition, offset, timestampMs), group, attempts, error (name, message), failedAtMs, key, value, headers, sentBack (null; or topic, partition, offset, atMs).',
  ],
  examples: [
    { does: 'What failed, and why?', type: 'tidemark dead-letters ./data payments-failed' },
    {
      does: 'Try one of them again',
      type: 'tidemark dead-letters ./data payments-failed --offset 17 --send-back --execute',
    },
    { does: 'Try all of them again', type: 'tidemark dead-letters ./data payments-failed --send-back --execute' },
  ],
  exitCodes: [
    { code: 0, means: 'listed or done' },
    { code: 1, means: 'there is no such dead letter, or the directory is in use' },
    WRONG_USE,
  ],
  run: (invocation) => {
    const { options } = invocation
    const isExecuted = options.isSet('execute')
    if (isExecuted && !options.isSet('send-back')) throw new UsageError('--execute goes with --send-back.')
    const places = options.list('offset').map(placeOf)
    const access = isExecuted ? writing : reading
    return access(invocation, (tide) => showOrSend(invocation, tide, places))
  },
}

interface Place {
  readonly partition: number
  readonly offset: number
}

async function showOrSend(invocation: Invocation, tide: Tidemark, places: readonly Place[]): Promise<ExitCode> {
  const { options, positionals, terminal } = invocation
  const topic = positionals[1]!
  await checkTopicExists(tide, topic)
  const letters = tide.deadLetters(topic)
  const group = options.text('group')
  const isWanted = (letter: ListedDeadLetter) => places.length === 0 || places.some((place) => isAt(letter, place))
  const list = async (sentBack: boolean) =>
    (await letters.list({ sentBack, ...(group === undefined ? {} : { group }) })).filter(isWanted)
  const found = await list(options.isSet('sent-back'))
  const missing = places.find((place) => !found.some((letter) => isAt(letter, place)))
  if (missing !== undefined) {
    const name = `${topic}-${missing.partition}@${missing.offset}`
    const hint = options.isSet('sent-back') ? '' : ', or it was sent back: --sent-back lists those, too'
    await terminal.errors.write(`tidemark: There is no dead letter ${name}${hint}.\n`)
    return 1
  }
  if (!options.isSet('send-back')) {
    await print(invocation, found, conclusion(found, invocation))
    return 0
  }
  const unsent = found.filter(({ sentBack }) => sentBack === null)
  if (!options.isSet('execute')) {
    await print(
      invocation,
      unsent,
      `Nothing was changed. Add --execute to send ${unsent.length === 1 ? 'it' : 'them'} back.`,
    )
    return 0
  }
  if (unsent.length === 0) {
    await print(invocation, [], 'No dead letters are waiting here: nothing was sent back.')
    return 0
  }
  await letters.sendBack(unsent)
  const sent = (await list(true)).filter((letter) => unsent.some((each) => each.id === letter.id))
  await print(invocation, sent, `Done: ${counted(sent.length, 'dead letter')} sent back.`)
  return 0
}

async function print(invocation: Invocation, letters: readonly ListedDeadLetter[], end: string): Promise<void> {
  const { terminal, isJson } = invocation
  if (!isJson) {
    const nowMs = terminal.environment.clock.nowMs()
    const table = letters.length === 0 ? '' : `${letterTable(letters, nowMs, terminal.output.columns)}\n`
    await terminal.output.write(`${table}${end}\n`)
    return
  }
  const lines = new LineWriter(terminal)
  for (const letter of letters) await lines.line(JSON.stringify(letterToJson(letter)))
  await lines.flush()
}

function letterTable(letters: readonly ListedDeadLetter[], nowMs: number, maxWidth: number | undefined): string {
  const isSent = letters.some(({ sentBack }) => sentBack !== null)
  const columns = [
    { title: 'Letter' },
    { title: 'From' },
    { title: 'Key' },
    { title: 'Group' },
    { title: 'Attempts', isNumber: true },
    { title: 'Failed' },
    { title: 'Error' },
    ...(isSent ? [{ title: 'Sent back' }] : []),
  ]
  const rows = letters.map(({ partition, offset, origin, bytes, group, attempts, failedAtMs, error, sentBack }) => [
    `${partition}@${offset}`,
    `${origin.topic}-${origin.partition}@${origin.offset}`,
    bytes.key === null ? '' : bytesText(bytes.key),
    group,
    String(attempts),
    agoWords(failedAtMs, nowMs),
    `${error.name}: ${error.message.split('\n')[0]}`,
    ...(isSent ? [sentBack === null ? '' : `${sentBack.topic}-${sentBack.partition}@${sentBack.offset}`] : []),
  ])
  return renderTable(columns, rows, maxWidth)
}

function letterToJson({ bytes, headers, id: _, ...letter }: ListedDeadLetter): object {
  return { ...letter, ...contentToJson({ ...bytes, headers }) }
}

function conclusion(letters: readonly ListedDeadLetter[], { positionals }: Invocation): string {
  const unsent = letters.filter(({ sentBack }) => sentBack === null).length
  if (unsent === 0) return 'No dead letters are waiting here.'
  const what = unsent === 1 ? 'sends it' : 'sends them'
  return `${counted(unsent, 'dead letter')}. \`tidemark dead-letters ${shellWord(positionals[0])} ${positionals[1]} --send-back\` ${what} back.`
}

function isAt(letter: ListedDeadLetter, { partition, offset }: Place): boolean {
  return letter.partition === partition && letter.offset === offset
}

/** @throws UsageError */
function placeOf(text: string): Place {
  const match = /^(?:(\d{1,9})@)?(\d{1,15})$/.exec(text)
  if (match === null)
    throw new UsageError(`--offset takes an offset such as 17, or 0@17 with its partition, not "${text}".`)
  return { partition: Number(match[1] ?? 0), offset: Number(match[2]) }
}
