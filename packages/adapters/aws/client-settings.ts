import { systemClock } from '@tmc/kernel/clock.ts';
import { restingAgents } from './agents.ts';

/** A function waits for AWS at most so long: less than its time-out leaves after a second attempt. */
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
