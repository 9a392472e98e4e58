import { t } from '@vscode/l10n'
import type { FileRow } from 'tidemark/inspect'
import type { QuantityWords } from './quantity-words.ts'
import { escapeHtml } from './timeline-picture.ts'
import { shortText } from './value-text.ts'

/** The page of a Kafka file; rows are put into it by messages, part by part. */
export function filePage(path: string, options: { readonly nonce: string; readonly language: string }): string {
  const { nonce, language } = options
  const name = escapeHtml(path)
  return `<!DOCTYPE html>
<html lang="${escapeHtml(language)}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'nonce-${nonce}'; script-src 'nonce-${nonce}'">
<title>${name}</title>
<style nonce="${nonce}">${STYLE}</style>
</head>
<body>
<main>
<h1>${name}</h1>
<table><caption id="caption">${escapeHtml(t('Reading…'))}</caption><tbody id="rows"></tbody></table>
<button id="more" hidden>${escapeHtml(t('Show more'))}</button>
</main>
<script nonce="${nonce}">${SCRIPT}</script>
</body>
</html>`
}

/** A part of a file, as the page takes it. */
export interface FilePart {
  /** Table rows as HTML. */
  readonly rows: string
  readonly caption: string
  readonly hasMore: boolean
}

/** A row of a file as a row of a table: where it is, what it is, what it says. */
export function fileRowHtml(row: FileRow, words: QuantityWords): string {
  switch (row.row) {
    case 'file':
      return ''
    case 'batch':
      return cells('batch', t('byte {0}', words.digits(row.position)), t('batch'), [
        t('offsets {0} – {1}', words.digits(row.baseOffset), words.digits(row.lastOffset)),
        row.recordCount === 1 ? t('1 record') : t('{0} records', words.digits(row.recordCount)),
        t('{0} bytes', words.digits(row.sizeBytes)),
        row.codec === 'none' ? '' : row.codec,
        row.maxTimestampMs < 0 ? '' : new Date(row.maxTimestampMs).toISOString(),
        row.leaderEpoch < 0 ? '' : t('epoch {0}', row.leaderEpoch),
        row.producerId < 0 ? '' : t('producer {0}', words.digits(row.producerId)),
        row.isTransactional ? t('transactional') : '',
        row.isControl ? t('control') : '',
      ])
    case 'record':
      return cells('record', t('offset {0}', words.digits(row.offset)), row.meaning?.type ?? t('record'), [
        row.meaning?.words ?? `${shortText(row.key)} → ${shortText(row.value).slice(0, 500)}`,
        ...row.headers.map(({ key, value }) => `${key}: ${shortText(value)}`),
      ])
    case 'entry':
      return cells('entry', t('byte {0}', words.digits(row.position)), t('entry'), [
        Object.entries(row.fields)
          .map(([name, value]) => `${name} ${String(value)}`)
          .join(' · '),
      ])
    case 'problem':
      return cells('problem', row.position === null ? '' : t('byte {0}', words.digits(row.position)), t('problem'), [
        row.what,
      ])
  }
}

function cells(kind: string, place: string, name: string, facts: readonly string[]): string {
  const told = facts.filter((fact) => fact !== '').map((fact) => `<span>${escapeHtml(fact)}</span>`)
  return `<tr class="${kind}"><td>${escapeHtml(place)}</td><td>${escapeHtml(name)}</td><td>${told.join(' · ')}</td></tr>`
}

const SCRIPT = `
const vscode = acquireVsCodeApi();
const more = document.getElementById('more');
more.addEventListener('click', () => { more.disabled = true; vscode.postMessage('more'); });
addEventListener('message', ({ data }) => {
  document.getElementById('rows').insertAdjacentHTML('beforeend', data.rows);
  document.getElementById('caption').textContent = data.caption;
  more.disabled = false;
  more.hidden = !data.hasMore;
});
vscode.postMessage('more');
`

const STYLE = `
body { font-family: var(--vscode-editor-font-family); font-size: var(--vscode-editor-font-size); color: var(--vscode-foreground); padding: 0 1rem 2rem; }
h1 { font-family: var(--vscode-font-family); font-size: 1.15em; font-weight: 600; overflow-wrap: anywhere; }
caption { text-align: left; padding-bottom: .6em; font-family: var(--vscode-font-family); }
table { border-collapse: collapse; }
td { padding: .1em 1em .1em 0; vertical-align: top; overflow-wrap: anywhere; }
td:first-child { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
td:nth-child(2) { white-space: nowrap; }
tr.batch td { padding-top: .6em; font-weight: 600; }
tr.batch span { white-space: nowrap; }
tr.problem { color: var(--vscode-errorForeground); }
button { margin-top: 1em; padding: .4em 1em; border: 1px solid var(--vscode-button-border, transparent); background: var(--vscode-button-background); color: var(--vscode-button-foreground); cursor: pointer; }
button:focus-visible { outline: 1px solid var(--vscode-focusBorder); outline-offset: 2px; }
`
