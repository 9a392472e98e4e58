import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Forked processes: the directory lock is a POSIX lock, which belongs to a process, not to a thread.
    pool: 'forks',
  },
})
