import { defineConfig } from 'vitest/config';

/** Tests beside the unit tests that start so many processes that the quick checks would not be quick with them. */
export default defineConfig({
  test: {
    include: ['test/unit/**/*.shells.test.ts'],
    passWithNoTests: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    isolate: false,
    maxWorkers: 2,
  },
});
