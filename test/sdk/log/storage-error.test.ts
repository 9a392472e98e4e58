import { join } from 'node:path'
import { expect, test } from 'vitest'
import { storageError } from '../../../sdk/log/storage-error.ts'
import { runProcess } from '../../support/run-process.ts'

test('what the system refused is told in one sentence, with what to do in the next', () => {
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
  expect(storageError(full, 'append to t-0')).toMatchObject({
    code: 'STORAGE_ERROR',
    message:
      'Could not append to t-0: ENOSPC: no space left on device, write. The disk is full: free some space, then try again.',
    cause: full,
  })
  expect(storageError(new Error('It broke.'), 'read t-0').message).toBe(
    'Could not read t-0: It broke. Check the disk and the system log.',
  )
})

test("Node's permission model, which forbids to flush anything, is named as the reason", async () => {
  const door = join(import.meta.dirname, '../../../sdk/open.ts')
  const program = `import { open } from ${JSON.stringify(door)}; await open('unused')`
  const { code, stderr } = await runProcess(
    process.execPath,
    ['--permission', '--allow-fs-read=*', '--input-type=module', '--eval', program],
    { cwd: import.meta.dirname },
  )
  expect(code).toBe(1)
  expect(stderr).toContain('Node forbids it, since it runs with --permission')
})
