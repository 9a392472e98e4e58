import { randomBytes } from 'node:crypto'
import type { Environment } from './environment.ts'
import { nodeClock, nodeTimers } from './node-clock.ts'
import { connect } from './node-connection.ts'
import { bindFence } from './node-fence.ts'
import { nodeFileSystem } from './node-file-system.ts'
import { findLockHolder, isLocked, lockDirectory } from './node-lock.ts'

const environment: Environment = {
  files: nodeFileSystem,
  clock: nodeClock,
  timers: nodeTimers,
  random: { bytes: (count) => randomBytes(count), number: () => Math.random() },
  process: {
    pid: process.pid,
    emitWarning: (message, code) => process.emitWarning(message, { type: 'TidemarkWarning', code }),
  },
  lockDirectory,
  findLockHolder,
  isLocked,
  bindFence,
  connect,
}

/** The machine this process runs on. */
export function nodeEnvironment(): Environment {
  return environment
}
