import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { KINDS } from '../kinds/all.ts';
import { kindsPage } from './kinds-page.ts';

const PAGE = new URL('../../../docs/reference/kinds.md', import.meta.url);

describe('the reference page of the kinds', () => {
  it('is up to date: else run packages/apis/generate/kinds-reference.ts', () => {
    expect(readFileSync(PAGE, 'utf8')).toBe(kindsPage());
  });

  it('tells every kind, types and defaults', () => {
    const page = kindsPage();
    for (const { resource } of KINDS) expect(page).toContain(`## ${resource.kind}\n`);
    expect(page).toContain('| `minReplicas` | integer | `1` |');
    expect(page).toContain('| `syncerConfig.syncMode` | `push`, `pull`, `bidirectional` | `push` |');
  });
});
