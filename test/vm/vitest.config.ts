import { defineConfig } from 'vitest/config';

// One file after another: they share one VM, which emulates its processor on most machines.
export default defineConfig({
  test: {
    include: ['test/vm/**/*.test.ts'],
    globalSetup: ['test/vm/setup.ts'],
    passWithNoTests: false,
    // Once more, and named at the end of the run: machines that stall are no fault of the code.
    retry: 1,
    fileParallelism: false,
    testTimeout: 90_000,
    // The first use of the VM on a machine builds it.
    hookTimeout: 120_000,
  },
});
