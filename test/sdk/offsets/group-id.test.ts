import { expect, test } from 'vitest'
import { checkCommitMetadata, checkGroupId } from '../../../sdk/offsets/group-id.ts'

test('any text names a group as long as it is not empty, fits and reads back the same', () => {
  for (const group of ['a', ' ', '../x', 'grüße 😀', 'x'.repeat(32_767)])
    expect(() => checkGroupId(group)).not.toThrow()
  for (const group of ['', 'x'.repeat(32_768), '😀'.repeat(8192), 'a\ud800']) {
    expect(() => checkGroupId(group)).toThrow(expect.objectContaining({ code: 'INVALID_GROUP_ID' }))
  }
})

test('commit metadata has at most 4,096 UTF-16 units', () => {
  expect(() => checkCommitMetadata('ü'.repeat(4096), 't', 0)).not.toThrow()
  expect(() => checkCommitMetadata('😀'.repeat(2049), 't', 3)).toThrow(
    expect.objectContaining({ code: 'OFFSET_METADATA_TOO_LARGE', topic: 't', partition: 3 }),
  )
})
