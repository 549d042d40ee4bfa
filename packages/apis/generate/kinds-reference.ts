/** Writes `docs/reference/kinds.md`. Usage: `node scripts/run.mjs packages/apis/generate/kinds-reference.ts` */
import { mkdirSync, writeFileSync } from 'node:fs';
import { kindsPage } from './kinds-page.ts';

const file = new URL('../../../docs/reference/kinds.md', import.meta.url);
mkdirSync(new URL('.', file), { recursive: true });
writeFileSync(file, kindsPage());
console.log(`wrote ${file.pathname}`);
