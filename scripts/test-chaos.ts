/**
 * `npm run test:chaos [-- --kills N] [--seed N] [--only phase,phase]`: the relay as a process of its own between real kube-apiserver and
 * etcd, SQS (ElasticMQ) and DynamoDB (DynamoDB Local), killed, stopped, cut off and starved under a write load. After each kind of
 * disturbance the view of a consumer that believes only messages must equal what the server holds. Closes with `N passed, N failed`.
 */
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { build, stop } from 'esbuild';
import { PHASES } from '../test/chaos/phases.ts';
import { runChaos } from '../test/chaos/run.ts';
import { whyNoJava } from '../test/emulators/java.ts';
import { scratchFolder } from '../test/real/harness/process.ts';
import { ensureKubeBinaries, whyNoKubeBinaries } from '../test/real/tools/build.ts';
import { relayBundleOptions } from './bundle-options.ts';

const { values } = parseArgs({
  options: { kills: { type: 'string' }, seed: { type: 'string' }, only: { type: 'string' } },
});
const kills = whole('kills', values.kills ?? '200');
const seed = whole('seed', values.seed ?? String(Date.now() % 2 ** 31));
const names = values.only?.split(',');
const unknown = names?.filter((name) => !PHASES.some((phase) => phase.name === name)) ?? [];
if (unknown.length > 0) {
  console.error(`no such phase: ${unknown.join(', ')}; there are ${PHASES.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}

const missing = (await whyNoJava()) ?? (await whyNoKubeBinaries());
if (missing !== undefined) {
  console.log(`SKIPPED: all of test:chaos, because ${missing}`);
  console.log('\n0 passed, 0 failed');
  process.exit(0);
}

await ensureKubeBinaries();
// Leaving this way runs what ends every server and removes every folder.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130));
const scratch = scratchFolder('tmc-chaos-bundle-');
const bundle = join(scratch.path, 'relay.mjs');
await build(relayBundleOptions(bundle));
await stop();
console.log(`chaos: seed ${seed}, ${kills} kills; again with: npm run test:chaos -- --seed ${seed} --kills ${kills}`);
const evidence = resolve(import.meta.dirname, '..', '.cache', 'chaos', String(seed));
// The first phase starts the relay.
const phases = PHASES.filter(({ name }) => name === 'calm' || !names || names.includes(name));
const { passed, failed } = await runChaos({ seed, kills, bundle, phases, evidence });
scratch.remove();
console.log(`\n${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);

function whole(name: string, text: string): number {
  if (/^\d{1,9}$/.test(text) || (name === 'seed' && /^\d{1,10}$/.test(text))) return Number(text);
  console.error(`--${name} is a whole number, got "${text}"`);
  process.exit(2);
}
