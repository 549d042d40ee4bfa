import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/**
 * Folders with the bundle of each function, made as the build and its budgets make them, rather than by SST's own bundler. When the
 * program is only evaluated, the evaluation makes them as it is asked for each.
 */
export function bundledFunctions(names: readonly string[]): (name: string) => string {
  const { root, work } = $cli.paths;
  const folder = join(work, 'functions');
  if ($cli.command !== 'evaluate') {
    execFileSync('node', ['scripts/run.mjs', 'scripts/bundle-functions.ts', folder, ...names], {
      cwd: root,
      stdio: 'pipe',
    });
  }
  return (name) => join(folder, name);
}
