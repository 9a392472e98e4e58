import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { defineConfig } from 'vitest/config'
import { desktopVscode } from './scripts/vscode/desktop.ts'
import { vscodePool } from './test/support/vscode/pool.ts'

/** Kafka and the benchmark want the machine for themselves: they run after the others, one file at a time. */
const alone = (groupOrder: number) => ({ maxWorkers: 1, sequence: { groupOrder } })

export default defineConfig({
  resolve: {
    alias: [
      // The extension uses the SDK by its public names.
      { find: /^tidemark$/, replacement: join(import.meta.dirname, 'sdk/index.ts') },
      { find: /^tidemark\/inspect$/, replacement: join(import.meta.dirname, 'sdk/inspect.ts') },
    ],
  },
  test: {
    // Forked processes: the directory lock is a POSIX lock, which belongs to a process, not to a thread.
    pool: 'forks',
    projects: [
      {
        extends: true,
        test: {
          name: 'core',
          include: ['test/**/*.test.ts'],
          exclude: [
            'test/kafka/**',
            'test/bench/**',
            'test/shells/**',
            'test/extension/host/**',
            'test/extension/workbench/**',
          ],
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
          name: 'shells',
          include: ['test/shells/**/*.test.ts'],
          testTimeout: 120_000,
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
        resolve: {
          alias: [{ find: 'vscode', replacement: join(import.meta.dirname, 'test/support/vscode/vscode.cjs') }],
        },
        test: {
          name: 'extension-host',
          include: ['test/extension/host/**/*.test.ts'],
          pool: vscodePool({
            // Where no desktop can be shown, a workbench in a browser takes its place.
            vscodeExecutablePath: desktopVscode() ?? join(import.meta.dirname, 'scripts/vscode/launcher.ts'),
            extensionDevelopmentPath: import.meta.dirname,
            workspace: join(import.meta.dirname, 'test/fixtures/workspace'),
            log: join(import.meta.dirname, '.vscode-test/host.log'),
          }),
          // Otherwise every file would start a VS Code of its own.
          isolate: false,
          fileParallelism: false,
          server: { deps: { external: [/support\/vscode\/vscode\.cjs$/] } },
          testTimeout: 30_000,
          ...alone(2),
        },
      },
      {
        extends: true,
        // The packed extension, in a workbench of its own per file.
        test: {
          name: 'workbench',
          include: ['test/extension/workbench/**/*.test.ts'],
          testTimeout: 180_000,
          ...alone(3),
        },
      },
      {
        extends: true,
        // Small sizes, so that the benchmark cannot rot; `npm run bench` runs it for its figures.
        test: { name: 'bench', include: ['test/bench/**/*.test.ts'], testTimeout: 120_000, ...alone(4) },
      },
    ],
  },
})
