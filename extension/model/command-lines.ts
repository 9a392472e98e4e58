/** The same action as a command, to run it elsewhere or to see what the button does. */
import type { ResetTarget } from 'tidemark'

/** What a reset is about; no topic: all the group has committed. */
export interface ResetRequest {
  readonly directory: string
  readonly group: string
  readonly topic?: string
  readonly partition?: number
  readonly target: ResetTarget
  /** The group has members. Kafka's own tool cannot move it then. */
  readonly isRunning: boolean
}

/** `tidemark reset ./data --group fraud --to-earliest --execute` */
export function tidemarkLine(request: ResetRequest): string {
  const { directory, group, isRunning } = request
  return [
    'tidemark',
    'reset',
    quoted(directory),
    '--group',
    quoted(group),
    ...place(request),
    ...target(request, '--by'),
    ...(isRunning ? ['--running'] : []),
    '--execute',
  ].join(' ')
}

/** The same for a cluster, by Kafka's own tool. */
export function kafkaLine(request: ResetRequest): string {
  const topics = request.topic === undefined ? ['--all-topics'] : place(request)
  return [
    'kafka-consumer-groups',
    '--bootstrap-server localhost:9092',
    '--group',
    quoted(request.group),
    '--reset-offsets',
    ...topics,
    ...target(request, '--shift-by'),
    '--execute',
  ].join(' ')
}

function place({ topic, partition }: ResetRequest): readonly string[] {
  if (topic === undefined) return []
  return ['--topic', quoted(partition === undefined ? topic : `${topic}:${partition}`)]
}

function target({ target: to }: ResetRequest, by: string): readonly string[] {
  if (typeof to === 'string') return [`--to-${to}`]
  if ('offset' in to) return ['--to-offset', String(to.offset)]
  if ('timestampMs' in to) return ['--to-datetime', new Date(to.timestampMs).toISOString().replace('Z', '')]
  if ('duration' in to) return ['--by-duration', String(to.duration)]
  if ('by' in to) return [by, String(to.by)]
  return ['--from-file', 'offsets.csv']
}

/** For a POSIX shell; PowerShell takes it too. */
function quoted(text: string): string {
  return /^[\w./:@%+,=~-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
