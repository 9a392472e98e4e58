/** The programs some tests need and npm cannot bring: a JDK and Maven for Kafka, a Chromium for VS Code's workbench, shells. */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { step } from './step.mjs'
import { chromiumProgram } from './vscode/chromium-program.ts'

/** Apache Kafka 4 needs it for the broker. */
const JAVA_MIN_VERSION = 17

const KAFKA = {
  packages: ['default-jdk-headless', 'maven'],
  missing: missingKafkaPrograms,
  howToGetThem: {
    darwin: 'brew install openjdk maven',
    win32: 'winget install EclipseAdoptium.Temurin.21.JDK, and Maven from https://maven.apache.org/download.cgi',
    linux:
      'install a JDK (17 or newer) and Maven with your package manager; as root on Debian or Ubuntu this is done for you',
  },
}

const WORKBENCH = {
  packages: ['chromium', 'fonts-liberation', 'fonts-dejavu-core'],
  missing: () => (chromiumProgram() === undefined ? ['Chromium, Chrome or Edge'] : []),
  howToGetThem: {
    darwin: 'brew install --cask google-chrome',
    win32: 'winget install Google.Chrome',
    linux:
      'install chromium with your package manager, or name one in CHROMIUM; as root on Debian or Ubuntu this is done for you',
  },
}

const SHELLS = {
  packages: ['bash', 'zsh', 'fish'],
  missing: () => SHELLS.packages.filter((shell) => spawnSync(shell, ['-c', 'exit 0']).status !== 0),
  howToGetThem: {
    darwin: 'brew install fish',
    win32: 'run the tests in WSL: on Windows itself there is no zsh and no fish',
    linux: 'install zsh and fish with your package manager; as root on Debian or Ubuntu this is done for you',
  },
}

/** Installs what Kafka's tests need, where that is ours to do. Returns what is still missing, in words, or undefined. */
export async function ensureKafkaPrograms() {
  return await ensure(KAFKA)
}

/** The same for the tests that look at the extension in a workbench. */
export async function ensureWorkbenchPrograms() {
  return await ensure(WORKBENCH)
}

/** The same for the tests that complete command lines. */
export async function ensureShells() {
  return await ensure(SHELLS)
}

async function ensure({ packages, missing, howToGetThem }) {
  if (missing().length > 0 && isDebianAsRoot()) {
    // On from the shell that asked for it: apt must not ask anything.
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    await step('apt-get update', 'apt-get', ['update', '-qq'], { env })
    await step(
      `apt-get install ${packages.join(' ')}`,
      'apt-get',
      ['install', '-y', '-qq', '--no-install-recommends', ...packages],
      { env },
    )
  }
  const names = missing()
  if (names.length === 0) return undefined
  return `missing: ${names.join(', ')}. To get it: ${howToGetThem[process.platform] ?? howToGetThem.linux}`
}

function missingKafkaPrograms() {
  const missing = []
  const java = process.env.JAVA_HOME ? `${process.env.JAVA_HOME}/bin/javac` : 'javac'
  const version = Number(/javac (\d+)/.exec(output(java, '-version'))?.[1] ?? 0)
  if (version === 0) missing.push(`a JDK (17 or newer; there is no ${java})`)
  else if (version < JAVA_MIN_VERSION)
    missing.push(`a JDK 17 or newer (${java} is ${version}; JAVA_HOME says which one is used)`)
  if (!/Apache Maven/.test(output(process.platform === 'win32' ? 'mvn.cmd' : 'mvn', '-version')))
    missing.push('Maven (there is no mvn)')
  return missing
}

function output(program, ...args) {
  const result = spawnSync(program, args, { encoding: 'utf8', shell: process.platform === 'win32' })
  return `${result.stdout ?? ''}${result.stderr ?? ''}`
}

function isDebianAsRoot() {
  if (process.platform !== 'linux' || process.getuid?.() !== 0 || !existsSync('/etc/os-release')) return false
  return /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(readFileSync('/etc/os-release', 'utf8'))
}
