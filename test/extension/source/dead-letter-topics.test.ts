import { expect, test } from 'vitest'
import { findDeadLetterTopics } from '../../../extension/source/dead-letter-topics.ts'
import { SampleWorkspace } from '../../support/vscode/sample-workspace.ts'

test('topics of dead letters are told from others by their first record', async () => {
  await using workspace = await SampleWorkspace.create()
  const { tide } = workspace
  expect(await findDeadLetterTopics(tide)).toEqual([])
  await workspace.leaveDeadLetters()
  expect(await findDeadLetterTopics(tide)).toEqual(['refunds-failed'])
})
