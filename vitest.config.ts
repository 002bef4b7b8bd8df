import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/unit/**/*.test.ts', 'test/lab/**/*.test.ts'],
    // A stage of their own: test/shells.
    exclude: ['**/*.shells.test.ts'],
    passWithNoTests: false,
    // Against hangs, not slowness: beside other work a test takes fifty times as long as alone.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Half of the time went into loading the same modules for each file. No test here changes what
    // another one sees: they make their own folders and objects.
    isolate: false,
    // By default one core of two stays idle.
    maxWorkers: 2,
  },
});
