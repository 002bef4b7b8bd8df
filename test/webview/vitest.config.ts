// The webviews in a real browser. Kept apart from the unit tests, which need none.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/webview/**/*.test.ts'],
    passWithNoTests: false,
    // Once more, and named at the end of the run: machines that stall are no fault of the code.
    retry: 1,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // One browser at a time: the tests measure how long its main thread is busy.
    fileParallelism: false,
  },
});
