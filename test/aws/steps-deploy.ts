import { expect } from 'vitest';
import { until } from '../real/harness/process.ts';
import { type Change, deployOrFail } from './deploy-process.ts';
import { missingGiven } from './installation.ts';
import { added, type Inventory, inventory, named } from './leftovers.ts';
import type { System } from './system.ts';

/** What the command that deploys promises; each is a test, in this order. */

const actionsOf = (changes: readonly Change[]) => [...new Set(changes.map(({ action }) => action))];
const linesOf = (changes: readonly Change[]) =>
  changes.map(({ action, type, name, fields = [] }) => [action, type, name, ...fields].join(' ')).sort();

export async function planOnly(system: System): Promise<readonly Change[]> {
  const before = await inventory(system.clients);
  const { changes } = await deployOrFail(system.prepared, 'deploy', ['--dry-run']);
  expect(actionsOf(changes)).toEqual(['create']);
  expect(added(before, await inventory(system.clients))).toEqual([]);
  return changes;
}

export async function deployAsPlanned(system: System, planned: readonly Change[]): Promise<void> {
  const answer = await deployOrFail(system.prepared, 'deploy');
  system.deployed(answer.deployment);
  expect(linesOf(answer.changes)).toEqual(linesOf(planned));
  const { functions, queues, table } = system.deployment;
  const all = await inventory(system.clients);
  expect(all['functions']).toEqual(expect.arrayContaining(Object.values(functions)));
  expect(all['tables']).toContain(table);
  expect(all['mappings']?.length).toBeGreaterThanOrEqual(Object.keys(queues).length);
  console.log(`deployed ${answer.changes.length} resources in ${seconds(answer.elapsedMs)}`);
}

export async function deployAgain(system: System): Promise<void> {
  const answer = await deployOrFail(system.prepared, 'deploy');
  expect(linesOf(answer.changes.filter(({ action }) => action !== 'none'))).toEqual([]);
  expect(answer.changes.length).toBeGreaterThan(0);
  expect(answer.deployment).toEqual(system.deployment);
  console.log(`the second deployment took ${seconds(answer.elapsedMs)}`);
}

/** Code and environment of the functions were changed by hand: the command brings them back and touches nothing else. */
export async function bringBack(system: System): Promise<void> {
  const answer = await deployOrFail(system.prepared, 'deploy');
  const changed = answer.changes.filter(({ action }) => action !== 'none');
  const isFunction = (line: string) => line.startsWith('update aws:lambda/function:Function ');
  expect(linesOf(changed).filter((line) => !isFunction(line))).toEqual([]);
  expect(changed).toHaveLength(Object.keys(system.deployment.functions).length);
  await deployAgain(system);
}

export async function removeAll(system: System, before: Inventory): Promise<void> {
  const answer = await deployOrFail(system.prepared, 'remove');
  system.removed();
  // An invocation that ends after its function was removed may still write its log.
  await until(
    'nothing to be left',
    async () => {
      const after = await inventory(system.clients);
      const left = [...named(after, system.prepared.app), ...added(before, after)];
      return left.length === 0 ? undefined : [...new Set(left)].join('\n');
    },
    10_000,
  );
  expect(await missingGiven(system.prepared, system.clients)).toEqual([]);
  console.log(`removed in ${seconds(answer.elapsedMs)}`);
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
