import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/symbols/**/*.test.ts'],
    globalSetup: ['test/symbols/setup.ts'],
    passWithNoTests: false,
    testTimeout: 180_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
  },
});
