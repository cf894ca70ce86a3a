import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['packages/*/test/**/*.test.ts', 'scripts/**/*.test.mjs', 'bench/**/*.test.mjs'],
    // Each file gets its own process: tests start servers, freeze them and kill them.
    pool: 'forks',
    // Most of them wait, for servers and for leases to end, more than they reckon.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    testTimeout: 20_000,
    hookTimeout: 20_000,
    // Without one of their own they would wait for a second, which a slow machine may need for one look.
    expect: { poll: { timeout: 15_000 } },
  },
})
