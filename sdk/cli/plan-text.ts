import type { ResetChange, ResetPlan } from '../client/reset-plan.ts'
import { counted, digits } from './plain-words.ts'
import type { Style } from './style.ts'
import { renderTable, withoutControls } from './table.ts'

export interface PlanTextOptions {
  readonly isExecuted: boolean
  /** Members are no hindrance: they go on at the new place. */
  readonly isRunning: boolean
  /** The plan undoes a reset: what it passes over had been read before that. */
  readonly isUndo?: boolean
  readonly style: Style
  /** How many characters fit into a line. Default: any number. */
  readonly maxWidth?: number | undefined
}

/** What a plan does, as a table, and what is to be known before it is carried out. */
export function planText(plan: ResetPlan, options: PlanTextOptions): string {
  const { isExecuted, isUndo = false, style } = options
  const columns = [
    { title: 'Topic' },
    { title: 'Partition', isNumber: true },
    { title: 'Before', isNumber: true },
    { title: 'After', isNumber: true },
    { title: 'What it means', isPainted: true },
  ]
  const rows = plan.changes.map((change) => [
    change.topic,
    String(change.partition),
    change.before === null ? '-' : digits(change.before.offset),
    change.after === null ? '-' : digits(change.after.offset),
    meaning(change, isUndo, style),
  ])
  return `Group ${withoutControls(plan.group)}${isExecuted ? '' : ', dry run'}\n\n${renderTable(columns, rows, options.maxWidth)}\n${conclusion(plan, options)}`
}

/** Exactly the promised names, in their order. */
export function changeToJson(group: string, change: ResetChange, executed: boolean): Record<string, unknown> {
  const { topic, partition, before, after, redelivered, skipped } = change
  return { group, topic, partition, before, after: after?.offset ?? null, redelivered, skipped, executed }
}

function meaning(change: ResetChange, isUndo: boolean, style: Style): string {
  const { redelivered, skipped, outside, isUnchanged, before, after, hasMovedOn } = change
  const nearest = outside === after?.offset ? 'outside the log' : 'not there; this is the nearest'
  const notes = [
    outside === null ? '' : style.dim(` (${digits(outside)} is ${nearest})`),
    hasMovedOn ? style.yellow(' (has committed since)') : '',
  ].join('')
  if (isUnchanged) return `stays where it is${notes}`
  if (redelivered === null || skipped === null) return `records cannot be counted${notes}`
  if (redelivered > 0) return `${counted(redelivered, 'record')} delivered again${notes}`
  if (skipped > 0 && isUndo) return `${counted(skipped, 'record')} not delivered again${notes}`
  if (skipped > 0) return style.yellow(`${counted(skipped, 'record')} skipped`) + notes
  if (before === null) return `starts here, as it would have${notes}`
  return `no record again, none skipped${notes}`
}

function conclusion(
  { changes, members, lostPartitions }: ResetPlan,
  { isExecuted, isRunning }: PlanTextOptions,
): string {
  const changed = changes.filter(({ isUnchanged }) => !isUnchanged).length
  if (changed === 0) return 'There is nothing to change.\n'
  const done = `Done: ${counted(changed, 'partition')} changed.`
  if (isExecuted && members.length === 0) return `${done}\n`
  if (isExecuted)
    return `${done} ${counted(members.length, 'member')} of the group ${members.length === 1 ? 'goes' : 'go'} on there.\n`
  const lines: string[] = []
  if (members.length > 0) {
    const names = new Set(members.map(({ clientId, memberId }) => (clientId === '' ? memberId : clientId)))
    lines.push(
      `The group has ${counted(members.length, 'member')} (${withoutControls([...names].join(', '))}).`,
      isRunning
        ? 'They keep running, and go on at the new place. The record in hand there no longer counts.'
        : 'While they run this is refused, unless you say --running; those of a program that was killed do not count.',
    )
  }
  if (changes.some(({ hasMovedOn }) => hasMovedOn)) {
    lines.push('The group has committed since: this is refused, unless you insist with --force.')
  }
  if (lostPartitions > 0) {
    lines.push(
      `The group has committed since on ${counted(lostPartitions, 'more partition')} of that reset, where nobody knows any more where it was before.`,
      'That stays as it is. This is refused, unless you insist with --force.',
    )
  }
  return [...lines, 'Nothing was changed. Add --execute to do it.', ''].join('\n')
}
