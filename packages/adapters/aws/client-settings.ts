import { systemClock } from '@tmc/kernel/clock.ts';
import { restingAgents } from './agents.ts';

/**
 * A function waits for one attempt at most so long. All attempts of a call, three unless the environment says otherwise, take 18 s
 * then, and the work of an invocation ends after 19 of its 20 s.
 */
const CONNECT_MS = 1_000;
const REQUEST_MS = 5_000;
/** As many calls at a time as a full batch makes; more would wait for a socket. */
const SOCKETS = 64;

/** How SDK clients speak to AWS unless told otherwise: their region, credentials, endpoint and number of attempts come from the environment. */
export function clientSettings() {
  const agents = restingAgents({ keepAlive: true, maxSockets: SOCKETS }, systemClock);
  return {
    retryMode: 'standard',
    requestHandler: {
      connectionTimeout: CONNECT_MS,
      requestTimeout: REQUEST_MS,
      throwOnRequestTimeout: true,
      httpAgent: agents.http,
      httpsAgent: agents.https,
    },
  } as const;
}

/** Time-out in ms of a call that may wait this long at the service. */
export const requestTimeoutMs = (waitMs: number): number => waitMs + REQUEST_MS;
