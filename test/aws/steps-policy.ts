import { expect } from 'vitest';
import { callsByLambda } from './policy/by-lambda.ts';
import { type Exception, judge } from './policy/evaluate.ts';
import { policiesOf } from './policy/policies-of.ts';
import type { System } from './system.ts';

/** What may be allowed though no call of this run used it. */
const EXCEPTIONS: readonly Exception[] = [
  {
    identity: 'relay-kcp-*',
    value: '*',
    resource: '*Commands*',
    reason: 'a command queue is for a member in pull mode, and the members of this fleet are written to',
  },
];

/** Every call that was made is allowed, and everything that is allowed was needed. */
export async function heldToPolicies({ clients, deployment, recorder }: System): Promise<void> {
  const policies = await policiesOf(clients, deployment);
  const calls = [...recorder.calls(), ...(await callsByLambda(clients, deployment))];
  const { denied, unused, idle } = judge({ policies, calls, exceptions: EXCEPTIONS });
  console.log(`${calls.length} calls of ${new Set(calls.map(({ identity }) => identity)).size} identities judged`);
  const deniedLines = denied.map(
    ({ identity, action, resource, leadingKeys = [], times }) =>
      `${identity} ${action} ${resource} ${leadingKeys.join(' ')} (${times} times)`,
  );
  const unusedLines = unused.map(
    ({ identity, element, value, actions, resources }) =>
      `${identity} ${element} ${value} of ${actions.join(' ')} on ${resources.join(' ')}`,
  );
  expect(deniedLines, 'called and not allowed').toEqual([]);
  expect(unusedLines, 'allowed and not called').toEqual([]);
  expect(idle, 'exceptions for nothing').toEqual([]);
}
