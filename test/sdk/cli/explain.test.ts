import { expect, test } from 'vitest'
import { explain } from '../../../sdk/cli/explain.ts'
import { UsageError } from '../../../sdk/cli/usage-error.ts'
import { TidemarkError } from '../../../sdk/errors.ts'

test('where closing fails after a command has failed, the reason is told, and no stack', () => {
  const full = new TidemarkError('STORAGE_ERROR', 'Could not append to t-0: the disk is full.')
  const closing = new TidemarkError('STORAGE_ERROR', 'Could not close t-0: the disk is full.')
  expect(explain(new SuppressedError(closing, full))).toEqual({ message: full.message, exitCode: 1 })
  expect(explain(new SuppressedError(closing, new UsageError('Which group?')))).toEqual({
    message: 'Which group?',
    exitCode: 2,
  })
})
