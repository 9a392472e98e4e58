/**
 * The machine as Tidemark sees it, to be replaced in tests.
 *
 * @module tidemark/testing
 */
export type {
  Clock,
  Connection,
  ConnectionEvents,
  DirectoryLock,
  Environment,
  Fence,
  File,
  FileStat,
  FileSystem,
  LockHolder,
  Mount,
  Randomness,
  Timer,
  Timers,
} from './environment/environment.ts'
export type { CrashOptions } from './environment/memory-disk.ts'
export { MemoryEnvironment, type MemoryOptions } from './environment/memory-environment.ts'
export type { DiskOperation, FaultOptions } from './environment/memory-faults.ts'
export { nodeEnvironment } from './environment/node-environment.ts'
