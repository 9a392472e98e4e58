/** The completion scripts in the shells they are for. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { COMMANDS } from '../../sdk/cli/run.ts'
import { tidemark } from '../sdk/cli/support/memory-terminal.ts'

const NAMES = COMMANDS.map(({ name }) => name)

interface Shell {
  /** What the shell says of the script's syntax. */
  readonly check: readonly string[]
  /** Prints what the shell offers where a line ends, one a line; `$1` is the script, `$2` the line. */
  readonly program: string
  readonly options: readonly string[]
}

const BASH = `
. "$1"
read -ra COMP_WORDS <<< "$2"
case "$2" in *' ') COMP_WORDS+=('') ;; esac
COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
_tidemark
# As its option "default" does where nothing is offered.
[ \${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- "\${COMP_WORDS[COMP_CWORD]}"))
printf '%s\\n' "\${COMPREPLY[@]}"`

/** Zsh completes in an editor only: one in a terminal of its own, in which every match is printed. */
const ZSH = `
zmodload zsh/zpty
zpty -b inner zsh -f -i
zpty -w inner "autoload -Uz compinit; compinit -u -d $1.dump; source $1
compadd() {
  local -a found
  [[ \\\${@[1,(i)(-|--)]} == *-(O|A|D)* ]] || { builtin compadd -A found \\"\\$@\\"; print -rl -- '' OFFERED:\\\${^found} }
  builtin compadd \\"\\$@\\"
}
zstyle ':completion:*' list-grouped no
finish() { print -r -- ''; print -r -- EN'D OF OFFERS' }
comppostfuncs=(finish)
print -r -- REA'DY FOR IT'"
zpty -r inner out '*READY FOR IT*'
zpty -w -n inner "$2"$'\\t'
zpty -r inner out '*END OF OFFERS*'
print -r -- "$out" | tr -d '\\r' | sed -n 's/^OFFERED://p'
zpty -d inner`

const SHELLS: Readonly<Record<string, Shell>> = {
  bash: { check: ['-n'], program: BASH, options: ['--norc', '-c'] },
  zsh: { check: ['-f', '-n'], program: ZSH, options: ['-f', '-c'] },
  fish: {
    check: ['--no-config', '-n'],
    program: 'source $argv[2]; complete -C $argv[3] | cut -f 1',
    options: ['--no-config', '-c'],
  },
}

/** The script in a folder with `data/`. */
async function createScript(shell: string): Promise<{ readonly folder: string; readonly path: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-shell-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  mkdirSync(join(folder, 'data'))
  const path = join(folder, 'script')
  writeFileSync(path, (await tidemark(['completion', shell])).output)
  return { folder, path }
}

test.each(Object.keys(SHELLS))('%s finds nothing wrong with its script', async (shell) => {
  const { path } = await createScript(shell)
  const { status, stderr } = spawnSync(shell, [...SHELLS[shell]!.check, path], { encoding: 'utf8' })
  expect([status, stderr]).toEqual([0, ''])
})

test.each(Object.keys(SHELLS))(
  '%s completes commands, options, what may follow help and completion, and paths',
  async (shell) => {
    const { program, options } = SHELLS[shell]!
    const { folder, path } = await createScript(shell)
    const offered = (line: string): string[] => {
      const args = [...options, program, shell, path, line]
      const { stdout, stderr } = spawnSync(shell, args, { encoding: 'utf8', cwd: folder, timeout: 25_000 })
      expect(stderr, line).toBe('')
      return [...new Set(stdout.split('\n').filter((word) => word !== ''))].sort()
    }
    expect(offered('tidemark he')).toEqual(['health', 'help'])
    expect(offered('tidemark ')).toEqual(expect.arrayContaining([...NAMES, 'help']))
    expect(offered('tidemark --')).toEqual(['--help', '--version'])
    expect(offered('tidemark lag ./data --w')).toEqual(['--watch'])
    expect(offered('tidemark reset ./data --to-')).toEqual(expect.arrayContaining(['--to-earliest', '--to-latest']))
    expect(offered('tidemark completion ')).toEqual(['bash', 'fish', 'zsh'])
    expect(offered('tidemark help ba')).toEqual(['backup'])
    expect(offered('tidemark lag d')).toEqual([expect.stringMatching(/^data\/?$/)])
    // A topic may be called as a command is.
    expect(offered('tidemark read ./data reset --to-')).toEqual([])
    expect(offered('tidemark read ./data help ba')).toEqual([])
  },
)
