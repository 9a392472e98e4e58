import { expect, test } from 'vitest'
import { commands, extensions } from 'vscode'

async function activated() {
  const extension = extensions.getExtension('tidemark.tidemark')
  await extension?.activate()
  return extension
}

test('the extension activates in a real extension host', async () => {
  expect((await activated())?.isActive).toBe(true)
})

test('every command of the manifest is registered', async () => {
  const extension = await activated()
  const listed: readonly { command: string }[] = extension?.packageJSON.contributes.commands
  const registered = new Set(await commands.getCommands(true))
  expect(listed.length).toBeGreaterThan(20)
  expect(listed.filter(({ command }) => !registered.has(command))).toEqual([])
})

test('commands called without a row, as from the palette, ask or say something, and do not throw', async () => {
  await activated()
  for (const name of ['refresh', 'pause', 'resume', 'clearFilter', 'copyName', 'copyRow', 'goToConsumers'])
    await expect(commands.executeCommand(`tidemark.${name}`), name).resolves.toBeUndefined()
})
