/** What the scripts print while they work, and how they run other programs. */
import { spawn } from 'node:child_process'

/** Says what is done next. */
export function announce(text) {
  console.log(`▸ ${text}`)
}

/** A program that did not end well; its own output has been shown already. */
export class StepFailed extends Error {}

/**
 * Runs a program on our terminal and resolves with its exit code. Ctrl-C reaches it by itself; a SIGTERM is handed on.
 */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: 'inherit', ...options })
    const handOn = (signal) => child.kill(signal)
    const ignore = () => {}
    process.on('SIGTERM', handOn).on('SIGINT', ignore)
    child.once('error', reject)
    child.once('close', (code, signal) => {
      process.off('SIGTERM', handOn).off('SIGINT', ignore)
      resolve(signal ? 1 : (code ?? 1))
    })
  })
}

/** Announces and runs a program, says how long it took, and throws `StepFailed` unless it exits with 0. */
export async function step(text, command, args, options) {
  announce(text)
  const startedMs = performance.now()
  const code = await run(command, args, options)
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1)
  if (code !== 0) throw new StepFailed(`${text}: failed (exit code ${code}) after ${seconds} s`)
  console.log(`  done in ${seconds} s`)
}
