import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { GOLDEN_USERS, targetOf } from '@tmc/kubesim/golden-target.ts';
import { startKubesim } from '@tmc/kubesim/index.ts';
import { beforeAll, describe, expect, it } from 'vitest';
import { areasOf, type GoldenSet, runGolden, SETS, type Verdict } from '../golden-own/checker.ts';
import { fidelityTable, refusedScenarios, writeTable, writtenTable } from '../golden-own/fidelity.ts';

const MOST_REFUSED = 15;
const GOLDEN = resolve(import.meta.dirname, '../golden');

async function checkKubesim(set: GoldenSet): Promise<Verdict> {
  const { kind } = set;
  const kubesim = await startKubesim({ kind, tokens: GOLDEN_USERS[kind] });
  try {
    return await runGolden('check', set, { target: targetOf(kubesim, 'ca.crt'), files: { 'ca.crt': kubesim.caPem } });
  } finally {
    await kubesim.close();
  }
}

describe('the simulator and recorded behaviour of real servers', () => {
  const sets = Object.keys(SETS) as (keyof typeof SETS)[];
  let verdicts: Record<keyof typeof SETS, Verdict>;

  beforeAll(async () => {
    // Most of the time of a run is waiting, so that they may run at once.
    const all = await Promise.all(sets.map(async (set) => [set, await checkKubesim(SETS[set])] as const));
    verdicts = Object.fromEntries(all) as typeof verdicts;
  }, 180_000);

  it.each(sets)('%s: every scenario holds but those its README refuses', (set) => {
    const { passed, output } = verdicts[set];
    const names = [...areasOf(SETS[set]).values()].flat();
    const refused = refusedScenarios();
    expect(names.length).toBeGreaterThan(10);
    expect(
      names.filter((name) => !passed.has(name) && !refused.includes(name)),
      output,
    ).toEqual([]);
    expect(
      refused.filter((name) => passed.has(name)),
      'refused, yet it holds',
    ).toEqual([]);
    expect(refused.length).toBeLessThanOrEqual(MOST_REFUSED);
  });

  it('is told by the README of the simulator as it is', () => {
    const passed = Object.fromEntries(sets.map((set) => [set, verdicts[set].passed])) as Parameters<
      typeof fidelityTable
    >[0];
    const table = fidelityTable(passed);
    if (process.env['TMC_UPDATE_README']) writeTable(table);
    expect(writtenTable(), 'TMC_UPDATE_README=1 writes it anew').toBe(table);
  });
});

/** Where the originals are, which are not part of this project; its own copy must be equal to them. */
const SOURCE = process.env['TMC_GOLDEN_SOURCE'] ?? '';

describe('the copy of the recordings', () => {
  it('is as it was when it was made: a recording is never mended to fit', () => {
    expect(digestOf(contents(GOLDEN)), 'after new recordings of real servers: write the digest to golden.sha256').toBe(
      readFileSync(join(import.meta.dirname, 'golden.sha256'), 'utf8').trim(),
    );
  });

  it('is equal to its source', ({ skip }) => {
    if (SOURCE === '') {
      console.log('SKIPPED: the copy of the recordings and its source, because TMC_GOLDEN_SOURCE names no folder');
      return skip();
    }
    expect(contents(GOLDEN)).toEqual(contents(SOURCE));
  });
});

/** Text of all files below a folder by relative path. */
function contents(folder: string): Record<string, string> {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
  const files = paths.filter((path) => statSync(join(folder, path)).isFile());
  return Object.fromEntries(files.map((path) => [path, readFileSync(join(folder, path), 'utf8')]));
}

/** SHA-256 over names and contents, in order of the names. */
function digestOf(files: Record<string, string>): string {
  const hash = createHash('sha256');
  for (const [path, text] of Object.entries(files)) hash.update(JSON.stringify([path, text]));
  return hash.digest('hex');
}
