import { t } from '@vscode/l10n'
import type { LagRow, ResetTarget } from 'tidemark'
import { window } from 'vscode'

/** Asks where a group is to go; undefined: the user thought better of it. `single`: the only partition it is about. */
export async function pickResetTarget(title: string, single: LagRow | undefined): Promise<ResetTarget | undefined> {
  const isStuckSomewhere = single?.committedOffset != null && (single.lagRecords ?? 1) > 0
  const choices: readonly { label: string; description: string; ask: () => Promise<ResetTarget | undefined> }[] = [
    ...(isStuckSomewhere
      ? [
          {
            label: t('$(debug-step-over) Skip one record'),
            description: t('the next one, on which it may be stuck'),
            ask: async () => ({ by: 1 }),
          },
        ]
      : []),
    {
      label: t('$(debug-restart) To the earliest record'),
      description: t('everything that is there again'),
      ask: async () => 'earliest' as const,
    },
    {
      label: t('$(debug-continue) To the end'),
      description: t('skips what is there'),
      ask: async () => 'latest' as const,
    },
    {
      label: t('$(symbol-numeric) To an offset…'),
      description: t('or the nearest one that is there'),
      ask: () =>
        askNumber(title, t('Offset of the next record to read'), 0).then(
          (offset) => offset && { offset: offset.value },
        ),
    },
    {
      label: t('$(calendar) To a point in time…'),
      description: t('the first record at or after it'),
      ask: () => askTime(title),
    },
    {
      label: t('$(arrow-swap) By a number of offsets…'),
      description: t('on, or back with a minus'),
      ask: () =>
        askNumber(title, t('Offsets to go on, or back with a minus'), Number.NEGATIVE_INFINITY).then(
          (by) => by && { by: by.value },
        ),
    },
  ]
  const chosen = await window.showQuickPick(choices, { title, placeHolder: t('Where is it to go on?') })
  return await chosen?.ask()
}

async function askNumber(title: string, prompt: string, least: number): Promise<{ value: number } | undefined> {
  const isFine = (text: string) =>
    /^[+-]?\d+$/.test(text.trim()) && Number(text) >= least && Number.isSafeInteger(Number(text))
  const text = await window.showInputBox({
    title,
    prompt,
    validateInput: (input) => (isFine(input) ? undefined : t('A whole number')),
  })
  return text === undefined ? undefined : { value: Number(text) }
}

async function askTime(title: string): Promise<ResetTarget | undefined> {
  const text = await window.showInputBox({
    title,
    prompt: t('A time such as 2026-03-01T04:00 (of this machine’s zone), or how long ago: PT30M, PT6H, P7D'),
    validateInput: (input) => (timeOf(input) === undefined ? t('A time, or a duration such as PT30M') : undefined),
  })
  return text === undefined ? undefined : timeOf(text)
}

function timeOf(text: string): ResetTarget | undefined {
  if (/^-?P/i.test(text.trim())) return { duration: text.trim() }
  const timestampMs = Date.parse(text)
  return Number.isNaN(timestampMs) ? undefined : { timestampMs }
}
