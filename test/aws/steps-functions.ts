import { setTimeout as pause } from 'node:timers/promises';
import { EAST, NAMESPACE, POLICY, WEST, WORKSPACE } from '@tmc/cli/demo/manifests.ts';
import { QUEUES } from '@tmc/kernel/envelope.ts';
import { expect } from 'vitest';
import { until } from '../real/harness/process.ts';
import { configurationOf, invoke, updateCode } from './functions.ts';
import { logOf } from './logs.ts';
import { otherBuild, SAYS } from './other-build.ts';
import { deadLetters, sendText } from './queues.ts';
import type { System } from './system.ts';

/** What is done with the deployed functions themselves. */

/** How long the load runs before the first function is replaced under it. */
const UNDER_WAY_MS = 500;

type Build = { readonly name: string; readonly physical: string; readonly zip: Uint8Array };

/** Another build of every function's code. */
export async function otherBuilds({ clients, deployment }: System): Promise<Build[]> {
  const builds: Build[] = [];
  for (const [name, physical] of Object.entries(deployment.functions)) {
    const { Handler = '' } = await configurationOf(clients, physical);
    builds.push({ name, physical, zip: await otherBuild(name, `${Handler.split('.')[0]}.mjs`) });
  }
  return builds;
}

/** Gives the functions these builds, one after the other. */
export async function replaceCode({ clients }: System, builds: readonly Build[]): Promise<void> {
  await pause(UNDER_WAY_MS);
  for (const { name, physical, zip } of builds) {
    const before = await configurationOf(clients, physical);
    await updateCode(clients, physical, zip);
    const after = await configurationOf(clients, physical);
    expect(after.CodeSha256, name).not.toBe(before.CodeSha256);
    expect(after.Environment, name).toEqual(before.Environment);
  }
}

/** Asks the read-only API by direct invocation, in the form a function URL gives to it. */
async function ask({ clients, deployment }: System, rawPath: string, method = 'GET'): Promise<unknown> {
  const event = { version: '2.0', rawPath, requestContext: { http: { method, path: rawPath } } };
  const answer = await invoke(clients, deployment.functions['api'] ?? '', event);
  const { statusCode, body } = answer as { statusCode: number; body: string };
  if (statusCode !== 200) throw new Error(`${method} ${rawPath}: ${statusCode} ${body}`);
  return JSON.parse(body) as unknown;
}

/** What the API shows is what the fleet is. */
export async function askApi(system: System): Promise<void> {
  const { targets } = (await ask(system, '/v1/targets')) as { targets: { name: string; health: string }[] };
  const healths = Object.fromEntries(targets.map(({ name, health }) => [name, health]));
  expect(healths).toEqual({ [WEST.target]: 'Healthy', [EAST.target]: 'Healthy' });
  const decisions = await ask(system, `/v1/workspaces/${WORKSPACE}/namespaces/${NAMESPACE}/decisions`);
  expect(JSON.stringify(decisions)).toContain(POLICY);
  const queues = JSON.stringify(await ask(system, '/v1/queues'));
  for (const queue of QUEUES) expect(queues).toContain(queue);
  await expect(ask(system, '/v1/targets', 'DELETE')).rejects.toThrow('405');
}

/** Longer than the minute after which an emulator's schedule is due, and its look at what is due. */
const SCHEDULE_MS = 90_000;

/** The schedule runs the sweep by itself where the endpoint has schedules that fire; else the test is the schedule. */
export async function sweep({ clients, deployment, recorder, target }: System): Promise<void> {
  if (!target.capabilities.schedulerFires) await invoke(clients, deployment.functions['sweep'] ?? '', {});
  await until(
    'a sweep of the targets',
    async () => {
      const swept = recorder
        .calls()
        .some(({ identity, action }) => identity === 'sweep' && action === 'dynamodb:Query');
      return swept ? undefined : 'it has not asked the table for the targets';
    },
    SCHEDULE_MS,
  );
}

/** What is no message is given up at once by every consumer, listed with its reason, and sent again when asked for. */
export async function strayTexts({ clients, deployment }: System): Promise<void> {
  const before = await deadLetters(clients, deployment);
  const redriveName = deployment.functions['redrive'] ?? '';
  const awaitDead = (more: number) =>
    until(
      `${more} more dead letters in each queue`,
      async () => {
        const now = await deadLetters(clients, deployment);
        return QUEUES.every((queue) => now[queue] === before[queue] + more)
          ? undefined
          : JSON.stringify({ before, now });
      },
      30_000,
    );
  for (const queue of QUEUES) await sendText(clients, deployment.queues[queue].url, 'no message of ours');
  await awaitDead(1);
  for (const queue of QUEUES) {
    const { dead } = (await invoke(clients, redriveName, { queue, list: true })) as { dead: { reason: string }[] };
    expect(dead.map(({ reason }) => reason)).toEqual([expect.stringContaining('is not JSON')]);
    expect(await invoke(clients, redriveName, { queue })).toEqual({ redriven: 1 });
  }
  // They are none the second time either.
  await awaitDead(1);
}

/** Functions of which the other build has started, by their logs. */
export async function startsOfOther({ clients, deployment }: System): Promise<string[]> {
  const started: string[] = [];
  for (const [name, physical] of Object.entries(deployment.functions)) {
    if ((await logOf(clients, physical)).some((line) => line.includes(SAYS))) started.push(name);
  }
  return started;
}
