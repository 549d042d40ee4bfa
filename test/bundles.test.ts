import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleOptions } from '../scripts/bundle-options.ts';

const root = resolve(import.meta.dirname, '..');

/** Imports a bundle, invokes it without any setting and prints the stack of its error as Lambda's log would hold it. */
const FAIL = `
const { handler } = await import(process.argv[1]);
await handler({ Records: [] }, {}).catch(({ stack }) => process.stdout.write(stack));
process.exit(0);
`;

describe('function bundles', () => {
  let folders: string[];

  beforeAll(async () => {
    folders = [1, 2].map(() => mkdtempSync(join(tmpdir(), 'tmc-bundles-')));
    for (const folder of folders) await build(bundleOptions(['place.ts'], folder));
  });
  afterAll(() => {
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  });

  it('are the same bytes wherever they are built, so that what did not change is not deployed again', () => {
    const [one, other] = folders.map((folder) => readFileSync(join(folder, 'place.mjs')));
    expect(one?.length).toBeGreaterThan(100_000);
    expect(one?.equals(other ?? Buffer.alloc(0))).toBe(true);
  });

  it('have maps that are not linked, by which a stack trace is read afterwards', () => {
    const folder = folders[0] ?? '';
    const bundle = join(folder, 'place.mjs');
    expect(readFileSync(bundle, 'utf8')).not.toContain('sourceMappingURL');
    const node = (args: string[], input = '') =>
      spawnSync(process.execPath, args, { input, encoding: 'utf8', env: {}, timeout: 15_000 });
    const { stdout: stack } = node(['--input-type=module', '--eval', FAIL, pathToFileURL(bundle).href]);
    expect(stack).toMatch(/place\.mjs:\d+:\d+/);
    const { stdout: traced } = node([join(root, 'scripts/trace.ts'), folder], stack);
    expect(traced).not.toMatch(/place\.mjs:\d+:\d+/);
    expect(traced).toMatch(/packages\/adapters\/fleet\/config-error\.ts:\d+:\d+/);
  });
});
