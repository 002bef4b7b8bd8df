import { defineConfig } from 'vitest/config';

// One walk after another: they share the VM and the two cores.
export default defineConfig({
  test: {
    include: ['test/e2e/**/*.test.ts'],
    passWithNoTests: false,
    fileParallelism: false,
    testTimeout: 180_000,
    hookTimeout: 45 * 60_000,
    bail: 1,
  },
});
