import { defineConfig } from 'vitest/config';

/** Suites by how real they are; `scripts/test.ts` runs the first ones, `test:real` the last. */
const project = (name: string, include: string[], timeoutMs = 10_000) => ({
  extends: true as const,
  test: { name, include, testTimeout: timeoutMs, hookTimeout: timeoutMs },
});

export default defineConfig({
  test: {
    reporters: ['default'],
    sequence: { shuffle: { files: false, tests: true } },
    projects: [
      project(
        'unit',
        ['packages/**/*.test.ts', 'test/*.test.ts', 'functions/**/*.test.ts', 'stacks/**/*.test.ts', 'bench/*.test.ts'],
        20_000,
      ),
      project('contract', ['test/contract/**/*.test.ts'], 60_000),
      project('scenario', ['test/scenario/**/*.test.ts'], 120_000),
      project('embedded', ['test/embedded/**/*.test.ts'], 180_000),
      project('docs', ['test/docs/**/*.test.ts'], 240_000),
      project('stacks', ['test/stacks/**/*.test.ts'], 300_000),
      project('aws', ['test/aws/**/*.test.ts'], 600_000),
      project('real', ['test/real/**/*.test.ts'], 600_000),
    ],
  },
});
