import { expect, test } from 'vitest'
import { COMMANDS } from '../../../sdk/cli/run.ts'
import { tidemark } from './support/memory-terminal.ts'

test('every script names every command and every option', async () => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { code, output } = await tidemark(['completion', shell])
    expect(code).toBe(0)
    for (const { name, options } of COMMANDS) {
      expect(output, shell).toContain(name)
      for (const option of Object.keys(options))
        expect(output, shell).toContain(shell === 'fish' ? `-l ${option}` : `--${option}`)
    }
    expect((await tidemark(['completion', shell, '--json'])).json()).toEqual([{ shell, script: output }])
  }
})

test('another shell is wrong use', async () => {
  const { code, errors } = await tidemark(['completion', 'tcsh'])
  expect([code, errors]).toEqual([2, expect.stringContaining('SHELL is one of bash, zsh, fish, not "tcsh".')])
})
