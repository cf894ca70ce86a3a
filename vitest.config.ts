import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['packages/*/test/**/*.test.ts', 'scripts/**/*.test.mjs'],
    // Each file gets its own process: tests start servers, freeze them and kill them.
    pool: 'forks',
    testTimeout: 20_000,
    hookTimeout: 20_000,
  },
})
