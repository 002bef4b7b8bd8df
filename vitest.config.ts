import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/unit/**/*.test.ts', 'test/lab/**/*.test.ts'],
    passWithNoTests: false,
    testTimeout: 20_000,
    // Half of the time went into loading the same modules for each file. No test here changes what
    // another one sees: they make their own folders and objects.
    isolate: false,
    // By default one core of two stays idle.
    maxWorkers: 2,
  },
});
