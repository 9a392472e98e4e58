import { t } from '@vscode/l10n'
import type { ResetChange } from 'tidemark'
import type { QuantityWords } from './quantity-words.ts'

/** `1,851 → 0` */
export function changeNumbers({ before, after }: ResetChange, words: QuantityWords): string {
  const number = (position: ResetChange['before']) => (position === null ? t('nothing') : words.digits(position.offset))
  return `${number(before)} → ${number(after)}`
}

/** What the change means for whoever consumes. */
export function changeWords(change: ResetChange, words: QuantityWords): string {
  const { redelivered, skipped, outside, isUnchanged, hasMovedOn } = change
  const notes = [
    isUnchanged ? t('stays where it is') : undefined,
    redelivered === 1 ? t('1 record delivered again') : undefined,
    redelivered !== null && redelivered > 1 ? t('{0} records delivered again', words.digits(redelivered)) : undefined,
    skipped === 1 ? t('1 record skipped') : undefined,
    skipped !== null && skipped > 1 ? t('{0} records skipped', words.digits(skipped)) : undefined,
    outside === null ? undefined : t('{0} is not in the log; this is the nearest', words.digits(outside)),
    hasMovedOn ? t('the group has committed since') : undefined,
  ].filter((note) => note !== undefined)
  return notes.length > 0 ? notes.join(', ') : t('no record again, none skipped')
}
