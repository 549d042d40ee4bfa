import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { ensureSstPlatform } from '../../scripts/sst-platform.ts';
import type { Program } from '../../stacks/evaluate/program.ts';
import { STAGES } from '../../stacks/stages.ts';

const root = resolve(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');

describe('the program', () => {
  const made: string[] = [];
  beforeAll(() => ensureSstPlatform(() => undefined));
  afterEach(() => {
    for (const folder of made.splice(0)) rmSync(folder, { recursive: true });
  });

  const types = (project: string) =>
    spawnSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', project], {
      cwd: root,
      encoding: 'utf8',
    });

  it('has the types of SST and of AWS', () => {
    const { stdout, status } = types('stacks');
    expect(stdout).toBe('');
    expect(status).toBe(0);
  });

  it('would be told of an option that SST does not have, and of a property that AWS does not have', () => {
    const folder = mkdtempSync(join(root, '.sst/types-'));
    made.push(folder);
    writeFileSync(
      join(folder, 'wrong.ts'),
      `new sst.aws.Queue('Q', { visibility: '1 second' });\nnew aws.sqs.Queue('Q', { fifo: true });\n`,
    );
    const config = { extends: '../../stacks/tsconfig.json', include: ['wrong.ts', '../../sst.config.ts'] };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
    const { stdout } = types(folder);
    expect(stdout).toContain("'visibility' does not exist in type 'QueueArgs'");
    expect(stdout).toContain("'fifo' does not exist in type 'QueueArgs'");
  });

  it('is small at its entry, and imports nothing there', () => {
    const text = read('sst.config.ts');
    expect(text).not.toMatch(/^\s*(import|export .* from)\b/m);
    expect(text.split('\n').length).toBeLessThanOrEqual(25);
  });

  describe('of each stage', () => {
    // By a value: its types are those of SST, which are checked above.
    const CONFIG: string = '../../sst.config.ts';
    const appOf = async (stage: string) => {
      vi.resetModules();
      vi.stubGlobal('$config', (config: unknown) => config);
      const { default: config } = (await import(CONFIG)) as { default: Program['config'] };
      return config.app({ stage });
    };
    afterEach(() => {
      vi.unstubAllGlobals();
      vi.doUnmock('../../stacks/stages.ts');
    });

    it.each(Object.entries(STAGES))('%s is removed and protected as its data says', async (stage, data) => {
      const { removal, protect } = data;
      expect(await appOf(stage)).toMatchObject({ removal, protect, name: 'tmc', home: 'aws' });
    });

    it('takes both from the data, and keeps what no stage says', async () => {
      const production = { removal: 'retain', protect: true };
      vi.doMock('../../stacks/stages.ts', () => ({
        STAGES: {
          dev: { removal: 'retain', protect: true },
          staging: { removal: 'remove', protect: true },
          production,
        },
      }));
      expect(await appOf('dev')).toMatchObject(production);
      expect(await appOf('staging')).toMatchObject({ removal: 'remove', protect: true });
      expect(await appOf('somebody')).toMatchObject(production);
    });
  });

  it('pins SST and the provider of AWS to what is installed', () => {
    const { devDependencies } = JSON.parse(read('package.json')) as { devDependencies: Record<string, string> };
    expect(devDependencies['sst']).toBe(read('.sst/platform/version').trim());
    const [provider, ...others] = JSON.parse(read('.sst/provider-lock.json')) as { name: string; version: string }[];
    expect(others).toEqual([]);
    expect(provider).toMatchObject({ name: 'aws', version: /version: '(.*?)'/.exec(read('sst.config.ts'))?.[1] });
  });
});
