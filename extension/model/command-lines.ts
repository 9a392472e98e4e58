/** The same action as a command, to run it elsewhere or to see what the button does. */
import type { ResetTarget } from 'tidemark'

/** What an undo is about; no topic: all that the last reset moved. */
export interface UndoRequest {
  readonly directory: string
  readonly group: string
  readonly topic?: string
  /** The group has members. Kafka's own tool cannot move it then. */
  readonly isRunning: boolean
}

/** What a reset is about; no topic: all the group has committed. */
export interface ResetRequest extends UndoRequest {
  readonly partition?: number
  readonly target: ResetTarget
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

/** `tidemark undo ./data --group fraud --execute` */
export function undoLine(request: UndoRequest): string {
  const { directory, group, isRunning } = request
  return [
    'tidemark',
    'undo',
    quoted(directory),
    '--group',
    quoted(group),
    ...place(request),
    // A group that runs has mostly committed since.
    ...(isRunning ? ['--running', '--force'] : []),
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

function place({ topic, partition }: Pick<ResetRequest, 'topic' | 'partition'>): readonly string[] {
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
