import { t } from '@vscode/l10n'
import type { DeadLetter } from 'tidemark'
import type { QuantityWords } from './quantity-words.ts'
import { shortText } from './value-text.ts'

/** More of a value does not fit into a line. */
const VALUE_CHARACTERS = 120

/** A dead letter in a list: which record it was, who gave up on it and when, why, and what it is. */
export function deadLetterWords(letter: DeadLetter, words: QuantityWords) {
  const { origin, group, attempts, error, failedAtMs, bytes } = letter
  const value = shortText(bytes.value)
  const tries = attempts === 1 ? t('1 attempt') : t('{0} attempts', words.digits(attempts))
  return {
    label: `${origin.topic}-${origin.partition}@${origin.offset}`,
    description: [group, tries, words.moment(failedAtMs)].join(' · '),
    detail: `${error.name}: ${error.message} — ${value.length > VALUE_CHARACTERS ? `${value.slice(0, VALUE_CHARACTERS)}…` : value}`,
  }
}

/** What sending them back does, topic by topic. */
export function sendBackWords(letters: readonly DeadLetter[], words: QuantityWords): string {
  const counts = Map.groupBy(letters, ({ origin }) => origin.topic)
  const lines = [...counts].map(([topic, { length }]) =>
    length === 1 ? t('1 new record in {0}', topic) : t('{0} new records in {1}', words.digits(length), topic),
  )
  return [...lines, t('Every group that reads the topic gets them. They are not listed here any more.')].join('\n')
}
