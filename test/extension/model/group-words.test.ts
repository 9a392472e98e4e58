import type { GroupProgress, HealthVerdict } from 'tidemark'
import { expect, test } from 'vitest'
import { trendWords, verdictText } from '../../../extension/model/group-words.ts'
import { QuantityWords } from '../../../extension/model/quantity-words.ts'

const WORDS = new QuantityWords('en')

test('a verdict says what is wrong and where, by which rule, on what evidence, and what to do', () => {
  const verdict: HealthVerdict = {
    rule: 'stuck',
    severity: 'error',
    group: 'postman',
    topic: 'mails',
    partition: 0,
    words: 'it does not get past offset 4',
    evidence: { offset: 4, givenUp: 37, sinceMs: 125_000, reason: null, clientId: '*x*' },
    advice: 'Mend the handler.',
  }
  expect(verdictText(verdict, WORDS)).toBe(
    '$(error) `mails-0`: it does not get past offset 4 *(stuck)*\n\nMend the handler.\n\nEvidence: offset 4, given up 37, for 2 min, client id `*x*`',
  )
})

test.each([
  ['shrinking', 40_000, 'catching up, 40 s'],
  ['shrinking', null, 'catching up'],
  // A loop that has not come round yet: it would flicker between the two.
  ['shrinking', 900, undefined],
  ['growing', null, undefined],
] as const)('lag that is %s and takes %s ms more: %s', (trend, etaMs, words) => {
  const progress = { lag: 12, trend, etaMs, timeLagMs: 300 } as GroupProgress
  const health = { members: 1, progress, verdicts: [] } as never
  expect(trendWords({ group: 'g', type: 'consumer', state: 'Stable', rows: [], health }, WORDS)).toBe(words)
})
