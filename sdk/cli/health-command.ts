import type { GroupHealth } from '../inspect/group-health.ts'
import type { Health } from '../inspect/health.ts'
import type { HealthOptions } from '../inspect/health-options.ts'
import type { HealthVerdict } from '../inspect/health-verdict.ts'
import type { Tidemark } from '../tidemark.ts'
import { type Command, type ExitCode, type Invocation, WRONG_USE } from './command.ts'
import { checkGroupExists, reading } from './directory-access.ts'
import { PAINTS, progressWords, recordsBehind, statusWords } from './health-words.ts'
import { LineWriter } from './line-writer.ts'
import { type OptionValues, spanMs } from './option-values.ts'
import { digits } from './plain-words.ts'
import { type Style, styleFor } from './style.ts'
import { renderTable, withoutControls } from './table.ts'
import type { Terminal } from './terminal.ts'
import { textColumns, wrappedText } from './wrapped-text.ts'

export const healthCommand: Command = {
  name: 'health',
  summary: 'Which groups are in trouble, why, and what to do. The exit code says whether any is.',
  positionals: ['DIR'],
  options: {
    group: { type: 'string', short: 'g', valueName: 'NAME', description: 'only this group' },
    'stalled-after': {
      type: 'string',
      valueName: 'TIME',
      description: 'a member may work on one record for so long: 30m, 2h (default: 5m)',
    },
    'no-members-after': {
      type: 'string',
      valueName: 'TIME',
      description: 'records may wait for so long while nobody consumes: for jobs that run now and then (default: 5m)',
    },
  },
  details: [
    'Works while another program has the directory open, after a crash, and on a copy. Rates and trends are of the last ten minutes, told from the commits and from the timestamps of the records.',
    'JSON, one line per group: group, status (ok, notice, warning, error), state, members, progress (processedPerSecond, appendedPerSecond, lag, lagBefore, trend, etaMs, timeLagMs, lastProgressAtMs), verdicts (rule, severity, topic, partition, words, evidence, advice).',
  ],
  examples: [
    { does: 'Every group', type: 'tidemark health ./data' },
    {
      does: 'In a cron job: mail what is wrong',
      type: 'tidemark health ./data > report || mail -s lag me@example.org < report',
    },
    { does: 'A job that runs every hour', type: 'tidemark health ./data -g report --no-members-after 90m' },
  ],
  exitCodes: [
    { code: 0, means: 'every group is well; notices do not count' },
    { code: 1, means: 'a group is in trouble, or the directory cannot be read' },
    WRONG_USE,
  ],
  run: (invocation) => reading(invocation, (tide) => showHealth(invocation, tide)),
}

async function showHealth(invocation: Invocation, tide: Tidemark): Promise<ExitCode> {
  const { terminal, options, isJson } = invocation
  const group = options.text('group')
  if (group !== undefined) await checkGroupExists(tide, group)
  const health = await tide.health({ ...limitsFrom(options), group })
  if (isJson) {
    const lines = new LineWriter(terminal)
    for (const each of health.groups) await lines.line(JSON.stringify(groupToJson(each)))
    await lines.flush()
  } else {
    await terminal.output.write(healthText(health, terminal))
  }
  return health.status === 'error' || health.status === 'warning' ? 1 : 0
}

function limitsFrom(options: OptionValues): HealthOptions {
  const stalledAfter = options.text('stalled-after')
  const noMembersAfter = options.text('no-members-after')
  return {
    ...(stalledAfter === undefined ? {} : { stalledAfterMs: spanMs('--stalled-after', stalledAfter) }),
    ...(noMembersAfter === undefined ? {} : { noMembersAfterMs: spanMs('--no-members-after', noMembersAfter) }),
  }
}

function healthText({ groups }: Health, terminal: Terminal): string {
  if (groups.length === 0) return 'There are no groups here yet.\n'
  const columns = [
    { title: 'Group' },
    { title: 'Health', isPainted: true },
    { title: 'Members', isNumber: true },
    { title: 'Behind', isNumber: true },
    { title: 'Oldest', isNumber: true },
    { title: 'Processed', isNumber: true },
    { title: 'Trend' },
    { title: 'Caught up in', isNumber: true },
  ]
  const style = styleFor(terminal)
  const rows = groups.map((each) => [
    each.group,
    statusWords(each.status, style),
    String(each.members),
    digits(recordsBehind(each)),
    ...progressWords(each.progress),
  ])
  const verdicts = groups.flatMap((each) =>
    each.verdicts.map((verdict) => verdictText(verdict, style, textColumns(terminal.output))),
  )
  return `${renderTable(columns, rows, terminal.output.columns)}${verdicts.length === 0 ? '' : '\n'}${verdicts.join('\n')}`
}

function verdictText(verdict: HealthVerdict, style: Style, columns: number): string {
  const { rule, severity, group, topic, partition, words, advice } = verdict
  const place = topic === null ? `group ${group}` : `group ${group} on ${topic}-${partition}`
  const title = `${PAINTS[severity](style)(severity)} ${style.bold(rule)}, ${withoutControls(place)}\n`
  const sentence = `${words.charAt(0).toUpperCase()}${words.slice(1)}.`
  return title + [sentence, advice].map((text) => wrappedText(withoutControls(text), '  ', columns)).join('')
}

function groupToJson({ group, status, state, members, progress, verdicts }: GroupHealth): Record<string, unknown> {
  return {
    group,
    status,
    state,
    members,
    progress,
    verdicts: verdicts.map(({ group: _, ...verdict }) => verdict),
  }
}
