/** `tidemark/testing`: the machine as Tidemark sees it, to be replaced in tests. */
export type { Clock, Environment, File, FileSystem, Randomness, Timers } from './environment/environment.ts'
export { MemoryEnvironment } from './environment/memory-environment.ts'
export { nodeEnvironment } from './environment/node-environment.ts'
