import type middy from '@middy/core';
import { messageOf } from '@tmc/kernel/errors.ts';
import { connectMembers, type MemberPlan } from '../fleet/connect.ts';
import { type Environment, type MemberSettings, parseMembers } from './environment.ts';
import type { KubeCredentials } from './kube-credentials.ts';
import type { FunctionRuntime } from './runtime.ts';
import type { Start } from './start.ts';
import { startConsumer } from './start-hub.ts';

/** So often the list of members is read again where a secret holds it: a deployment changes the secret, not the function. */
const LIST_MS = 5 * 60_000;

/** What a function that consumes a queue and reaches hub and members is wired from. @throws TmcError naming what cannot be used or reached. */
export async function startFleet(start: Start<Environment<'sync-down'>>): Promise<FunctionRuntime> {
  const runtime = await startConsumer(start);
  const { fleetHub: hub, credentials, clock, log } = runtime;
  const { TMC_MEMBERS: given } = start.env;
  const connect = (members: readonly MemberSettings[]) => connectMembers(plansOf(members, credentials), { hub, clock });
  if (!('secret' in given)) return { ...runtime, member: (await connect(given)).member };

  const read = () => credentials.secret(given.secret);
  let text = await read();
  let connected = await connect(parseMembers(text, given.secret));
  let readAtMs = clock();
  const refresh = async () => {
    if (clock() - readAtMs < LIST_MS) return;
    readAtMs = clock();
    try {
      const newText = await read();
      if (newText === text) return;
      const next = await connect(parseMembers(newText, given.secret));
      connected.close();
      [connected, text] = [next, newText];
    } catch (error) {
      log.warn({ reason: messageOf(error) }, 'the list of members stays as it was');
    }
  };
  const listed: middy.MiddlewareObj = { before: refresh };
  return {
    ...runtime,
    member: (key) => connected.member(key),
    middlewares: [...(runtime.middlewares ?? []), listed],
  };
}

function plansOf(members: readonly MemberSettings[], credentials: KubeCredentials): MemberPlan[] {
  return members.map((member) => ({ ...member, connection: credentials.connection(member.connection) }));
}
