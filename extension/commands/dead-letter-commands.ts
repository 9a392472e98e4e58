import { t } from '@vscode/l10n'
import type { DeadLetter } from 'tidemark'
import { commands, type Disposable, window } from 'vscode'
import { deadLetterWords, sendBackWords } from '../model/dead-letter-words.ts'
import type { QuantityWords } from '../model/quantity-words.ts'
import type { DataSource } from '../source/data-source.ts'
import { findDeadLetterTopics } from '../source/dead-letter-topics.ts'
import type { Sources } from '../view/sources.ts'
import { guardChange } from './change-guard.ts'

interface LetterTopic {
  readonly source: DataSource
  readonly topic: string
}

/** What handlers gave up on, and back to where it came from. */
export function registerDeadLetterCommands(sources: Sources, words: QuantityWords): readonly Disposable[] {
  return [commands.registerCommand('tidemark.showDeadLetters', () => showDeadLetters(sources, words))]
}

async function showDeadLetters(sources: Sources, words: QuantityWords): Promise<void> {
  const place = await pickTopic(sources)
  if (place === undefined) return
  const letters = await pickLetters(place, words)
  if (letters.length === 0) return
  await guardChange(() => sendBack(place, letters, words), 'tide.deadLetters(…).sendBack()')
}

async function pickTopic(sources: Sources): Promise<LetterTopic | undefined> {
  const found: LetterTopic[] = []
  for (const source of sources.all) {
    const topics = await source.use(findDeadLetterTopics).catch(() => [])
    found.push(...topics.map((topic) => ({ source, topic })))
  }
  if (found.length === 0) void window.showInformationMessage(t('No topic begins with a dead letter.'))
  if (found.length < 2) return found[0]
  const items = found.map((place) => ({ label: place.topic, description: place.source.name, place }))
  return (await window.showQuickPick(items, { title: t('Dead letters of which topic?') }))?.place
}

async function pickLetters({ source, topic }: LetterTopic, words: QuantityWords): Promise<readonly DeadLetter[]> {
  const letters = await source.use((tide) => tide.deadLetters(topic).list())
  if (letters.length === 0) {
    void window.showInformationMessage(t('All dead letters of {0} were sent back.', topic))
    return []
  }
  // The newest are what somebody comes for.
  const items = letters
    .toSorted((a, b) => b.failedAtMs - a.failedAtMs || b.origin.offset - a.origin.offset)
    .map((letter) => ({ ...deadLetterWords(letter, words), letter }))
  const picked = await window.showQuickPick(items, {
    title: t('Dead letters of {0}', topic),
    placeHolder: t('Choose those that are to be sent back'),
    canPickMany: true,
    matchOnDescription: true,
    matchOnDetail: true,
  })
  return (picked ?? []).map(({ letter }) => letter)
}

async function sendBack({ source, topic }: LetterTopic, letters: readonly DeadLetter[], words: QuantityWords) {
  const count = words.digits(letters.length)
  const question = letters.length === 1 ? t('Send 1 dead letter back?') : t('Send {0} dead letters back?', count)
  const yes = t('Send Back')
  const detail = sendBackWords(letters, words)
  if ((await window.showWarningMessage(question, { modal: true, detail }, yes)) !== yes) return
  const sent = await source.change((tide) => tide.deadLetters(topic).sendBack(letters))
  void window.showInformationMessage(
    sent.length === 1
      ? t('1 dead letter of {0} was sent back.', topic)
      : t('{0} dead letters of {1} were sent back.', words.digits(sent.length), topic),
  )
}
