import type { Environment } from './environment.ts'

/** The same machine; its warnings go elsewhere. */
export function loggedEnvironment(
  environment: Environment,
  emitWarning: Environment['process']['emitWarning'],
): Environment {
  const { files, clock, timers, random, process } = environment
  return {
    files,
    clock,
    timers,
    random,
    process: { pid: process.pid, emitWarning },
    lockDirectory: (directory) => environment.lockDirectory(directory),
    findLockHolder: (directory) => environment.findLockHolder(directory),
    isLocked: (directory) => environment.isLocked(directory),
    bindFence: (directory, name) => environment.bindFence(directory, name),
    connect: (directory, name) => environment.connect(directory, name),
  }
}
