import type { LagRow } from 'tidemark'
import { expect, test } from 'vitest'
import { groupsNamed, lensWords } from '../../../extension/model/lens-words.ts'
import { QuantityWords } from '../../../extension/model/quantity-words.ts'
import type { SourceSnapshot } from '../../../extension/model/snapshot.ts'

const row = (topic: string): LagRow =>
  ({ group: 'postman', topic, partition: 0, lagState: 'behind', lag: 3, lagRecords: 3 }) as LagRow

/** `postman` reads two topics, and is stuck on a record of the mails. */
const SOURCE = {
  name: 'data',
  groups: [
    {
      group: 'postman',
      type: 'consumer',
      state: 'Empty',
      rows: [row('letters'), row('mails')],
      health: {
        members: 0,
        verdicts: [{ rule: 'stuck', severity: 'error', topic: 'mails', partition: 0 }],
        progress: {},
      },
    },
  ],
} as unknown as SourceSnapshot

function lens(...topics: readonly string[]): string {
  return lensWords('postman', groupsNamed('postman', topics, [SOURCE]), new QuantityWords('en'))
}

test('above a line stands what is wrong with the topics that it consumes', () => {
  expect(lens('mails')).toBe('postman · 3 behind · stuck · not running')
  expect(lens('letters')).toBe('postman · 3 behind · not running')
  expect(lens(), 'where the file does not say which').toBe('postman · 6 behind · stuck · not running')
})
