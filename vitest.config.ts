import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

/** Kafka and the benchmark want the machine for themselves: they run after the others, one file at a time. */
const alone = (groupOrder: number) => ({ maxWorkers: 1, sequence: { groupOrder } })

export default defineConfig({
  test: {
    // Forked processes: the directory lock is a POSIX lock, which belongs to a process, not to a thread.
    pool: 'forks',
    projects: [
      {
        extends: true,
        test: {
          name: 'core',
          include: ['test/**/*.test.ts'],
          exclude: ['test/kafka/**', 'test/bench/**'],
          testTimeout: 30_000,
          hookTimeout: 60_000,
          // Most of them wait for disks and processes, not for the processor.
          maxWorkers: availableParallelism(),
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'kafka',
          include: ['test/kafka/**/*.test.ts'],
          globalSetup: ['test/support/kafka-setup.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          ...alone(1),
        },
      },
      {
        extends: true,
        // Small sizes, so that the benchmark cannot rot; `npm run bench` runs it for its figures.
        test: { name: 'bench', include: ['test/bench/**/*.test.ts'], testTimeout: 120_000, ...alone(2) },
      },
    ],
  },
})
