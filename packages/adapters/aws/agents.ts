import type { AgentOptions, ClientRequest, Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Duplex } from 'node:stream';
import type { Clock } from '@tmc/kernel/clock.ts';

/**
 * A socket that rested for longer is not used again. AWS closes idle ones itself, and networks forget them after minutes; a process
 * that was suspended, as functions are between invocations, has seen neither. Chosen freely, well below the shortest of both.
 */
const REST_MS = 60_000;

/** Agents for `https` and `http` that keep sockets for the next call, but not for one that comes much later. */
export function restingAgents(
  options: AgentOptions,
  clock: Clock,
): { readonly https: HttpsAgent; readonly http: HttpAgent } {
  // As an import it would load what `fetch` needs too: a third of a cold start.
  const { Agent } = process.getBuiltinModule('node:http');
  return { https: resting(new HttpsAgent(options), clock), http: resting(new Agent(options), clock) };
}

function resting<A extends HttpAgent>(agent: A, clock: Clock): A {
  const sinceMs = new WeakMap<Duplex, number>();
  const keep = agent.keepSocketAlive.bind(agent);
  const reuse = agent.reuseSocket.bind(agent);
  agent.keepSocketAlive = (socket: Duplex) => {
    sinceMs.set(socket, clock());
    return keep(socket);
  };
  agent.reuseSocket = (socket: Duplex, request: ClientRequest) => {
    reuse(socket, request);
    if (clock() - (sinceMs.get(socket) ?? clock()) <= REST_MS) return;
    // What a socket says whose other side is gone: the SDK calls again at once, on another one.
    request.destroy(Object.assign(new Error('the connection rested too long'), { code: 'ECONNRESET' }));
    socket.destroy();
    for (const rested of Object.values(agent.freeSockets).flat()) rested?.destroy();
  };
  return agent;
}
