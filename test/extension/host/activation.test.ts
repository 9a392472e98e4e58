import { expect, test } from 'vitest'
import { extensions } from 'vscode'

test('the extension activates in a real extension host', async () => {
  const extension = extensions.getExtension('tidemark.tidemark')
  await extension?.activate()
  expect(extension?.isActive).toBe(true)
})
