import { t } from '@vscode/l10n'
import type { GroupProgress, HealthVerdict } from 'tidemark'
import { code } from './lag-words.ts'
import type { QuantityWords } from './quantity-words.ts'
import type { GroupSnapshot } from './snapshot.ts'
import type { Trouble } from './tree-row.ts'

/** What its members do, in one word or two. */
export function stateWords(group: GroupSnapshot): string {
  if (group.state === 'Dead') return t('gone')
  if (!isRunning(group)) return t('not running')
  return group.state === 'Stable' ? t('running') : t('rebalancing')
}

/** Whether anybody consumes in it. The files of a program that was killed still name its members. */
export function isRunning({ state, health }: GroupSnapshot): boolean {
  return state !== 'Empty' && state !== 'Dead' && health?.members !== 0
}

/** Below this age of the oldest record, lag that grows is only a loop that has not come round yet. */
const FALLING_BEHIND_AFTER_MS = 10_000

/** Below this time left, lag that shrinks is a loop that is about to come round. */
const CAUGHT_UP_WITHIN_MS = 5_000

/** `catching up, 40 s` or `falling behind`; undefined where there is nothing to say, as of a group that does not run. */
export function trendWords(group: GroupSnapshot, words: QuantityWords): string | undefined {
  const progress = group.health?.progress
  if (progress === undefined || progress.lag === 0 || !isRunning(group)) return undefined
  const isLate = (progress.timeLagMs ?? 0) >= FALLING_BEHIND_AFTER_MS
  if (progress.trend === 'growing') return isLate ? t('falling behind') : undefined
  if (progress.trend !== 'shrinking' || (progress.etaMs ?? Number.POSITIVE_INFINITY) < CAUGHT_UP_WITHIN_MS)
    return undefined
  return progress.etaMs === null ? t('catching up') : t('catching up, {0}', words.duration(progress.etaMs))
}

/** The verdict that matters most of what is shown of a group, where numbers alone would not show it. */
export function stuckWords({ health, rows }: GroupSnapshot): string | undefined {
  const shown = new Set<string | null>([null, ...rows.map(({ topic }) => topic)])
  // What is only worth knowing may be an accident of turns.
  const serious = health?.verdicts.filter(({ severity, topic }) => severity !== 'notice' && shown.has(topic))
  const rules = new Set(serious?.map(({ rule }) => rule))
  if (rules.has('stuck')) return t('stuck')
  if (rules.has('stalled')) return t('stalled')
  return rules.has('retention-risk') ? t('about to lose records') : undefined
}

/** `oldest 2 min`: how long the oldest unprocessed record has waited. */
export function timeLagWords(progress: GroupProgress | undefined, words: QuantityWords): string | undefined {
  const timeLagMs = progress?.timeLagMs ?? 0
  // Below a minute it would count the seconds, and the row never be at rest.
  return timeLagMs < 60_000 ? undefined : t('oldest {0}', words.duration(timeLagMs))
}

/** What is wrong, what to do, and how one knows: Markdown. */
export function verdictText(verdict: HealthVerdict, words: QuantityWords): string {
  const place = verdict.topic === null ? '' : `${code(`${verdict.topic}-${verdict.partition}`)}: `
  const evidence = Object.entries(verdict.evidence)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${evidenceName(name)} ${evidenceWords(name, value, words)}`)
  const lines = [`${icon(verdict.severity)} ${place}${verdict.words} *(${verdict.rule})*`, verdict.advice]
  if (evidence.length > 0) lines.push(t('Evidence: {0}', evidence.join(', ')))
  return lines.join('\n\n')
}

/** `lastProgressAtMs` → `last progress at`, `sinceMs`, which is a span → `for`. */
function evidenceName(name: string): string {
  if (name === 'sinceMs') return 'for'
  return name.replace(/Ms$/, '').replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
}

/** Spans are coarse: a row whose milliseconds counted would never be at rest. */
function evidenceWords(name: string, value: number | string | null, words: QuantityWords): string {
  // Names and reasons come from elsewhere: they must not become Markdown.
  if (typeof value !== 'number') return code(String(value))
  if (name.endsWith('AtMs')) return words.moment(value)
  return name.endsWith('Ms') ? words.duration(value) : words.digits(value)
}

/** Speeds, where they are known. Markdown. */
export function progressText(progress: GroupProgress, words: QuantityWords): string {
  // Two digits: more would change with every look.
  const speed = (value: number | null) => (value === null ? '–' : words.digits(Number(value.toPrecision(2))))
  const facts = [
    t(
      'Processed: {0} a second, arriving: {1} a second',
      speed(progress.processedPerSecond),
      speed(progress.appendedPerSecond),
    ),
  ]
  if (progress.lastProgressAtMs !== null) facts.push(t('Last progress: {0}', words.moment(progress.lastProgressAtMs)))
  return facts.map((fact) => `- ${fact}`).join('\n')
}

/** How worried one should be because of a verdict. */
export function verdictTrouble({ severity }: Pick<HealthVerdict, 'severity'>): Trouble {
  return severity === 'notice' ? 'none' : severity
}

function icon(severity: HealthVerdict['severity']): string {
  return severity === 'error' ? '$(error)' : severity === 'warning' ? '$(warning)' : '$(info)'
}
