import { t } from '@vscode/l10n'
import type { QuantityWords } from './quantity-words.ts'
import { lagAt, type Timeline } from './timeline.ts'
import { escapeHtml, pictureWords, timelinePicture } from './timeline-picture.ts'

/** Newest commits in the table; the whole history is what `tidemark history` prints. */
const ROWS_AT_MOST = 100

/**
 * Pictures for the eye, tables for the keyboard and the screen reader. The script does nothing but put a newer
 * `timelineContent` in the place of the old one: a page loaded anew would lose its place.
 */
export function timelinePage(
  group: string,
  content: string,
  options: { readonly nonce: string; readonly language: string },
): string {
  const { nonce, language } = options
  return `<!DOCTYPE html>
<html lang="${escapeHtml(language)}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'nonce-${nonce}'; script-src 'nonce-${nonce}'">
<title>${escapeHtml(t('Commits of {0}', group))}</title>
<style nonce="${nonce}">${STYLE}</style>
</head>
<body>
<main>${content}</main>
<script nonce="${nonce}">${SCRIPT}</script>
</body>
</html>`
}

/** What stands in the page: one section per partition. */
export function timelineContent(group: string, timelines: readonly Timeline[], words: QuantityWords): string {
  const sections = timelines.map((timeline) => section(timeline, words))
  const empty = `<p>${escapeHtml(t('{0} has not committed anything that is still known.', group))}</p>`
  return `<h1>${escapeHtml(t('Commits of {0}', group))}</h1>
<p>${escapeHtml(since(timelines, words))}</p>
${sections.length === 0 ? empty : sections.join('\n')}`
}

function section(timeline: Timeline, words: QuantityWords): string {
  const name = `${timeline.topic}-${timeline.partition}`
  return `<section aria-label="${escapeHtml(name)}">
<h2>${escapeHtml(name)}</h2>
<p>${escapeHtml(pictureWords(timeline, words))}</p>
${timelinePicture(timeline, words)}
<p class="legend"><span class="key end"></span>${escapeHtml(t('end of the log'))} <span class="key committed"></span>${escapeHtml(t('committed'))}</p>
<details id="${escapeHtml(name)}">
<summary>${escapeHtml(t('As a table'))}</summary>
${table(timeline, words)}
</details>
</section>`
}

function table(timeline: Timeline, words: QuantityWords): string {
  const heads = [t('Committed on'), t('Offset'), t('Behind')].map((head) => `<th scope="col">${escapeHtml(head)}</th>`)
  const rows = timeline.commits
    .slice(-ROWS_AT_MOST)
    .toReversed()
    .map((commit) => {
      const lag = lagAt(timeline, commit)
      const cells = [
        words.moment(commit.atMs),
        commit.offset === null ? t('removed') : words.digits(commit.offset),
        lag === undefined ? '–' : words.digits(lag),
      ]
      return `<tr>${cells.map((cell) => `<td>${escapeHtml(cell)}</td>`).join('')}</tr>`
    })
  return `<table><thead><tr>${heads.join('')}</tr></thead><tbody>${rows.join('')}</tbody></table>`
}

/** Compaction keeps only the newest commits: a picture must not pretend to know what was before. */
function since(timelines: readonly Timeline[], words: QuantityWords): string {
  const firsts = timelines.flatMap(({ commits }) => commits[0]?.atMs ?? [])
  if (firsts.length === 0) return ''
  return t('What is known begins on {0}. Times are those of the commits.', words.moment(Math.min(...firsts)))
}

const SCRIPT = `
addEventListener('message', ({ data }) => {
  const main = document.querySelector('main');
  const opened = [...main.querySelectorAll('details[open]')].map((each) => each.id);
  const focused = document.activeElement?.closest('details')?.id;
  main.innerHTML = data;
  for (const id of opened) document.getElementById(id)?.setAttribute('open', '');
  if (focused) document.getElementById(focused)?.querySelector('summary').focus();
});
`

const STYLE = `
body { font-family: var(--vscode-font-family); font-size: var(--vscode-font-size); color: var(--vscode-foreground); padding: 0 1rem 2rem; }
main { max-width: 60rem; }
h1 { font-size: 1.3em; font-weight: 600; }
h2 { font-size: 1.05em; font-weight: 600; margin-top: 2em; }
svg { width: 100%; max-width: 45rem; height: auto; display: block; }
svg text { fill: var(--vscode-foreground); font-size: 11px; }
.axis { stroke: var(--vscode-foreground); stroke-opacity: .4; }
.end { fill: none; stroke: var(--vscode-charts-foreground, currentColor); stroke-width: 1.5; stroke-dasharray: 5 3; }
.committed { fill: none; stroke: var(--vscode-charts-blue, currentColor); stroke-width: 2; }
.commit { fill: var(--vscode-charts-blue, currentColor); }
.lag { fill: var(--vscode-charts-blue, currentColor); fill-opacity: .12; stroke: none; }
.legend { opacity: .9; }
.key { display: inline-block; width: 1.6em; vertical-align: middle; margin: 0 .4em 0 0; border-top: 2px solid var(--vscode-charts-blue, currentColor); }
.key.end { border-top: 2px dashed var(--vscode-charts-foreground, currentColor); }
.key.committed { margin-left: 1em; }
summary { cursor: pointer; color: var(--vscode-textLink-foreground); }
summary:focus-visible { outline: 1px solid var(--vscode-focusBorder); outline-offset: 2px; }
table { border-collapse: collapse; margin-top: .5em; }
th, td { text-align: right; padding: .15em .8em .15em 0; font-variant-numeric: tabular-nums; }
th:first-child, td:first-child { text-align: left; }
`
