import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { COMMANDS } from '../../../sdk/cli/run.ts'
import { tidemark } from './support/memory-terminal.ts'

function has(shell: string): boolean {
  return spawnSync(shell, ['-c', 'exit 0']).status === 0
}

/** What bash would offer behind these words. */
async function offered(...words: readonly string[]): Promise<string[]> {
  const { output } = await tidemark(['completion', 'bash'])
  const script = `${output}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')})
COMP_CWORD=${words.length - 1}
_tidemark
printf '%s\\n' "\${COMPREPLY[@]}"`
  const { stdout, stderr } = spawnSync('bash', ['--norc', '-c', script], { encoding: 'utf8' })
  expect(stderr).toBe('')
  return stdout.split('\n').filter((line) => line !== '')
}

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

test.skipIf(!has('bash'))('bash completes commands, options, shells, and leaves paths to itself', async () => {
  expect(await offered('tidemark', 'he')).toEqual(['health', 'help'])
  expect(await offered('tidemark', '')).toEqual([...COMMANDS.map(({ name }) => name), 'help', '--help', '--version'])
  expect(await offered('tidemark', 'lag', './data', '--w')).toEqual(['--watch'])
  expect(await offered('tidemark', 'reset', './data', '--to-')).toEqual(expect.arrayContaining(['--to-earliest']))
  expect(await offered('tidemark', 'lag', './d')).toEqual([])
  expect(await offered('tidemark', 'completion', '')).toEqual(['bash', 'zsh', 'fish'])
  expect(await offered('tidemark', 'help', 'ba')).toEqual(['backup'])
})

test.each(['bash', 'zsh', 'fish'].filter(has))('%s finds nothing wrong with its script', async (shell) => {
  const { output } = await tidemark(['completion', shell])
  const { status, stderr } = spawnSync(shell, ['-n'], { input: output, encoding: 'utf8' })
  expect([status, stderr]).toEqual([0, ''])
})
