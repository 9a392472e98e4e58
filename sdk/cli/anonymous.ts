import { isInternalTopic } from '../topic/topic-name.ts'
import type { Report } from './report.ts'

/**
 * The same report with other names: of groups and topics, wherever they stand, and of the directory. The same name is the
 * same everywhere in it. Kafka's own topics keep theirs.
 */
export function anonymous(report: Report): Report {
  const topics = new Set([
    ...report.topics.map(({ topic }) => topic),
    ...report.lag.map(({ topic }) => topic),
    ...report.history.map(({ topic }) => topic),
    ...(report.findings ?? []).flatMap(({ topic }) => topic ?? []),
  ])
  const groups = new Set([...report.groups, ...report.lag, ...report.history].map(({ group }) => group))
  const names = new Map<string, string>([[report.directory.path, 'DIR']])
  for (const [at, topic] of [...topics].filter((name) => !isInternalTopic(name)).entries()) {
    if (!names.has(topic)) names.set(topic, `topic${at + 1}`)
  }
  const both = [...groups].filter((group) => names.has(group))
  for (const [at, group] of [...groups].entries()) if (!both.includes(group)) names.set(group, `group${at + 1}`)
  names.delete('')
  // As sentences quote them, and as commands do.
  for (const [name, other] of [...names]) {
    names.set(JSON.stringify(name).slice(1, -1), other)
    names.set(name.replaceAll("'", "'\\''"), other)
  }
  return renamed(report, names) as Report
}

/** What stands there is ours or Kafka's, also where a topic has that very name. */
const OWN_WORDS: ReadonlySet<string> = new Set(
  'tidemark platform status state trend rule severity kind lagState configs topicId'.split(' '),
)

/** Every text in a value, however deep, with the longest names replaced first. */
function renamed(value: unknown, names: ReadonlyMap<string, string>): unknown {
  const order = [...names.keys()].sort((a, b) => b.length - a.length)
  if (order.length === 0) return value
  const pattern = new RegExp(`(?<![\\w.])(${order.map(escaped).join('|')})(?![\\w.]*[\\w])`, 'g')
  const replace = (each: unknown): unknown => {
    if (typeof each === 'string') return names.get(each) ?? each.replace(pattern, (name) => names.get(name) ?? name)
    if (Array.isArray(each)) return each.map(replace)
    if (typeof each !== 'object' || each === null) return each
    return Object.fromEntries(
      Object.entries(each).map(([name, inner]) => [name, OWN_WORDS.has(name) ? inner : replace(inner)]),
    )
  }
  return replace(value)
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&')
}
