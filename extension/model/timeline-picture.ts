import { t } from '@vscode/l10n'
import type { QuantityWords } from './quantity-words.ts'
import { endAt, type Timeline, thinned } from './timeline.ts'

const WIDTH = 640
const HEIGHT = 160
const LEFT = 72
const BOTTOM = 22
const TOP = 8

/** Two lines over time, the log's end and the committed offset, as SVG; between them lies the lag. */
export function timelinePicture(timeline: Timeline, words: QuantityWords): string {
  const commits = thinned(timeline.commits).filter(({ offset }) => offset !== null)
  const times = [...commits.map(({ atMs }) => atMs), ...timeline.ends.map(({ atMs }) => atMs)]
  const offsets = [...commits.map(({ offset }) => offset ?? 0), ...timeline.ends.map(({ offset }) => offset)]
  const time = scale(Math.min(...times), Math.max(...times), LEFT, WIDTH - 8)
  const height = scale(Math.min(...offsets), Math.max(...offsets), HEIGHT - BOTTOM, TOP)
  const point = (atMs: number, offset: number) => `${time(atMs).toFixed(1)},${height(offset).toFixed(1)}`
  const end = timeline.ends.map(({ atMs, offset }) => point(atMs, offset))
  const nowMs = Math.max(...times)
  // A commit holds until the next one: a step, not a slope.
  const committed = commits.flatMap(({ atMs, offset }, index) => {
    const until = commits[index + 1]?.atMs ?? nowMs
    return [point(atMs, offset ?? 0), point(until, offset ?? 0)]
  })
  const name = `${timeline.topic}-${timeline.partition}`
  return [
    `<svg role="img" viewBox="0 0 ${WIDTH} ${HEIGHT}" aria-label="${escapeHtml(pictureWords(timeline, words))}">`,
    `<title>${escapeHtml(name)}</title>`,
    axis(words, { offsets, fromMs: Math.min(...times), toMs: nowMs }),
    `<polygon class="lag" points="${[...end, ...committed.toReversed()].join(' ')}"/>`,
    `<polyline class="end" points="${end.join(' ')}"/>`,
    `<polyline class="committed" points="${committed.join(' ')}"/>`,
    ...commits.map(
      ({ atMs, offset }) =>
        `<circle class="commit" cx="${time(atMs).toFixed(1)}" cy="${height(offset ?? 0).toFixed(1)}" r="2"/>`,
    ),
    '</svg>',
  ].join('\n')
}

/** What the picture says, for whoever does not see it. */
export function pictureWords(timeline: Timeline, words: QuantityWords): string {
  const commits = timeline.commits.filter(({ offset }) => offset !== null)
  const first = commits[0]
  const last = commits.at(-1)
  const end = timeline.ends.at(-1)
  if (first === undefined || last === undefined || end === undefined) return t('No commit of this partition is known.')
  const before = Math.max(0, (endAt(timeline.ends, first.atMs) ?? 0) - (first.offset ?? 0))
  const now = Math.max(0, end.offset - (last.offset ?? 0))
  if (commits.length === 1) return t('1 commit, on {0}: {1} behind now.', words.moment(first.atMs), words.digits(now))
  return t(
    '{0} commits from {1} to {2}: {3} behind at first, {4} behind now.',
    words.digits(commits.length),
    words.moment(first.atMs),
    words.moment(last.atMs),
    words.digits(before),
    words.digits(now),
  )
}

function axis(
  words: QuantityWords,
  { offsets, fromMs, toMs }: { offsets: readonly number[]; fromMs: number; toMs: number },
): string {
  const low = words.digits(Math.min(...offsets))
  const high = words.digits(Math.max(...offsets))
  return [
    `<line class="axis" x1="${LEFT}" y1="${HEIGHT - BOTTOM}" x2="${WIDTH - 8}" y2="${HEIGHT - BOTTOM}"/>`,
    `<text x="${LEFT - 6}" y="${TOP + 8}" text-anchor="end">${high}</text>`,
    `<text x="${LEFT - 6}" y="${HEIGHT - BOTTOM}" text-anchor="end">${low}</text>`,
    `<text x="${LEFT}" y="${HEIGHT - 6}">${escapeHtml(words.moment(fromMs))}</text>`,
    `<text x="${WIDTH - 8}" y="${HEIGHT - 6}" text-anchor="end">${escapeHtml(words.moment(toMs))}</text>`,
  ].join('')
}

function scale(from: number, to: number, low: number, high: number): (value: number) => number {
  const size = to - from
  return (value) => (size === 0 ? (low + high) / 2 : low + ((value - from) / size) * (high - low))
}

export function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
