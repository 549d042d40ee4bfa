import { connectMembers } from '../fleet/connect.ts';
import { type Environment, type MemberSettings, parseMembers } from './environment.ts';
import { followMembers } from './followed-members.ts';
import type { FunctionRuntime } from './runtime.ts';
import type { Start } from './start.ts';
import { startConsumer } from './start-hub.ts';

/** What a function that consumes a queue and reaches hub and members is wired from. @throws TmcError naming what cannot be used or reached. */
export async function startFleet(start: Start<Environment<'sync-down'>>): Promise<FunctionRuntime> {
  const runtime = await startConsumer(start);
  const { fleetHub: hub, credentials, clock, log, middlewares = [] } = runtime;
  const { TMC_MEMBERS: given } = start.env;
  const connect = (members: readonly MemberSettings[]) => {
    const plans = members.map((member) => ({ ...member, connection: credentials.connection(member.connection) }));
    return connectMembers(plans, { hub, clock });
  };
  if (!('secret' in given)) return { ...runtime, member: (await connect(given)).member };
  const { member, refresh } = await followMembers({
    read: () => credentials.secret(given.secret),
    connect: (text) => connect(parseMembers(text, given.secret)),
    clock,
    log,
  });
  return { ...runtime, member, middlewares: [...middlewares, { before: refresh }] };
}
