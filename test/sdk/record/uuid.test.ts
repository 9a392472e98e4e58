import { expect, test } from 'vitest'
import { uuidFromText, uuidToText, ZERO_UUID } from '../../../sdk/record/uuid.ts'

test('an id is the base64url of its bytes, 22 characters', () => {
  const bytes = Buffer.from('cbfa032f38064880a36af2d408d38bfe', 'hex')
  expect(uuidToText(bytes)).toBe('y_oDLzgGSICjavLUCNOL_g')
  expect(uuidFromText('y_oDLzgGSICjavLUCNOL_g')).toEqual(bytes)
  expect(uuidToText(new Uint8Array(16))).toBe(ZERO_UUID)
})

test('anything but an id is refused', () => {
  for (const text of [
    '',
    'y_oDLzgGSICjavLUCNOL',
    'y_oDLzgGSICjavLUCNOL_gA',
    'y/oDLzgGSICjavLUCNOL/g',
    'y_oDLzgGSICjavLUCNOL_h',
    ' y_oDLzgGSICjavLUCNOL_g',
  ]) {
    expect(() => uuidFromText(text), text).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
  }
  expect(() => uuidToText(Buffer.alloc(15))).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
})
