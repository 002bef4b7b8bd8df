import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/ssh/**/*.test.ts'],
    globalSetup: ['test/ssh/setup.ts'],
    passWithNoTests: false,
    // Once more, and named at the end of the run: machines that stall are no fault of the code.
    retry: 1,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // The tests wait much more than they compute, but every sshd and login shell wants a core.
    maxWorkers: 2,
  },
});
