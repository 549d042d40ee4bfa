import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'vitest';
import { configurationOf, updateCode } from './functions.ts';
import { otherBuild } from './other-build.ts';
import type { System } from './system.ts';

/** What is done with the deployed functions themselves. */

/** How long the load runs before the first function is replaced under it. */
const UNDER_WAY_MS = 500;

/** Gives every function another build of its code, one after the other. */
export async function replaceCode({ clients, deployment }: System): Promise<void> {
  await pause(UNDER_WAY_MS);
  for (const [name, physical] of Object.entries(deployment.functions)) {
    const before = await configurationOf(clients, physical);
    const file = `${before.Handler?.split('.')[0]}.mjs`;
    await updateCode(clients, physical, await otherBuild(name, file));
    const after = await configurationOf(clients, physical);
    expect(after.CodeSha256, name).not.toBe(before.CodeSha256);
    expect(after.Environment, name).toEqual(before.Environment);
  }
}
